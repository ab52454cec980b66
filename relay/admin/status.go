package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Health is the short word for how the daemon does.
type Health string

// The healths, from good to bad.
const (
	HealthFine     Health = "fine"
	HealthWarning  Health = "warning"  // mail flows, and somebody should look
	HealthCritical Health = "critical" // mail is refused, or goes nowhere
)

// Status is the answer to GET /v1/status: the daemon at a glance. Its keys are
// a public contract.
type Status struct {
	Status  Health   `json:"status"`
	Reasons []string `json:"reasons"` // why it is not fine, in words, the worst first

	Version   string `json:"version"`
	StartedAt Time   `json:"started_at"`

	Listeners []ListenerStatus `json:"listeners"`
	Upstreams []Upstream       `json:"upstreams"`

	Messages   int64                 `json:"messages"`   // unfinished
	Recipients map[relay.State]int64 `json:"recipients"` // unfinished, by state: queued, sending, held
	Oldest     Time                  `json:"oldest"`     // when the oldest unfinished message was received
	FileBytes  int64                 `json:"file_bytes"`
	BodyBytes  int64                 `json:"body_bytes"`
	Refusing   string                `json:"refusing"` // why no mail is taken in now; "" while it is

	LastMinute Rates `json:"last_minute"`
	LastHour   Rates `json:"last_hour"`

	Incidents []Incident `json:"incidents"` // the open ones
}

// ListenerStatus tells of a listener.
type ListenerStatus struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"` // that are bound, with their network: "tcp 127.0.0.1:2525"
	TLS       string   `json:"tls"`       // "none", "starttls" (offered), "required" (before any mail) or "implicit"
	Login     bool     `json:"login"`     // clients must log in
}

// What ListenerStatus says of TLS.
const (
	TLSNone     = "none"
	TLSOffered  = "starttls"
	TLSRequired = "required"
	TLSImplicit = "implicit"
)

// Rates count what happened in a span of time up to now. Those of a daemon that
// has not run for so long are of the time that it ran.
type Rates struct {
	Accepted  int64 `json:"accepted"`  // messages
	Delivered int64 `json:"delivered"` // recipients
	Deferred  int64 `json:"deferred"`  // attempts
	Failed    int64 `json:"failed"`    // recipients that bounced or expired
}

// CountStates gives the unfinished recipients by state.
func CountStates(counts []spool.Count) map[relay.State]int64 {
	by := map[relay.State]int64{relay.Queued: 0, relay.Sending: 0, relay.Held: 0}
	for _, c := range counts {
		if _, unfinished := by[c.State]; unfinished {
			by[c.State] += c.N
		}
	}
	return by
}

// lateAfter is the age from which waiting mail is worth a look: the first
// delay warning to a sender is sent at that age in many mail systems.
const lateAfter = 4 * time.Hour

// Judge sets Status and Reasons by what else is in s.
func (s *Status) Judge(now time.Time) {
	bad, look := s.bad(), s.look(now)
	s.Reasons = append(bad, look...)
	switch {
	case len(bad) > 0:
		s.Status = HealthCritical
	case len(look) > 0:
		s.Status = HealthWarning
	default:
		s.Status, s.Reasons = HealthFine, []string{}
	}
}

// bad finds why mail is refused or goes nowhere.
func (s *Status) bad() (why []string) {
	if s.Refusing != "" {
		why = append(why, "mail is refused: "+s.Refusing)
	}
	for _, l := range s.Listeners {
		if len(l.Addresses) == 0 {
			why = append(why, "listener "+l.Name+" listens nowhere")
		}
	}
	if len(s.Upstreams) > 0 && s.takers() == 0 {
		why = append(why, "no upstream takes mail")
	}
	return why
}

// takers counts the upstreams that are asked.
func (s *Status) takers() (n int) {
	for _, u := range s.Upstreams {
		if u.State == UpstreamUp || u.State == UpstreamSlow {
			n++
		}
	}
	return n
}

// look finds what is worth somebody's look.
func (s *Status) look(now time.Time) (why []string) {
	var told []string // the upstreams that an incident tells of
	for _, i := range s.Incidents {
		why = append(why, fmt.Sprintf("incident %d: %s", i.Number, i.Detail))
		if i.Kind == relay.IncidentUpstream || i.Kind == relay.IncidentQuota {
			told = append(told, i.Upstream)
		}
	}
	for _, u := range s.Upstreams {
		if u.State == UpstreamUp || u.State == UpstreamSlow || u.State != UpstreamPaused && slices.Contains(told, u.Name) {
			continue
		}
		line := "upstream " + u.Name + " is " + string(u.State)
		if u.State == UpstreamPaused {
			line += " by " + u.PausedBy
		} else if u.Reason != "" {
			line += ": " + u.Reason
		}
		why = append(why, line)
	}
	if age := now.Sub(s.Oldest.Time); !s.Oldest.IsZero() && age > lateAfter && s.Recipients[relay.Queued]+s.Recipients[relay.Sending] > 0 {
		why = append(why, "the oldest mail has waited since "+s.Oldest.UTC().Format(time.RFC3339))
	}
	return why
}

func (h *handler) getStatus(w http.ResponseWriter, r *http.Request) {
	s, err := h.status(r.Context())
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	answer(w, s)
}

// Status tells how the daemon does.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return s, c.value(ctx, http.MethodGet, "/v1/status", &s)
}
