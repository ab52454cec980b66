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
	Body(m relay.Message) relay.Body
}

// Reporter makes the notices that tell senders what became of their mail.
// bounce.Reporter is one.
type Reporter interface {
	// Report gives the spool.Settlement.Report for a settlement of m, nil
	// where it has nothing to tell; see bounce.Reporter.
	Report(m relay.Message, body relay.Body, settled []relay.Recipient, others bool, now time.Time) func(finished []relay.Recipient) []spool.Notice
}

// Operator carries actions out. Its methods are safe for concurrent use.
type Operator struct {
	Spool Spool

	// Route gives the way that a recipient has today; ok is false where no
	// route takes it: it can be held, deleted and bounced then, no more.
	Route func(m relay.Message, r relay.Recipient, now time.Time) (relay.Assignment, bool)

	Reporter Reporter          // nil: nobody is told of anything
	Emit     func(relay.Event) // gets what was done, once it is stored; nil: nobody does
}

// Done counts what an action did.
type Done struct {
	Messages   int `json:"messages"`   // with a recipient that was changed
	Recipients int `json:"recipients"` // that were changed
	Sending    int `json:"sending"`    // selected, but being sent: left alone
	Unfit      int `json:"unfit"`      // selected, but in a state in which there is nothing to do: left alone
}

// Act does to the recipients that f selects what w says. What was done before
// an error stays done, and is counted.
func (o *Operator) Act(ctx context.Context, w Wish, f spool.Filter) (done Done, err error) {
	err = o.Spool.Act(ctx, f, func(in spool.Selected) *spool.Settlement {
		done.Sending += len(in.Sending)
		out := o.change(w, &in, time.Now().UTC())
		done.Unfit += len(in.Recipients) - len(out.Events)
		if len(out.Events) == 0 {
			return nil
		}
		return out
	}, func(_ spool.Selected, out *spool.Settlement, notices []spool.Notice) {
		done.Messages++
		done.Recipients += len(out.Events)
		o.tell(out.Events)
		for i := range notices {
			o.tell(notices[i].News())
		}
	})
	return done, err
}

func (o *Operator) tell(events []relay.Event) {
	if o.Emit == nil {
		return
	}
	for i := range events {
		o.Emit(events[i])
	}
}

// change decides on all recipients of a message: an event for each changed one.
func (o *Operator) change(w Wish, in *spool.Selected, now time.Time) *spool.Settlement {
	out := &spool.Settlement{Recipients: slices.Clone(in.Recipients)}
	for i, r := range in.Recipients {
		d, ok := decide(w, r, o.scene(w, in, r, now))
		if !ok {
			continue
		}
		out.Recipients[i] = d.to
		out.Events = append(out.Events, eventOf(&in.Message, r, d, now))
	}
	if len(out.Events) == 0 {
		return out
	}
	if w.Action == Redirect {
		merge(out, in, now)
	}
	if o.Reporter != nil {
		out.Report = o.Reporter.Report(in.Message, o.Spool.Body(in.Message), out.Recipients, in.Others, now)
	}
	return out
}

// scene gathers what a decision on r depends on.
func (o *Operator) scene(w Wish, in *spool.Selected, r relay.Recipient, now time.Time) scene {
	sc := scene{hasBody: in.HasBody, now: now}
	if !w.Action.needsWay() {
		return sc
	}
	if w.Action == Redirect {
		r.Address = w.To
	}
	sc.way, sc.routed = o.Route(in.Message, r, now)
	sc.routed = sc.routed && sends(sc.way, r.Address)
	return sc
}

// merge ends what is redirected to where another recipient gets the message:
// see relay.MergeRedirected.
func merge(out *spool.Settlement, in *spool.Selected, now time.Time) {
	all := slices.Clone(in.All)
	for n, i := range in.Index {
		all[i] = out.Recipients[n]
	}
	for _, i := range relay.MergeRedirected(all, in.All, now) {
		n := slices.Index(in.Index, i)
		out.Recipients[n] = all[i]
		for e := range out.Events {
			if out.Events[e].To == in.All[i].Address {
				out.Events[e].Detail += relay.MergedDetail
			}
		}
	}
}

// eventOf tells of a decision on the recipient r of m.
func eventOf(m *relay.Message, r relay.Recipient, d decision, now time.Time) relay.Event {
	e := relay.Event{
		Kind: d.kind, At: now, Message: m.ID, MessageID: m.MessageID, Listener: m.Listener, Client: m.Client, User: m.User,
		From: m.From, To: r.Address, Size: m.Size, Total: now.Sub(m.ReceivedAt), Detail: d.detail,
	}
	if d.kind == relay.EventBounced {
		e.Upstream, e.Verdict, e.Route = d.to.Upstream, d.to.Last, d.to.Route
	}
	return e
}
