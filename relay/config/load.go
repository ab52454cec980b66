package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"relaykeep/relay/bounce"
)

// LoadOptions say how a configuration is read.
type LoadOptions struct {
	// Secrets says whether env, file and credential are looked up outside the
	// blocks spool and admin, and the files that other keys name are read.
	// Without it the result is good for its Spool and Admin only.
	Secrets bool

	// LookupEnv gives the value of an environment variable; nil is
	// os.LookupEnv. See EnvFile.
	LookupEnv func(name string) (value string, ok bool)

	// presets gives the presets of a provider; nil: those of the built-in
	// packs, which take a while to read.
	presets func(provider string) presets
}

// smallest is the least that a configuration needs.
const smallest = `upstream "main" { address = "smtp.example.com:587" }`

// Load reads and validates the configuration in the file at path. The error is
// an *Error where the content is at fault, and one clear line in any case.
func Load(path string, o LoadOptions) (*Config, error) {
	source, err := readBounded(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no configuration at %s; name one with --config, or write there at least: %s", path, smallest)
	case err != nil:
		return nil, fmt.Errorf("cannot read the configuration %s: %w; name another one with --config", path, err)
	}
	return Parse(path, source, o)
}

// Parse is Load for a source at hand. Relative paths in it start at the folder
// of path; the file itself need not exist.
func Parse(path string, source []byte, o LoadOptions) (*Config, error) {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("cannot tell the folder of the configuration %s: %w", path, err)
	}
	if at, ok := tooDeep(path, source); ok {
		d := &decoder{file: path, source: mask(source, nil)}
		d.add(false, at, "blocks and brackets are nested too deep; %d levels are the most", maxDepth)
		return nil, &Error{d.diagnostics()}
	}
	file, syntax := hclsyntax.ParseConfig(source, path, hcl.InitialPos)
	body, _ := file.Body.(*hclsyntax.Body)
	d := &decoder{file: path, source: mask(source, body), folder: folder, secrets: o.Secrets, presets: o.presets}
	if d.presets == nil {
		d.presets = presetsByProvider()
	}
	if syntax.HasErrors() {
		d.addSyntax(syntax)
		return nil, &Error{d.diagnostics()}
	}
	l := lookups{folder: folder, env: o.LookupEnv}
	if l.env == nil {
		l.env = os.LookupEnv
	}
	d.closed, d.open = l.context(false), l.context(true)
	c := readConfig(newSection(d, "", body))
	if d.errors > 0 {
		return nil, &Error{d.diagnostics()}
	}
	c.Warnings = d.diagnostics()
	return c, nil
}

// readConfig reads the whole file.
func readConfig(s *section) *Config {
	c := &Config{Hostname: readHostname(s)}
	c.Spool = readSpool(s.block("spool"))
	c.Admin = readAdmin(s.block("admin"))
	c.Metrics = readMetrics(s.block("metrics"))
	c.Log = readLog(s.block("log"))
	c.Listeners = readListeners(s, c.Hostname)
	c.Packs = readPacks(s)
	c.Bounce = readBounce(s.block("bounce"), bounce.Settings{To: bounce.Sender})
	c.Upstreams = readUpstreams(s, c.Hostname, c.Bounce)
	c.DKIM = readDKIM(s, c.Upstreams)
	warnShortName(s, c)
	c.Retries = readRetries(s)
	c.Routes = readRoutes(s, c)
	c.Filters = readFilters(s)
	c.Dedupe = readDedupe(s.block("dedupe"))
	readWatching(s)
	s.end()
	return c
}
