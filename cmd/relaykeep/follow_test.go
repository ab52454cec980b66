package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/spool"
)

// course is what a message looks like each time it is asked for; the last one
// stays.
type course []func() (admin.Message, error)

func (c *course) Get(context.Context, relay.ID) (admin.Message, error) {
	next := (*c)[0]
	if len(*c) > 1 {
		*c = (*c)[1:]
	}
	return next()
}

func at(to ...admin.Recipient) func() (admin.Message, error) {
	return func() (admin.Message, error) { return admin.Message{Recipients: to}, nil }
}

func TestFollow(t *testing.T) {
	const id = relay.ID("01JX3Z5K8Q6W7RT2V9B4M0NCDE")
	rcpt := func(s relay.State, text string, next time.Duration) admin.Recipient {
		r := admin.Recipient{Address: "bob@example.net", State: s, Upstream: "ses", NextAttempt: admin.Time{Time: time.Now().Add(next)}}
		if text != "" {
			r.Last = &admin.Attempt{Upstream: "ses", Verdict: admin.Verdict{Code: 450, Text: text}}
		}
		return r
	}
	for name, tt := range map[string]struct {
		course func() course
		out    string
		err    string // "": delivered
	}{
		"delivered": {
			func() course {
				return course{at(rcpt(relay.Queued, "", 0)), at(rcpt(relay.Sending, "", 0)), at(rcpt(relay.Sending, "", 0)), at(rcpt(relay.Delivered, "Ok", 0))}
			},
			"bob@example.net: queued\nbob@example.net: sending to ses\nbob@example.net: delivered at ses: 450 Ok\n", "",
		},
		"failover is no verdict": {
			func() course {
				return course{at(rcpt(relay.Queued, "busy", -time.Second)), at(rcpt(relay.Delivered, "Ok", 0))}
			},
			"bob@example.net: deferred at ses: 450 busy\nbob@example.net: delivered at ses: 450 Ok\n", "",
		},
		"deferred": {
			func() course { return course{at(rcpt(relay.Queued, "busy", time.Hour))} },
			"bob@example.net: deferred at ses: 450 busy, next attempt at 2000-01-01 01:00:00 UTC\n", "delivered to 0 of 1 recipient; see relaykeep spool show " + string(id),
		},
		"held": {
			func() course {
				r := rcpt(relay.Held, "", 0)
				r.HoldReason = "no way\x1b"
				return course{at(r)}
			},
			"bob@example.net: held (no way\\x1b)\n", "delivered to 0 of 1 recipient",
		},
		"one of two": {
			func() course { return course{at(rcpt(relay.Delivered, "", 0), rcpt(relay.Bounced, "no", 0))} },
			"bob@example.net: delivered\nbob@example.net: bounced at ses: 450 no\n", "delivered to 1 of 2 recipients",
		},
		"no history": {
			func() course {
				return course{at(rcpt(relay.Queued, "", 0)), func() (admin.Message, error) { return admin.Message{}, spool.ErrNotFound }}
			},
			"bob@example.net: queued\n", "keeps no history",
		},
		"broken": {
			func() course {
				return course{func() (admin.Message, error) { return admin.Message{}, errors.New("daemon gone") }}
			},
			"", "daemon gone",
		},
		"time is up": {
			func() course { return course{at(rcpt(relay.Queued, "", time.Hour))} },
			"bob@example.net: queued\n", "no verdict yet; see later with relaykeep spool show " + string(id),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var out strings.Builder
				c := tt.course()
				err := follow(ctx, &out, &c, id)
				if out.String() != tt.out {
					t.Errorf("it prints %q", out.String())
				}
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("it gives %v, want %q", err, tt.err)
				}
			})
		})
	}
}
