package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"relaykeep/relay/admin"
	"relaykeep/upstream/classify"
)

// upstreamCmd holds the commands about the upstreams of the running daemon.
type upstreamCmd struct {
	List   upstreamListCmd   `cmd:"" help:"List the upstreams: whether they are asked, and why not."`
	Probe  upstreamProbeCmd  `cmd:"" help:"Try one upstream, or all, now: how far it lets us come. No mail is sent."`
	Pause  upstreamPauseCmd  `cmd:"" help:"Stop sending to an upstream until it is resumed."`
	Resume upstreamResumeCmd `cmd:"" help:"Send to a paused upstream again."`
}

// upstreamFlags are those of all commands about upstreams.
type upstreamFlags struct {
	socketFlag
	JSON bool `name:"json" help:"Print a JSON object per line."`
}

// upstreamListCmd is the command upstream list.
type upstreamListCmd struct {
	upstreamFlags
	Name *string `arg:"" optional:"" help:"Only this one."`
}

// Run lists.
func (c *upstreamListCmd) Run(ctx context.Context, a *app, g *grammar) error {
	daemon, err := a.openDaemon(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer daemon.Close()
	all, err := upstreamsNamed(ctx, daemon, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(a.out, all)
	}
	_, err = io.WriteString(a.out, upstreamTable(all, columns(a.out), a.palette(a.out), time.Now()))
	return err
}

// upstreamsNamed gives the upstream of this name, or all for nil.
func upstreamsNamed(ctx context.Context, daemon *admin.Client, name *string) ([]admin.Upstream, error) {
	all, err := daemon.Upstreams(ctx)
	if err != nil || name == nil {
		return all, err
	}
	var names []string
	for _, u := range all {
		if u.Name == *name {
			return []admin.Upstream{u}, nil
		}
		names = append(names, u.Name)
	}
	return nil, fmt.Errorf("there is no upstream %q; there are %s", *name, strings.Join(names, ", "))
}

// upstreamProbeCmd is the command upstream probe.
type upstreamProbeCmd struct {
	upstreamFlags
	Name *string `arg:"" optional:"" help:"Only this one."`
}

// Run probes, all upstreams at once.
func (c *upstreamProbeCmd) Run(ctx context.Context, a *app, g *grammar) error {
	daemon, err := a.openDaemon(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer daemon.Close()
	all, err := upstreamsNamed(ctx, daemon, c.Name)
	if err != nil {
		return err
	}
	results := make([]admin.ProbeResult, len(all))
	var probes errgroup.Group
	probes.SetLimit(probesAtOnce)
	for i, u := range all {
		probes.Go(func() (err error) {
			results[i], err = daemon.Probe(ctx, u.Name)
			return err
		})
	}
	if err := probes.Wait(); err != nil {
		return err
	}
	after, err := daemon.Upstreams(ctx)
	if err != nil {
		return err
	}
	return c.report(a, g, results, after)
}

// report prints what the probes found, and how the upstreams stand after them; the
// error says that some failed.
func (c *upstreamProbeCmd) report(a *app, g *grammar, results []admin.ProbeResult, after []admin.Upstream) error {
	if c.JSON {
		if err := printEach(a.out, results); err != nil {
			return err
		}
	} else {
		rules, err := a.classifier(g)
		if err != nil {
			return err
		}
		p := page{width: columns(a.out)}
		for _, r := range results {
			p.probed(r, rules)
			for _, u := range after {
				if r.OK && u.Name == r.Upstream && (u.State == admin.UpstreamDown || u.State == admin.UpstreamDisabled) {
					p.line("  ", stillClosed(u, time.Now()))
				}
			}
		}
		if _, err := io.WriteString(a.out, p.String()); err != nil {
			return err
		}
	}
	works := func(r admin.ProbeResult) bool { return r.OK }
	failed := len(slices.DeleteFunc(slices.Clone(results), works))
	if failed > 0 {
		return fmt.Errorf("%d of %s cannot be used as it is", failed, count(int64(len(results)), "upstream", "upstreams"))
	}
	return nil
}

// probed tells how a probe ended.
func (p *page) probed(r admin.ProbeResult, rules *classify.Classifier) {
	if r.OK {
		p.line("", r.Upstream+" works, up to the stage "+r.Verdict.Stage.String())
		return
	}
	p.line("", r.Upstream+" FAILS "+verdictWords("", r.Verdict))
	p.meaning("  ", r.Verdict.Rule, rules)
}

// stillClosed tells why an upstream is not used though a probe works: what failed
// comes after the login, where only a mail gets to.
func stillClosed(u admin.Upstream, now time.Time) string {
	s := fmt.Sprintf("but it is %s still: what failed comes after the login, and only a mail can try that", u.State)
	if u.Until.After(now) {
		s += ", the next one at " + clock(u.Until.Time, now)
	}
	if u.Incident > 0 {
		s += fmt.Sprintf(". At once: relaykeep incident resolve %d", u.Incident)
	}
	return s
}

// upstreamPauseCmd is the command upstream pause.
type upstreamPauseCmd struct {
	upstreamFlags
	Name string `arg:"" help:"The upstream."`
}

// Run pauses.
func (c *upstreamPauseCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.change(ctx, a, g, c.Name, (*admin.Client).Pause, pausedWords)
}

// upstreamResumeCmd is the command upstream resume.
type upstreamResumeCmd struct {
	upstreamFlags
	Name string `arg:"" help:"The upstream."`
}

// Run resumes.
func (c *upstreamResumeCmd) Run(ctx context.Context, a *app, g *grammar) error {
	return c.change(ctx, a, g, c.Name, (*admin.Client).Resume, resumedWords)
}

// change pauses or resumes an upstream and tells what was done.
func (f *upstreamFlags) change(ctx context.Context, a *app, g *grammar, name string,
	do func(*admin.Client, context.Context, string) (admin.Change, error), words func(admin.Change, time.Time) string) error {
	daemon, err := a.openDaemon(ctx, g, f.socketFlag)
	if err != nil {
		return err
	}
	defer daemon.Close()
	if _, err := upstreamsNamed(ctx, daemon, &name); err != nil {
		return err
	}
	done, err := do(daemon, ctx, name)
	if err != nil {
		return err
	}
	if f.JSON {
		return printJSON(a.out, done)
	}
	p := page{width: columns(a.out)}
	p.line("", words(done, time.Now()))
	_, err = io.WriteString(a.out, p.String())
	return err
}
