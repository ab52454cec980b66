package main

import (
	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// probeJSON is the outcome of a probe as check --probe --json prints it.
type probeJSON struct {
	Upstream string         `json:"upstream"`
	Address  string         `json:"address"`
	OK       bool           `json:"ok"`
	Steps    []stepJSON     `json:"steps"`
	Failure  *admin.Verdict `json:"failure,omitempty"`
	Hint     string         `json:"hint,omitempty"`
	NoLogin  string         `json:"no_login,omitempty"` // why the login was left out
}

type stepJSON struct {
	Name       string      `json:"name"`
	Stage      relay.Stage `json:"stage"`
	OK         bool        `json:"ok"`
	Detail     string      `json:"detail"`
	DurationMS int64       `json:"duration_ms"`
}

func (r probeResult) json() probeJSON {
	out := probeJSON{Upstream: r.upstream.Name, Address: r.upstream.Address, OK: r.ok(), Steps: []stepJSON{}}
	for _, s := range r.steps {
		out.Steps = append(out.Steps, stepJSON{s.Name, s.Stage, s.OK(), s.Detail, s.Duration.Milliseconds()})
	}
	if r.noLogin {
		out.NoLogin = noLoginReason
	}
	if !r.ok() {
		v := admin.FromVerdict(r.verdict)
		out.Failure, out.Hint = &v, hint(r.verdict, r.upstream)
	}
	return out
}
