package main

import (
	"errors"
	"fmt"

	"relaykeep/relay/config"
)

// configPath says which configuration is meant, and whether somebody chose it.
func (a *app) configPath(g *grammar) (path string, chosen bool) {
	if g.Config != "" {
		return g.Config, true
	}
	if path, ok := a.env("RELAYKEEP_CONFIG"); ok && path != "" {
		return path, true
	}
	return defaultConfig, false
}

// loadWhole loads the configuration with its secrets, and shows what is wrong
// with it in full.
func (a *app) loadWhole(g *grammar, env func(string) (string, bool)) (*config.Config, error) {
	path, _ := a.configPath(g)
	c, err := config.Load(path, config.LoadOptions{Secrets: true, LookupEnv: env})
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		return c, err
	}
	if err := wrong.Print(a.err, columns(a.err)); err != nil {
		return nil, err
	}
	faults := int64(0)
	for _, d := range wrong.List {
		if !d.Warning {
			faults++
		}
	}
	fmt.Fprintf(a.err, "\nrelaykeep: %s is not valid: %s\n", path, count(faults, "error", "errors"))
	return nil, errReported
}
