package daemon

import (
	"context"
	"time"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/relay/event/rates"
)

// status tells how the daemon does, for people and for monitoring.
func (d *Daemon) status(ctx context.Context) (admin.Status, error) {
	now := time.Now()
	s := admin.Status{
		Version: d.opt.Version, StartedAt: admin.Time{Time: d.startedAt},
		Upstreams:  control{d.scheduler}.Upstreams(),
		LastMinute: ratesOf(d.rates.Last(now, time.Minute)), LastHour: ratesOf(d.rates.Last(now, time.Hour)),
	}
	for _, l := range d.parts.Load().config.Listeners {
		bound := admin.ListenerStatus{
			Name: l.Name, Addresses: []string{}, TLS: tlsWord(l), Login: l.Auth != nil && l.Auth.Required,
		}
		for _, a := range d.ingress.Addrs(l.Name) {
			bound.Addresses = append(bound.Addresses, a.Network()+" "+a.String())
		}
		s.Listeners = append(s.Listeners, bound)
	}
	if err := d.Ready(); err != nil {
		s.Refusing = err.Error()
	}
	counts, err := d.spool.Stats(ctx)
	if err != nil {
		return s, err
	}
	s.Messages, s.Oldest = counts.Messages, admin.Time{Time: counts.Oldest}
	s.FileBytes, s.BodyBytes = counts.FileBytes, counts.BodyBytes
	s.Recipients = admin.CountStates(counts.Recipients)
	open, err := d.spool.Incidents(ctx, false)
	if err != nil {
		return s, err
	}
	s.Incidents = make([]admin.Incident, len(open))
	for i := range open {
		s.Incidents[i] = admin.FromIncident(open[i])
	}
	s.Judge(now)
	return s, nil
}

func tlsWord(l config.Listener) string {
	switch {
	case l.TLS == nil:
		return admin.TLSNone
	case l.TLS.Implicit:
		return admin.TLSImplicit
	case l.TLS.Required:
		return admin.TLSRequired
	}
	return admin.TLSOffered
}

func ratesOf(t rates.Tally) admin.Rates {
	return admin.Rates{Accepted: t.Accepted, Delivered: t.Delivered, Deferred: t.Deferred, Failed: t.Failed}
}
