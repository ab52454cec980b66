package main

import (
	"context"
	"fmt"
	"sync"

	"relaykeep/relay/config"
	"relaykeep/relay/filter"
)

// filterProbe says whether a content filter answers.
type filterProbe struct {
	options filter.Options
	err     error
}

// filterProbeJSON is a filterProbe as check --probe --json prints it.
type filterProbeJSON struct {
	Filter string `json:"filter"`
	Milter string `json:"milter"`
	OK     bool   `json:"ok"`
	Error  string `json:"error,omitempty"`
}

// probeFilters asks all content filters at once whether they are there. The
// results have their order.
func probeFilters(ctx context.Context, c *config.Config) []filterProbe {
	results := make([]filterProbe, len(c.Filters))
	var probes sync.WaitGroup
	for i, o := range c.Filters {
		o.Timeout = min(o.Timeout, probeTimeout)
		probes.Go(func() { results[i] = filterProbe{o, filter.New(o, nil).Probe(ctx)} })
	}
	probes.Wait()
	return results
}

// reportFilters prints what the probes found.
func (c *checkCmd) reportFilters(a *app, results []filterProbe) error {
	failed := 0
	for _, r := range results {
		if r.err != nil {
			failed++
		}
		if err := r.print(a, c.JSON); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s cannot be used as configured", failed, count(int64(len(results)), "filter", "filters"))
	}
	return nil
}

func (r filterProbe) print(a *app, json bool) error {
	if json {
		return printJSON(a.out, r.json())
	}
	outcome := "works"
	if r.err != nil {
		outcome = "FAILS: " + oneLine(r.err.Error())
	}
	_, err := fmt.Fprintf(a.out, "\nfilter %s at %s %s\n", r.options.Name, printable(r.milter()), outcome)
	return err
}

func (r filterProbe) json() filterProbeJSON {
	out := filterProbeJSON{Filter: r.options.Name, Milter: r.milter(), OK: r.err == nil}
	if r.err != nil {
		out.Error = r.err.Error()
	}
	return out
}

func (r filterProbe) milter() string { return r.options.Network + ":" + r.options.Address }
