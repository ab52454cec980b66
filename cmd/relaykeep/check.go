package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"relaykeep/relay/config"
)

// checkCmd is the command check.
type checkCmd struct {
	Probe   bool   `help:"Also try each upstream: DNS, TCP, TLS, EHLO, AUTH; and whether each filter answers. No mail is sent."`
	EnvFile string `placeholder:"FILE" help:"Take what env() gives from the KEY=VALUE lines of a file first."`
	JSON    bool   `name:"json" help:"Print a JSON object per line."`
}

// Run validates the configuration, and tries the upstreams.
func (c *checkCmd) Run(ctx context.Context, a *app, g *grammar) error {
	env := a.env
	if c.EnvFile != "" {
		var err error
		if env, err = config.EnvFile(c.EnvFile, a.env); err != nil {
			return err
		}
	}
	conf, err := c.load(a, g, env)
	if err != nil || !c.Probe {
		return err
	}
	results, err := probeAll(ctx, conf.Upstreams)
	if err != nil {
		return err
	}
	return errors.Join(c.report(a, results), c.reportFilters(a, probeFilters(ctx, conf)))
}

// load loads the configuration and tells what there is to say about it.
func (c *checkCmd) load(a *app, g *grammar, env func(string) (string, bool)) (*config.Config, error) {
	if c.JSON {
		return c.loadJSON(a, g, env)
	}
	conf, err := a.loadWhole(g, env)
	if err != nil {
		return nil, err
	}
	if err := conf.Warnings.Print(a.err, columns(a.err)); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(a.out, "configuration is valid: %s, %s, %s%s\n",
		count(int64(len(conf.Listeners)), "listener", "listeners"),
		count(int64(len(conf.Upstreams)), "upstream", "upstreams"),
		count(int64(len(conf.Routes)), "route", "routes"), warned(conf))
	return conf, err
}

func warned(c *config.Config) string {
	if n := len(c.Warnings.List); n > 0 {
		return ", " + count(int64(n), "warning", "warnings")
	}
	return ""
}

// diagnosticJSON is a diagnostic as check --json prints it.
type diagnosticJSON struct {
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line"` // 0: the file as a whole
	Summary  string `json:"summary"`
}

// validJSON says that a configuration is valid.
type validJSON struct {
	Valid     bool `json:"valid"`
	Listeners int  `json:"listeners"`
	Upstreams int  `json:"upstreams"`
	Routes    int  `json:"routes"`
}

func (c *checkCmd) loadJSON(a *app, g *grammar, env func(string) (string, bool)) (*config.Config, error) {
	path, _ := a.configPath(g)
	conf, err := config.Load(path, config.LoadOptions{Secrets: true, LookupEnv: env})
	var wrong *config.Error
	switch {
	case errors.As(err, &wrong):
		return nil, errors.Join(printDiagnostics(a.out, wrong.Diagnostics), wrong)
	case err != nil:
		return nil, err
	}
	if err := printDiagnostics(a.out, conf.Warnings); err != nil {
		return nil, err
	}
	return conf, printJSON(a.out, validJSON{true, len(conf.Listeners), len(conf.Upstreams), len(conf.Routes)})
}

func printDiagnostics(w io.Writer, ds config.Diagnostics) error {
	for _, d := range ds.List {
		severity := "error"
		if d.Warning {
			severity = "warning"
		}
		if err := printJSON(w, diagnosticJSON{severity, d.File, d.Line, d.Summary}); err != nil {
			return err
		}
	}
	return nil
}
