package smtp

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
	"relaykeep/upstream/upstreamtest"
)

// stages are those of a plain delivery, with what a verdict calls them.
var stages = []struct {
	at      upstreamtest.Stage
	verdict relay.Stage
}{
	{upstreamtest.Greeting, relay.StageGreeting},
	{upstreamtest.Hello, relay.StageHello},
	{upstreamtest.Mail, relay.StageMail},
	{upstreamtest.Rcpt, relay.StageRcpt},
	{upstreamtest.Data, relay.StageData},
	{upstreamtest.Dot, relay.StageBody},
}

func eachStage(t *testing.T, f func(t *testing.T, s *upstreamtest.Server, at upstreamtest.Stage, verdict relay.Stage)) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		for _, st := range stages {
			t.Run(string(st.at), func(t *testing.T) {
				f(t, s, st.at, st.verdict)
				s.On(st.at, nil)
			})
		}
	})
}

func TestRefusedAtEachStage(t *testing.T) {
	eachStage(t, func(t *testing.T, s *upstreamtest.Server, at upstreamtest.Stage, stage relay.Stage) {
		for _, c := range []struct {
			reply string
			code  int
			class relay.Class
		}{
			{"421 4.3.2 closing", 421, relay.ClassDeferred},
			{"451 4.3.0 later", 451, relay.ClassDeferred},
			{"554 5.7.1 never", 554, relay.ClassRejected},
		} {
			act := upstreamtest.Reply(c.reply)
			if c.code == 421 {
				act = act.ThenDrop()
			}
			s.On(at, upstreamtest.Always(act))
			tr := transport(t, s, nil)
			for _, v := range deliver(t, tr, hello, "b@y.test", "c@y.test") {
				wantClass(t, v, c.class, stage, c.code)
			}
			s.On(at, nil)
			before := len(s.Messages())
			for _, v := range deliver(t, tr, hello, "b@y.test") {
				wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
			}
			if n := len(s.Messages()); n != before+1 {
				t.Errorf("%d messages after the refusal, want 1", n-before)
			}
			tr.Close()
		}
	})
}

func TestConnectionLostAtEachStage(t *testing.T) {
	eachStage(t, func(t *testing.T, s *upstreamtest.Server, at upstreamtest.Stage, stage relay.Stage) {
		for _, act := range []upstreamtest.Act{upstreamtest.Drop(), upstreamtest.Reset()} {
			s.On(at, upstreamtest.Always(act))
			want := relay.ClassDeferred
			if at == upstreamtest.Dot {
				want = relay.ClassUnknown
			}
			tr := transport(t, s, nil)
			for _, v := range deliver(t, tr, hello, "b@y.test", "c@y.test") {
				if at == upstreamtest.Greeting && v.Stage == relay.StageDial {
					continue // the reset was faster than we
				}
				wantClass(t, v, want, stage, 0)
			}
			tr.Close()
		}
	})
}

func TestMalformedReplyAtEachStage(t *testing.T) {
	eachStage(t, func(t *testing.T, s *upstreamtest.Server, at upstreamtest.Stage, stage relay.Stage) {
		for name, raw := range map[string]string{
			"no reply":     "\x1b[2J\x00\r\n",
			"unexpected":   "334 what\r\n",
			"endless line": "250 " + strings.Repeat("x", 1<<20),
			"endless":      strings.Repeat("250-x\r\n", 10_000),
		} {
			s.On(at, upstreamtest.Always(upstreamtest.Raw([]byte(raw)).ThenDrop()))
			want := relay.ClassDeferred
			if at == upstreamtest.Dot {
				want = relay.ClassUnknown
			}
			var got []upstream.Answer
			tr := transport(t, s, nil)
			tr.classify = func(a upstream.Answer) relay.Verdict {
				got = append(got, a)
				return classify(a)
			}
			for _, v := range deliver(t, tr, hello, "b@y.test") {
				wantClass(t, v, want, stage, 0)
			}
			var p *ProtocolError
			if len(got) != 1 || !errors.As(got[0].Err, &p) || hasControl([]byte(p.Error())) {
				t.Errorf("%s: answered %+v", name, got)
			}
			tr.Close()
		}
	})
}

func TestControlBytesInAReply(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		s.On(upstreamtest.Rcpt, upstreamtest.Times(1, upstreamtest.Reply("250 o\x1bk")))
		tr := transport(t, s, nil)
		v := deliver(t, tr, hello, "b@y.test")[0]
		wantClass(t, v, relay.ClassDeferred, relay.StageRcpt, 0)
		wantMessages(t, s)

		// Behind the final dot the code counts: what was taken is not sent twice.
		s.On(upstreamtest.Dot, upstreamtest.Always(upstreamtest.Reply("250 o\x1bk")))
		v = deliver(t, tr, hello, "b@y.test")[0]
		wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
		before := s.Sessions()
		deliver(t, tr, hello, "b@y.test")
		if s.Sessions() == before {
			t.Error("the connection was used again")
		}
	})
}

