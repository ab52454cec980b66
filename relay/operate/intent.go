package operate

import (
	"fmt"
	"slices"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// intend leaves what is wanted of those that are being sent. To send or to try
// them is being done; it only withdraws what was wanted before.
func (p *plan) intend() {
	for n, r := range p.in.Sending {
		i := p.in.SendingIndex[n]
		if p.w.Action == Retry || p.w.Action == Release {
			p.sending++
			if p.withdraw(i) {
				p.tellIntent(r, "what was wanted of it is withdrawn by "+p.w.By)
			}
			continue
		}
		open := r
		open.State = relay.Queued
		d, ok := decide(p.w, open, p.scene(open))
		if !ok || r.State != relay.Sending {
			p.unfit++
			continue
		}
		p.sending++
		in := spool.Intent{Index: i, Action: string(p.w.Action), By: p.w.By, At: p.now}
		if p.w.Action == Redirect {
			in.Instead = &d.to
		}
		p.out.Intents = append(p.out.Intents, in)
		p.tellIntent(r, fmt.Sprintf("%s wanted by %s while it is being sent: done when the attempt ends", p.w.Action, p.w.By))
	}
}

func (p *plan) tellIntent(r relay.Recipient, detail string) {
	d := decision{r, relay.EventOperator, detail}
	p.out.Events = append(p.out.Events, eventOf(&p.in.Message, r, d, p.now))
}

// CarryOut does to the recipients of m what was wanted of them while they were
// being sent, now that the attempt has ended: to are all of them, which it
// changes in place, and wanted are the intents that are due. It gives what
// there is to tell. What was delivered is delivered. A failure gives way to
// what was wanted: nobody has been told of it.
//
// It asks nobody, so that a store can call it within a transaction; see
// spool.Settlement.
func CarryOut(m relay.Message, to []relay.Recipient, wanted []spool.Intent, now time.Time) (told []relay.Event) {
	before := slices.Clone(to)
	for _, in := range wanted {
		r := to[in.Index]
		if d, ok := carryOut(in, r, now); ok {
			to[in.Index] = d.to
			told = append(told, eventOf(&m, r, d, now))
		}
	}
	mergeRedirected(to, before, told, now)
	return told
}

// carryOut decides on one intent; ok is false where nothing is left to do or
// to tell.
func carryOut(in spool.Intent, r relay.Recipient, now time.Time) (d decision, ok bool) {
	action := Action(in.Action)
	switch {
	case r.State == relay.Delivered || r.State == relay.Deleted || r.State.Finished() && r.Reported:
		late := fmt.Sprintf("%s wanted by %s came too late: it is %s", action, in.By, r.State)
		return decision{r, relay.EventOperator, late}, true
	case r.State.Finished() && action == Bounce:
		return d, false // it has, by itself
	}
	r.FinishedAt = time.Time{}
	if action == Redirect && in.Instead != nil {
		to := *in.Instead
		to.NextAttempt = now
		return decision{to, relay.EventRedirected, fmt.Sprintf("sent to %s instead by %s", to.Address, in.By)}, true
	}
	if r.State.Finished() {
		r.State = relay.Queued
	}
	return decide(Wish{Action: action, By: in.By}, r, scene{now: now})
}
