package operate

import (
	"context"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Spool is what an Operator needs of spool.Store.
type Spool interface {
	Act(ctx context.Context, f spool.Filter, change func(spool.Selected) *spool.Settlement, done func(spool.Selected, *spool.Settlement, []spool.Notice)) error
}

// Operator carries actions out. Its methods are safe for concurrent use.
type Operator struct {
	Spool Spool

	// Route gives the way that a recipient has today; ok is false where no
	// route takes it: it can be held and deleted then, no more.
	Route func(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool)

	Emit func(relay.Event) // gets what was done, once it is stored; nil: nobody does
}

// Done counts what an action did.
type Done struct {
	Messages   int `json:"messages"`   // with a recipient that was changed
	Recipients int `json:"recipients"` // that were changed
	Sending    int `json:"sending"`    // selected, but being sent: left alone
	Unfit      int `json:"unfit"`      // selected, but in a state in which there is nothing to do: left alone
}

// Act does to the recipients that f selects what a says. by names who wants
// it. What was done before an error stays done, and is counted.
func (o *Operator) Act(ctx context.Context, a Action, f spool.Filter, by string) (done Done, err error) {
	err = o.Spool.Act(ctx, f, func(in spool.Selected) *spool.Settlement {
		done.Sending += len(in.Sending)
		out := o.change(a, &in, by, time.Now().UTC())
		done.Unfit += len(in.Recipients) - len(out.Events)
		if len(out.Events) == 0 {
			return nil
		}
		return out
	}, func(_ spool.Selected, out *spool.Settlement, _ []spool.Notice) {
		done.Messages++
		done.Recipients += len(out.Events)
		for i := range out.Events {
			if o.Emit != nil {
				o.Emit(out.Events[i])
			}
		}
	})
	return done, err
}

// change decides on all recipients of a message: an event for each changed one.
func (o *Operator) change(a Action, in *spool.Selected, by string, now time.Time) *spool.Settlement {
	out := &spool.Settlement{Recipients: slices.Clone(in.Recipients)}
	m := &in.Message
	for i, r := range in.Recipients {
		sc := scene{hasBody: in.HasBody, by: by, now: now}
		if a == Retry || a == Release {
			sc.way, sc.routed = o.Route(*m, r, now)
			sc.routed = sc.routed && sends(sc.way, r)
		}
		to, kind, detail, ok := decide(a, r, sc)
		if !ok {
			continue
		}
		out.Recipients[i] = to
		out.Events = append(out.Events, relay.Event{
			Kind: kind, At: now, Message: m.ID, MessageID: m.MessageID, Listener: m.Listener, Client: m.Client, User: m.User,
			From: m.From, To: r.Address, Size: m.Size, Total: now.Sub(m.ReceivedAt), Detail: detail,
		})
	}
	return out
}