// The code of a refusal counts, whatever bytes its text has.
func TestControlBytesInARefusal(t *testing.T) {
	eachStage(t, func(t *testing.T, s *upstreamtest.Server, at upstreamtest.Stage, stage relay.Stage) {
		for code, reply := range map[int]string{550: "550 5.1.1 n\x1bo \x00 \x07", 451: "451 l\x7fater"} {
			s.On(at, upstreamtest.Always(upstreamtest.Reply(reply)))
			want := relay.ClassRejected
			if code == 451 {
				want = relay.ClassDeferred
			}
			tr := transport(t, s, nil)
			for _, v := range deliver(t, tr, hello, "b@y.test") {
				if v.Code != code || v.Stage != stage || v.Class != want && at != upstreamtest.Greeting {
					t.Errorf("%q comes to %+v", reply, v)
				}
			}
			tr.Close()
		}
	})
}

func TestInterruptedAtEachStage(t *testing.T) {
	for name, extensions := range modes {
		for _, st := range stages {
			t.Run(name+"/"+string(st.at), func(t *testing.T) {
				s := provider(t, upstreamtest.Options{Extensions: extensions})
				s.On(st.at, upstreamtest.Always(upstreamtest.Stall()))
				tr := transport(t, s, nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stalled := make(chan error, 1)
				go func() {
					stalled <- s.WaitStage(within(t), st.at, 1)
					cancel()
				}()
				v := handOver(ctx, tr, from("a@x.test"), hello, rcpts("b@y.test"), new(marks).mark)[0]
				if err := <-stalled; err != nil {
					t.Fatal(err)
				}
				if st.at == upstreamtest.Dot {
					wantClass(t, v, relay.ClassUnknown, relay.StageBody, 0)
					return
				}
				// The stage is that of the first reply that was not read, which
				// may be one before that of the server.
				if v.Class != relay.ClassDeferred || v.Rule != "interrupted" || !v.Free || v.Stage > st.verdict ||
					v.Scope != relay.ScopeUpstream || v.Action != relay.ActionRetry {
					t.Errorf("verdict is %+v", v)
				}
			})
		}
	}
}

func TestInterruptedBeforeItBegins(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		v := handOver(ctx, tr, from("a@x.test"), hello, rcpts("b@y.test"), new(marks).mark)[0]
		if v.Rule != "interrupted" || !v.Free {
			t.Errorf("verdict is %+v", v)
		}
		deliver(t, tr, hello, "b@y.test") // now with a kept connection
	}
	if n := len(s.Messages()); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// TestSilence waits for the time that RFC 5321, section 4.5.3.2 grants.
func TestSilence(t *testing.T) {
	for _, c := range []struct {
		at    upstreamtest.Stage
		stage relay.Stage
		after time.Duration
		class relay.Class
	}{
		{upstreamtest.Greeting, relay.StageGreeting, 5 * time.Minute, relay.ClassDeferred},
		{upstreamtest.Hello, relay.StageHello, 5 * time.Minute, relay.ClassDeferred},
		{upstreamtest.Mail, relay.StageMail, 5 * time.Minute, relay.ClassDeferred},
		{upstreamtest.Rcpt, relay.StageRcpt, 5 * time.Minute, relay.ClassDeferred},
		{upstreamtest.Data, relay.StageData, 2 * time.Minute, relay.ClassDeferred},
		{upstreamtest.Dot, relay.StageBody, 10 * time.Minute, relay.ClassUnknown},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, tr := piped(t, upstreamtest.Options{}, nil)
				s.On(c.at, upstreamtest.Always(upstreamtest.Stall()))
				begun := time.Now()
				v := deliver(t, tr, hello, "b@y.test")[0]
				wantClass(t, v, c.class, c.stage, 0)
				if took := time.Since(begun); took != c.after {
					t.Errorf("it took %v, want %v", took, c.after)
				}
			})
		})
	}
}

func TestCommandTimeoutIsForAllButTheFinalDot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tr := piped(t, upstreamtest.Options{}, func(o *Options) {
			o.CommandTimeout = time.Second
			o.FinalTimeout = time.Hour
		})
		for at, want := range map[upstreamtest.Stage]time.Duration{
			upstreamtest.Data: time.Second,
			upstreamtest.Dot:  time.Hour,
		} {
			s.On(at, upstreamtest.Always(upstreamtest.Stall()))
			begun := time.Now()
			deliver(t, tr, hello, "b@y.test")
			if took := time.Since(begun); took != want {
				t.Errorf("%s: it took %v, want %v", at, took, want)
			}
			s.On(at, nil)
		}
	})
}

// TestDripOfAReply: a server that sends a byte now and then does not hold us.
func TestDripOfAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		o := Options{Address: "127.0.0.1:25", TLS: NoTLS}
		tr, err := New(o, classify, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		tr.dialer.dial = p.dial
		served := make(chan struct{})
		go func() {
			defer close(served)
			nc, err := p.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			for {
				if _, err := io.WriteString(nc, "2"); err != nil {
					return
				}
				time.Sleep(time.Minute) // synthetic
			}
		}()
		begun := time.Now()
		v := deliver(t, tr, hello, "b@y.test")[0]
		wantClass(t, v, relay.ClassDeferred, relay.StageGreeting, 0)
		if took := time.Since(begun); took != 5*time.Minute {
			t.Errorf("it took %v", took)
		}
		<-served
	})
}
