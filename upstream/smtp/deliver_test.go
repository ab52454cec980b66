package smtp

import (
	"fmt"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// modes are the two ways in which an envelope is sent: whatever holds for one
// must hold for the other.
var modes = map[string][]string{
	"pipelining": nil,
	"one by one": {"8BITMIME", "SMTPUTF8", "DSN"},
}

func eachMode(t *testing.T, f func(t *testing.T, s *upstreamtest.Server)) {
	for name, extensions := range modes {
		t.Run(name, func(t *testing.T) {
			f(t, provider(t, upstreamtest.Options{Extensions: extensions}))
		})
	}
}

func TestDeliver(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		tr := transport(t, s, nil)
		var m marks
		for range 3 {
			m = marks{}
			v := handOver(t.Context(), tr, from("a@x.test"), hello, rcpts("b@y.test", "c@y.test"), m.mark)
			for _, v := range v {
				wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
				if v.RemoteID == "" || v.Enhanced != "2.0.0" {
					t.Errorf("remote id %q, enhanced %q", v.RemoteID, v.Enhanced)
				}
			}
			if m.calls != 1 || !m.waited || fmt.Sprint(m.accepted) != "[0 1]" {
				t.Errorf("mark: %+v", m)
			}
		}
		wantMessages(t, s, string(hello), string(hello), string(hello))
		if n := s.Sessions(); n != 1 {
			t.Errorf("%d connections, want one kept", n)
		}
		got := s.Messages()[0]
		if got.From != "a@x.test" || len(got.To) != 2 || got.To[1].Address != "c@y.test" || got.Hello != "relay.test" {
			t.Errorf("arrived as %+v", got)
		}
	})
}

func TestEachRecipientHasItsOwnFate(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		s.On(upstreamtest.Rcpt, upstreamtest.ByAddress(map[string]upstreamtest.Act{
			"later@y.test": upstreamtest.Reply("450 4.2.1 busy"),
			"never@y.test": upstreamtest.Reply("550-5.1.1 no such", "550 5.1.1 user"),
		}))
		tr := transport(t, s, nil)
		var m marks
		v := handOver(t.Context(), tr, from(""), hello, rcpts("later@y.test", "ok@y.test", "never@y.test"), m.mark)
		wantClass(t, v[0], relay.ClassDeferred, relay.StageRcpt, 450)
		wantClass(t, v[1], relay.ClassDelivered, relay.StageBody, 250)
		wantClass(t, v[2], relay.ClassRejected, relay.StageRcpt, 550)
		if v[2].Text != "no such\nuser" || v[2].Enhanced != "5.1.1" {
			t.Errorf("text %q, enhanced %q", v[2].Text, v[2].Enhanced)
		}
		if fmt.Sprint(m.accepted) != "[1]" {
			t.Errorf("marked %v", m.accepted)
		}
		wantMessages(t, s, string(hello))
	})
}

func TestManyRecipientsGoInGroups(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		s.On(upstreamtest.Rcpt, func(st upstreamtest.Step) upstreamtest.Act {
			if st.N%7 == 0 {
				return upstreamtest.Reply("550 5.1.1 no")
			}
			return upstreamtest.Act{}
		})
		tr := transport(t, s, nil)
		var to []string
		for i := range 1000 {
			to = append(to, fmt.Sprintf("r%d@%s.test", i, strings.Repeat("y", 50)))
		}
		for i, v := range deliver(t, tr, hello, to...) {
			want := relay.ClassDelivered
			if (i+1)%7 == 0 {
				want = relay.ClassRejected
			}
			if v.Class != want {
				t.Fatalf("recipient %d: %+v", i, v)
			}
		}
	})
}
