package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

const (
	probesAtOnce = 8

	// probeTimeout bounds each step: who runs check waits for it.
	probeTimeout = 10 * time.Second
)

// probeResult is how far an upstream let us come.
type probeResult struct {
	upstream smtp.Options
	steps    []smtp.Step
	verdict  relay.Verdict
	noLogin  bool // it was left out: see refreshes
}

func (r probeResult) ok() bool { return r.verdict.Class == relay.ClassDelivered }

// probeAll tries all upstreams at once. The results have their order.
func probeAll(ctx context.Context, upstreams []config.Upstream) ([]probeResult, error) {
	classifier, err := classify.New()
	if err != nil {
		return nil, err
	}
	results := make([]probeResult, len(upstreams))
	var probes errgroup.Group
	probes.SetLimit(probesAtOnce)
	for i, u := range upstreams {
		probes.Go(func() error {
			r := &results[i]
			r.upstream = u.Options
			r.upstream.ConnectTimeout = atMost(u.ConnectTimeout, probeTimeout)
			r.upstream.CommandTimeout = atMost(u.CommandTimeout, probeTimeout)
			if refreshes(u.Auth) {
				r.upstream.Auth, r.noLogin = nil, true
			}
			t, err := smtp.New(r.upstream, classifier.Classify, nil)
			if err != nil {
				return fmt.Errorf("upstream %q: %w", u.Name, err)
			}
			defer t.Close()
			r.verdict = t.ProbeSteps(ctx, func(s smtp.Step) { r.steps = append(r.steps, s) })
			return nil
		})
	}
	return results, probes.Wait()
}

// refreshes reports whether a login uses up a refresh token: the provider may
// replace it, and only the daemon has the spool to keep the new one in.
func refreshes(a *smtp.Auth) bool { return a != nil && !a.RefreshToken.IsZero() }

const noLoginReason = "it would use up the refresh token, and only the daemon can keep the one that may replace it"

// atMost bounds a time-out of which 0 is the default.
func atMost(d, bound time.Duration) time.Duration { return min(cmp.Or(d, bound), bound) }

// report prints what the probes found.
func (c *checkCmd) report(a *app, results []probeResult) error {
	failed := 0
	for _, r := range results {
		if !r.ok() {
			failed++
		}
		var err error
		if c.JSON {
			err = printJSON(a.out, r.json())
		} else {
			err = r.print(a.out, columns(a.out))
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s cannot be used as configured", failed, count(int64(len(results)), "upstream", "upstreams"))
	}
	return nil
}

// print shows a table of the steps.
func (r probeResult) print(out io.Writer, width int) error {
	outcome := "works"
	if !r.ok() {
		outcome = "FAILS"
	}
	fmt.Fprintf(out, "\nupstream %s at %s %s\n", r.upstream.Name, printable(r.upstream.Address), outcome)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range r.steps {
		mark, detail := "ok", oneLine(s.Detail)
		if !s.OK() {
			mark, detail = "FAILED", "" // told below, in full
		}
		if width > 0 {
			detail = shorten(detail, max(20, width-stepColumns))
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", s.Name, mark, s.Duration.Round(100*time.Microsecond), detail)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.noLogin {
		p := page{width: width}
		p.line("  ", "the login was not tried: "+noLoginReason)
		if _, err := io.WriteString(out, p.String()); err != nil {
			return err
		}
	}
	if !r.ok() {
		p := page{width: width}
		p.line("  ", r.complaint())
		p.line("  ", "What to do: "+hint(r.verdict, r.upstream))
		_, err := io.WriteString(out, p.String())
		return err
	}
	return nil
}

// complaint tells the reply that a probe ended with, or the error.
func (r probeResult) complaint() string {
	v := admin.FromVerdict(r.verdict)
	if n := len(r.steps); n > 0 {
		v.Text = r.steps[n-1].Detail // which says more, of a certificate
	}
	return reply(v)
}

// stepColumns is what the columns before the detail take.
const stepColumns = 2 + 10 + 8 + 10

// hint says what helps against a failure.
func hint(v relay.Verdict, o smtp.Options) string {
	_, port, _ := net.SplitHostPort(o.Address)
	switch v.Stage {
	case relay.StageDial:
		return "check address, and that DNS and firewall let this machine reach port " + port + "; many networks close port 25"
	case relay.StageTLS:
		return `the certificate must be good for the name in address: see tls_server_name and tls_ca_file; with another kind of port, set tls ("implicit" on 465, "starttls" on 587)`
	case relay.StageGreeting:
		return `port and tls may not belong together ("implicit" on 465, "starttls" on 587), or the provider refuses the address of this machine`
	case relay.StageHello:
		return "set hostname to the full name of this machine, as DNS knows it: " + o.Hello + " was not liked, or not understood"
	case relay.StageAuth:
		return "check username, password and mechanism in the block auth; providers often want a password made for SMTP, not that of the account"
	}
	return "see what the provider says about this reply"
}
