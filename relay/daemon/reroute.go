package daemon

import (
	"context"
	"errors"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/spool"
)

// reroute brings what is queued under another routing table to today's, and
// what is held because it had no way then, until the daemon ends.
func (d *Daemon) reroute() {
	for {
		d.rerouteStale()
		select {
		case <-d.spool.Stale():
		case <-d.reloaded:
		case <-d.alive.Done():
			return
		}
	}
}

func (d *Daemon) rerouteStale() {
	told := make(map[string]int64) // the incidents by their causes: one cause, not one message
	n, err := d.spool.Reroute(d.alive, func(m relay.Message, to []relay.Recipient) (_ []relay.Recipient, events []relay.Event) {
		now := time.Now().UTC()
		for i, o := range d.rerouted(m, to, now) {
			if o.incident != nil {
				if o.to.Incident = d.incidentOf(*o.incident, now, told); o.to.Incident == 0 {
					continue // it waits where it is: nobody would release it
				}
			}
			if o.kind != "" {
				events = append(events, rerouteEvent(&m, &to[i], o, now))
			}
			to[i] = o.to
		}
		return to, events
	}, func(events []relay.Event) {
		for i := range events {
			d.sink.Emit(events[i])
		}
	})
	switch {
	case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, spool.ErrClosed) && !errors.Is(err, spool.ErrFailed):
		d.log.Error("mail of an earlier configuration could not be rerouted; it waits for the next start", "error", err.Error())
	case n > 0:
		d.log.Info("mail of an earlier configuration follows today's routes", "messages", n)
	}
	if err := d.scheduler.ReleaseRoutes(d.alive); err != nil && d.alive.Err() == nil {
		d.log.Error("mail that had no way could not be released; it waits for the next start", "error", err.Error())
	}
}

// rerouted decides for each recipient of a message, in their order.
func (d *Daemon) rerouted(m relay.Message, to []relay.Recipient, now time.Time) []outcome {
	outcomes := make([]outcome, len(to))
	for i, r := range to {
		outcomes[i].to = r
		if r.State == relay.Queued {
			a, ok := d.reassign(m, r, now)
			outcomes[i] = followRoute(r, a, ok, d.parts.Load().plan.Routes[a.Route].InDoubt, now)
		}
	}
	mergeRedirected(outcomes, to, now)
	return outcomes
}

// reassign routes one recipient by the configuration of today. The header is
// read only where some route looks at it.
func (d *Daemon) reassign(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool) {
	q := relay.RouteQuery{Sender: m.From, Recipient: r.Address, Listener: m.Listener, User: m.User, Client: m.Client, Seed: string(m.ID)}
	table := d.parts.Load().table
	if table.NeedsHeader() {
		if h := d.header(m); h != nil {
			q.Header = h.Values
		}
	}
	return table.Route(q, now)
}

// header reads the header section of a stored message, nil where its body
// cannot be read: delivery will find that, too, and say so.
func (d *Daemon) header(m relay.Message) *message.Header {
	body, err := d.spool.Body(m).Open()
	if err != nil {
		return nil
	}
	defer body.Close()
	h, _, err := message.ReadHeader(body)
	if err != nil {
		return nil
	}
	return h
}

// rerouteEvent tells of an outcome for the recipient r of m.
func rerouteEvent(m *relay.Message, r *relay.Recipient, o outcome, now time.Time) relay.Event {
	return relay.Event{
		Kind: o.kind, At: now, Message: m.ID, MessageID: m.MessageID, From: m.From, To: r.Address,
		Size: m.Size, Listener: m.Listener, Client: m.Client, User: m.User,
		Total: now.Sub(m.ReceivedAt), Detail: o.detail, Incident: o.to.Incident,
	}
}

// incidentOf gives the number of an incident, and opens it where that is the first
// of it; 0 where the spool cannot, or the daemon ends.
func (d *Daemon) incidentOf(i relay.Incident, now time.Time, known map[string]int64) int64 {
	if n, ok := known[i.Cause]; ok {
		return n
	}
	i.OpenedAt = now
	i, opened, err := d.spool.OpenIncident(d.alive, i)
	if err != nil {
		return 0
	}
	known[i.Cause] = i.Number
	if opened {
		d.sink.Emit(relay.Event{Kind: relay.EventIncidentOpened, At: now, Incident: i.Number, Upstream: i.Upstream, Detail: i.Detail})
	}
	return i.Number
}
