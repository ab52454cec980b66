package smtp

import (
	"bytes"
	"context"
	"time"

	"relaykeep/relay"
)

// Step is one step of a probe.
type Step struct {
	Stage    relay.Stage
	Name     string        // "dns", "tcp", "greeting", "tls", "ehlo" or "auth"
	Detail   string        // in words, on one line; untrusted parts are escaped
	Verdict  relay.Verdict // of a step that failed; else the zero Verdict
	Duration time.Duration
}

// OK reports whether the step went well.
func (s Step) OK() bool { return s.Verdict.Class == relay.ClassNone }

// Probe implements upstream.Transport.
func (t *Transport) Probe(ctx context.Context) relay.Verdict {
	return t.ProbeSteps(ctx, func(Step) {})
}

// ProbeSteps is Probe that reports each step as it is done: the last one is the
// one that failed, if any. With STARTTLS "ehlo" comes twice.
func (t *Transport) ProbeSteps(ctx context.Context, report func(Step)) relay.Verdict {
	last := relay.StageNone
	begun := time.Now()
	c, f := t.open(ctx, func(s Step) {
		last, begun = s.Stage, time.Now()
		report(s)
	})
	if f != nil {
		v := t.verdict(f)
		report(Step{Stage: v.Stage, Name: f.step, Detail: f.detail(v), Verdict: v, Duration: time.Since(begun)})
		return v
	}
	v := relay.Verdict{
		Class: relay.ClassDelivered, Scope: relay.ScopeUpstream, Action: relay.ActionDone,
		Stage: last, Code: c.rep.code, Enhanced: c.rep.enhanced,
		Text: escape(bytes.ReplaceAll(c.rep.text, []byte("\n"), []byte(" / ")), relay.MaxReplyText), Rule: "probe",
	}
	t.pool.discard(c)
	return v
}
