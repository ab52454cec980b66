package config

import (
	"fmt"
	"strings"
)

// EnvFile reads a file of KEY=VALUE lines, as systemd's EnvironmentFile= takes
// them: empty lines and those that begin with # or ; are skipped, and quotes
// around a whole value are taken off. The returned function looks there first
// and then asks next; it is meant for LoadOptions.LookupEnv.
func EnvFile(path string, next func(string) (string, bool)) (func(string) (string, bool), error) {
	text, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the environment file %s: %w", path, err)
	}
	values, line := parseEnv(string(text))
	if line != 0 {
		return nil, fmt.Errorf("%s:%d: this is no KEY=VALUE line", path, line)
	}
	return func(name string) (string, bool) {
		if v, ok := values[name]; ok {
			return v, true
		}
		return next(name)
	}, nil
}

// parseEnv gives the values, or the number of the first line that has none.
func parseEnv(text string) (values map[string]string, badLine int) {
	values = map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" || strings.ContainsAny(key, " \t\"'") {
			return nil, n
		}
		values[key] = unquote(strings.TrimSpace(value))
	}
	return values, 0
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
