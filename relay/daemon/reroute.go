package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/spool"
)

// reroute brings what was queued under another routing table to today's.
func (d *Daemon) reroute() {
	told := make(map[string]bool) // routes whose end was told: an incident has one cause, not one message
	n, err := d.spool.Reroute(d.alive, func(m relay.Message, to []relay.Recipient) []relay.Recipient {
		now := time.Now().UTC()
		for i := range to {
			if to[i].State != relay.Queued {
				continue
			}
			a, ok := d.reassign(m, to[i], now)
			if to[i] = followRoute(to[i], a, ok); !ok {
				d.tellUnroutable(&m, &to[i], now, told)
			}
		}
		return to
	})
	switch {
	case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, spool.ErrClosed) && !errors.Is(err, spool.ErrFailed):
		d.log.Error("mail of an earlier configuration could not be rerouted; it waits for the next start", "error", err.Error())
	case n > 0:
		d.log.Info("mail of an earlier configuration follows today's routes", "messages", n)
	}
}

// reassign routes one recipient by the configuration of today. The header is
// read only where some route looks at it.
func (d *Daemon) reassign(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool) {
	q := relay.RouteQuery{Sender: m.From, Recipient: r.Address, Listener: m.Listener, User: m.User, Client: m.Client}
	if d.table.NeedsHeader() {
		if h := d.header(m); h != nil {
			q.Header = h.Values
		}
	}
	return d.table.Route(q, now)
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

// followRoute gives a queued recipient the way that it has today. One whose
// way did not change stays where it is in its round. When it expires was
// settled when it was accepted.
func followRoute(r relay.Recipient, a relay.Assignment, ok bool) relay.Recipient {
	if !ok {
		r.State = relay.Held
		r.HoldReason = fmt.Sprintf("no route of the configuration matches it any more (it was %q)", r.Route)
		return r
	}
	same := r.Route == a.Route && len(r.Eligible) > 0 && within(a.Upstreams, r.Eligible)
	r.Route, r.Priority = a.Route, a.Priority
	if !same {
		r.Eligible, r.Failures = slices.Clone(a.Upstreams), 0
	}
	return r
}

// within reports whether part stands in whole, in the same order.
func within(whole, part []string) bool {
	for _, p := range part {
		i := slices.Index(whole, p)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

func (d *Daemon) tellUnroutable(m *relay.Message, r *relay.Recipient, now time.Time, told map[string]bool) {
	e := relay.Event{
		Kind: relay.EventHeld, At: now, Message: m.ID, MessageID: m.MessageID, From: m.From, To: r.Address,
		Size: m.Size, Listener: m.Listener, Client: m.Client, User: m.User,
		Total: now.Sub(m.ReceivedAt), Detail: r.HoldReason,
	}
	d.sink.Emit(e)
	if told[r.Route] {
		return
	}
	told[r.Route] = true
	e.Kind = relay.EventIncidentOpened
	d.sink.Emit(e)
}
