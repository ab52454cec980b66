package smtp

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
	"relaykeep/upstream/upstreamtest"
)

// preparing hands over what prepare gives.
type preparing struct {
	handover
	prepare func(upstream.Capabilities) (relay.Message, relay.Body, error)
}

func (p preparing) Prepare(_ context.Context, c upstream.Capabilities) (relay.Message, relay.Body, error) {
	return p.prepare(c)
}

// What is sent is what was prepared for this server.
func TestPrepared(t *testing.T) {
	for _, c := range []struct {
		offered []string
		want    upstream.Capabilities
	}{
		{[]string{}, upstream.Capabilities{}},
		{[]string{"8BITMIME"}, upstream.Capabilities{EightBit: true}},
		{[]string{"8BITMIME", "SMTPUTF8"}, upstream.Capabilities{EightBit: true, UTF8: true}},
	} {
		s := provider(t, upstreamtest.Options{Extensions: c.offered})
		tr := transport(t, s, nil)
		var m marks
		h := preparing{handover{mark: m.mark}, func(got upstream.Capabilities) (relay.Message, relay.Body, error) {
			if got != c.want {
				t.Errorf("offered %q: got %+v", c.offered, got)
			}
			return from("other@x.test"), content("other\r\n"), nil
		}}
		wantClass(t, tr.Deliver(t.Context(), from("a@x.test"), rcpts("b@y.test"), h)[0], relay.ClassDelivered, relay.StageBody, 250)
		wantMessages(t, s, "other\r\n")
		if got := s.Messages()[0].From; got != "other@x.test" {
			t.Errorf("sent from %q", got)
		}
	}
}

// What cannot be made fit for a server is not sent, and costs no connection.
func TestUnsuitable(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	unfit := relay.Verdict{Class: relay.ClassRejected, Scope: relay.ScopeMessage, Action: relay.ActionFailover, Rule: "unfit"}
	h := preparing{prepare: func(upstream.Capabilities) (relay.Message, relay.Body, error) {
		return relay.Message{}, nil, fmt.Errorf("wrapped: %w", &upstream.Unsuitable{Verdict: unfit})
	}}
	for _, v := range tr.Deliver(t.Context(), from("a@x.test"), rcpts("b@y.test", "c@y.test"), h) {
		if v != unfit {
			t.Errorf("verdict is %+v", v)
		}
	}
	wantDelivered(t, tr)
	wantSessions(t, s, 1)
}

// A message that cannot be prepared is tried again; a damaged one is held.
func TestUnprepared(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"unreadable": {errors.New("disk"), "body-unreadable"},
		"damaged":    {relay.ErrBodyDamaged, "body-damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{})
			h := preparing{prepare: func(upstream.Capabilities) (relay.Message, relay.Body, error) {
				return relay.Message{}, nil, c.err
			}}
			v := transport(t, s, nil).Deliver(t.Context(), from("a@x.test"), rcpts("b@y.test"), h)[0]
			if v.Rule != c.want || s.Reached(upstreamtest.Mail) != 0 {
				t.Errorf("verdict is %+v, %d MAIL", v, s.Reached(upstreamtest.Mail))
			}
		})
	}
}

// An attempt that ends while the message is prepared is interrupted.
func TestInterruptedPreparation(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	h := preparing{prepare: func(upstream.Capabilities) (relay.Message, relay.Body, error) {
		cancel()
		return relay.Message{}, nil, ctx.Err()
	}}
	v := transport(t, s, nil).Deliver(ctx, from("a@x.test"), rcpts("b@y.test"), h)[0]
	if v.Rule != "interrupted" || !v.Free {
		t.Errorf("verdict is %+v", v)
	}
}
