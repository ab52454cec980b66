package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// scene is one part of the story: what is shown, and how.
type scene struct {
	title string
	play  func(*demo, context.Context) error
}

// scenes are played in order; each stands on those before.
func scenes() []scene {
	return []scene{
		{"A mail goes through, and is signed (DKIM)", (*demo).goesThrough},
		{"A careless app: what is missing or broken is mended", (*demo).mended},
		{"A provider says: later (a 4xx)", (*demo).later},
		{"A provider says: never (a 5xx), and the sender is told", (*demo).never},
		{"A provider is down: the next one takes over", (*demo).failsOver},
		{"Everything is down, and relaykeep is restarted: the mail is kept", (*demo).kept},
	}
}

// story plays all scenes and sums up.
func (d *demo) story(ctx context.Context) error {
	if err := d.startDaemon(ctx); err != nil {
		return err
	}
	d.say("relaykeep takes mail at %s and keeps it in %s", d.address(), d.config.Spool.Path)
	d.say("two fake providers play along: alpha at %s, beta at %s", d.alpha.Addr(), d.beta.Addr())
	for i, s := range scenes() {
		fmt.Fprintf(d.app.out, "\n%d. %s\n", i+1, s.title)
		if err := s.play(d, ctx); err != nil {
			return err
		}
	}
	return d.sumUp()
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.app.out, "   "+format+"\n", args...)
}

// hand sends a mail and tells that it was taken.
func (d *demo) hand(ctx context.Context, to, subject string) (relay.ID, error) {
	id, err := d.send(ctx, to, subject)
	if err == nil {
		d.say("app → relaykeep   mail for %s: 250 queued as %s (it is on disk)", to, id)
	}
	return id, err
}

// expect waits for an event of a message and tells it.
func (d *demo) expect(ctx context.Context, id relay.ID, kind relay.EventKind) error {
	e, err := d.until(ctx, fmt.Sprintf("%q of %s", kind, id), func(e relay.Event) bool {
		return e.Message == id && e.Kind == kind
	})
	if err == nil {
		d.say("%s", eventLine(e))
	}
	return err
}

func (d *demo) goesThrough(ctx context.Context) error {
	id, err := d.hand(ctx, "ada@example.com", "Monthly report")
	if err != nil {
		return err
	}
	if err := d.expect(ctx, id, relay.EventDelivered); err != nil {
		return err
	}
	return d.showSignature("ada@example.com")
}

func (d *demo) later(ctx context.Context) error {
	d.alpha.On(upstreamtest.Rcpt, upstreamtest.Nth(1, upstreamtest.Reply("450 4.2.1 mailbox busy, come back later")))
	id, err := d.hand(ctx, "bob@example.com", "Your invoice")
	if err != nil {
		return err
	}
	if err := d.expect(ctx, id, relay.EventDeferred); err != nil {
		return err
	}
	return d.expect(ctx, id, relay.EventDelivered)
}

func (d *demo) never(ctx context.Context) error {
	d.alpha.On(upstreamtest.Rcpt, upstreamtest.Nth(1, upstreamtest.Reply("550 5.1.1 no such user")))
	defer d.alpha.On(upstreamtest.Rcpt, nil)
	id, err := d.hand(ctx, "nobody@example.com", "Hello?")
	if err != nil {
		return err
	}
	if err := d.expect(ctx, id, relay.EventBounced); err != nil {
		return err
	}
	d.say("no other provider is asked: it would say the same. The mail stays in the spool for %s", age(d.config.Spool.KeepFailed))
	return d.showNotice(ctx, "nobody@example.com")
}

func (d *demo) failsOver(ctx context.Context) error {
	d.alpha.On(upstreamtest.Greeting, upstreamtest.Always(upstreamtest.Drop()))
	d.alpha.DropAll()
	d.say("alpha hangs up on everybody now")
	id, err := d.hand(ctx, "eve@example.com", "Alarm: disk is failing")
	if err != nil {
		return err
	}
	if err := d.expect(ctx, id, relay.EventFailover); err != nil {
		return err
	}
	return d.expect(ctx, id, relay.EventDelivered)
}

func (d *demo) kept(ctx context.Context) error {
	d.beta.On(upstreamtest.Greeting, upstreamtest.Always(upstreamtest.Drop()))
	d.beta.DropAll()
	d.say("beta hangs up as well")
	id, err := d.hand(ctx, "zoe@example.com", "Nightly backup done")
	if err != nil {
		return err
	}
	if err := d.expect(ctx, id, relay.EventDeferred); err != nil {
		return err
	}
	if err := d.stopDaemon(); err != nil {
		return err
	}
	d.say("relaykeep is stopped; the mail is in the spool file")
	d.alpha.On(upstreamtest.Greeting, nil)
	d.beta.On(upstreamtest.Greeting, nil)
	if err := d.startDaemon(ctx); err != nil {
		return err
	}
	d.say("relaykeep is started again, and the providers are back")
	return d.expect(ctx, id, relay.EventDelivered)
}

// sumUp counts what the providers got: each delivered mail once, and so the
// notice about the one that was not.
func (d *demo) sumUp() error {
	for _, to := range []string{"ada@example.com", "kim@example.com", "bob@example.com", "eve@example.com", "zoe@example.com", demoSender} {
		if got := len(d.arrived(to)); got != 1 {
			return fmt.Errorf("the providers got the mail for %s %d times", to, got)
		}
	}
	fmt.Fprintf(d.app.out, "\nSix mails in: five delivered, each exactly once; one refused for good, and its sender told, once (alpha took %d, beta %d).\nNothing lost, nothing doubled.\n",
		len(d.alpha.Messages()), len(d.beta.Messages()))
	return nil
}

// arrived is what the providers got for a recipient.
func (d *demo) arrived(to string) (messages []upstreamtest.Message) {
	for _, p := range []*upstreamtest.Server{d.alpha, d.beta} {
		for _, m := range p.Messages() {
			for _, r := range m.To {
				if r.Address == to {
					messages = append(messages, m)
				}
			}
		}
	}
	return messages
}

// eventLine tells an event in a line for people.
func eventLine(e relay.Event) string {
	var b strings.Builder
	way := "relaykeep"
	if e.Upstream != "" {
		way += " → " + e.Upstream
	}
	fmt.Fprintf(&b, "%-17s ", way)
	switch e.Kind {
	case relay.EventDelivered:
		fmt.Fprintf(&b, "delivered after %s", e.Total.Round(time.Millisecond))
	case relay.EventDeferred:
		fmt.Fprintf(&b, "deferred, next attempt in %s", time.Until(e.NextAttempt).Round(100*time.Millisecond))
	case relay.EventFailover:
		b.WriteString("fails over to the next provider at once")
	default:
		b.WriteString(strings.ReplaceAll(string(e.Kind), "_", " "))
	}
	if reply := replyLine(e.Verdict); reply != "" {
		b.WriteString(": " + reply)
	} else if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	return b.String()
}

// replyLine is what an upstream said, as it said it.
func replyLine(v relay.Verdict) string {
	var parts []string
	if v.Code != 0 {
		parts = append(parts, fmt.Sprint(v.Code))
	}
	for _, s := range []string{v.Enhanced, v.Text} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}
