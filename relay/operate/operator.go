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
	Messages   int // with a recipient that was changed
	Recipients int // that were changed
	Sending    int // being sent: it is done when the attempt ends, or there is nothing to do
	Unfit      int // in a state in which there is nothing to do: left alone
}

// Act does to the recipients that f selects what w says. What was done before
// an error stays done, and is counted.
func (o *Operator) Act(ctx context.Context, w Wish, f spool.Filter) (done Done, err error) {
	err = o.Spool.Act(ctx, f, func(in spool.Selected) *spool.Settlement {
		p := o.plan(w, &in, time.Now().UTC())
		done.Unfit += p.unfit
		done.Sending += p.sending
		if len(p.out.Events)+len(p.out.Intents) == 0 {
			return nil
		}
		return &p.out
	}, func(in spool.Selected, out *spool.Settlement, notices []spool.Notice) {
		if n := changed(&in, out); n > 0 {
			done.Messages++
			done.Recipients += n
		}
		o.tell(out.Events)
		for i := range notices {
			o.tell(notices[i].News())
		}
	})
	return done, err
}

// changed counts the recipients that a settlement changes: the other events
// tell of intents.
func changed(in *spool.Selected, out *spool.Settlement) int {
	n := len(out.Events)
	for i := range out.Intents {
		if slices.Contains(in.SendingIndex, out.Intents[i].Index) {
			n--
		}
	}
	return n
}

func (o *Operator) tell(events []relay.Event) {
	if o.Emit == nil {
		return
	}
	for i := range events {
		o.Emit(events[i])
	}
}

// plan is what is to become of a message.
type plan struct {
	o   *Operator
	w   Wish
	in  *spool.Selected
	now time.Time

	out            spool.Settlement
	unfit, sending int
}

// plan decides on all selected recipients of a message.
func (o *Operator) plan(w Wish, in *spool.Selected, now time.Time) *plan {
	p := &plan{o: o, w: w, in: in, now: now}
	p.change()
	p.intend()
	if o.Reporter != nil && len(p.out.Events) > 0 {
		p.out.Report = o.Reporter.Report(in.Message, o.Spool.Body(in.Message), p.out.Recipients, in.Others, now)
	}
	p.out.Intend = func(to []relay.Recipient, wanted []spool.Intent) []relay.Event {
		return CarryOut(in.Message, to, wanted, now)
	}
	return p
}

// change decides on those that are not being sent: an event for each that is
// changed. What was wanted of that before is withdrawn.
func (p *plan) change() {
	p.out.Recipients = slices.Clone(p.in.Recipients)
	all := slices.Clone(p.in.All)
	for n, r := range p.in.Recipients {
		d, ok := decide(p.w, r, p.scene(r))
		if !ok {
			p.unfit++
			continue
		}
		all[p.in.Index[n]] = d.to
		p.out.Events = append(p.out.Events, eventOf(&p.in.Message, r, d, p.now))
		p.withdraw(p.in.Index[n])
	}
	mergeRedirected(all, p.in.All, p.out.Events, p.now)
	for n, i := range p.in.Index {
		p.out.Recipients[n] = all[i]
	}
}

// scene gathers what a decision on r depends on.
func (p *plan) scene(r relay.Recipient) scene {
	sc := scene{hasBody: p.in.HasBody, now: p.now}
	if !p.w.Action.Sends() {
		return sc
	}
	if p.w.Action == Redirect {
		r.Address = p.w.To
	}
	sc.way, sc.routed = p.o.Route(p.in.Message, r, p.now)
	sc.routed = sc.routed && sends(sc.way, r.Address)
	return sc
}

// withdraw takes back what was wanted of a recipient.
func (p *plan) withdraw(i int) (ok bool) {
	for _, in := range p.in.Wanted {
		if in.Index == i {
			p.out.Intents = append(p.out.Intents, spool.Intent{Index: i, At: in.At})
			ok = true
		}
	}
	return ok
}

// mergeRedirected is relay.MergeRedirected for all recipients of a message, and
// tells of it.
func mergeRedirected(all, before []relay.Recipient, events []relay.Event, now time.Time) {
	for _, i := range relay.MergeRedirected(all, before, now) {
		for e := range events {
			if events[e].To == before[i].Address {
				events[e].Detail += relay.MergedDetail
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
