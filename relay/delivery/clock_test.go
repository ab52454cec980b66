package delivery

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/quota"
	"relaykeep/spool"
)

// The clock jumped while mail was queued: what is stored is of the time before.
// A jump brings no storm, loses nothing, makes nothing late by more than itself
// and expires nothing whose time was not over by more than itself.
func TestClockJumped(t *testing.T) {
	const (
		day  = 24 * time.Hour
		mail = 30
	)
	for _, tt := range []struct {
		name     string
		past2038 bool
		ahead    time.Duration // of the clock by which the mail was stored
		expire   time.Duration
		late     time.Duration // until it is asked for
		state    relay.State
	}{
		{"forward by a day", false, -day, 5 * day, 0, relay.Delivered},
		{"forward by a day, short-lived", false, -day, time.Hour, 0, relay.Expired},
		{"back by a day", false, day, 5 * day, day, relay.Delivered},
		{"back by a day, short-lived", false, day, time.Hour, day, relay.Delivered},
		{"forward past 2038", true, -day, 5 * day, 0, relay.Delivered},
		{"back, past 2038", true, day, 5 * day, day, relay.Delivered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.past2038 {
					time.Sleep(time.Until(time.Date(2038, 1, 19, 3, 14, 6, 0, time.UTC)))
				}
				stored := time.Now().Add(tt.ahead)
				w := &world{T: t, box: newBox(), tape: new(tape)}
				var ids []relay.ID
				for range mail {
					m := relay.Message{ID: spool.NewID(), From: "a@x.example", ReceivedAt: stored}
					r := relay.Recipient{Address: "r@x.example", Route: "default", Eligible: []string{"a"}, NextAttempt: stored, ExpiresAt: stored.Add(tt.expire)}
					if err := w.box.Accept(t.Context(), &spool.Incoming{Message: &m, Recipients: []relay.Recipient{r}, Body: strings.NewReader("Subject: hi\r\n\r\n")}); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, m.ID)
				}
				a := always(ok)
				o := metered(oneWay(w.box, a), quota.Limit{N: 10, Per: time.Minute})
				o.Sink = w.tape
				w.s = New(o)
				began := time.Now()
				if err := w.s.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.after(tt.late)
				if n := a.attempts(); n > 10 {
					t.Errorf("%d attempts at once, the rate is 10 in a minute", n)
				}
				w.after(5 * time.Minute)
				for _, id := range ids {
					w.wantState(w.box.only(w, id), tt.state)
				}
				if want := mail; tt.state == relay.Delivered && (a.attempts() != want || a.times[0].Sub(began) != tt.late) {
					t.Errorf("%d attempts, the first %s late; want %d, %s", a.attempts(), a.times[0].Sub(began), want, tt.late)
				}
				w.s.Stop(t.Context())
				w.checkNoLease()
			})
		})
	}
}
