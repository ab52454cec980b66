package smtp

import (
	"testing"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

func wantDelivered(t testing.TB, tr *Transport) {
	t.Helper()
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassDelivered, relay.StageBody, 250)
}

func wantSessions(t testing.TB, s *upstreamtest.Server, n int) {
	t.Helper()
	if got := s.Sessions(); got != n {
		t.Errorf("%d connections, want %d", got, n)
	}
}

// TestDeadKeptConnection: whatever a kept connection dies of before it has
// answered, one fresh one takes its place and nobody hears of it.
func TestDeadKeptConnection(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		for name, act := range map[string]upstreamtest.Act{
			"closed":     upstreamtest.Drop(),
			"reset":      upstreamtest.Reset(),
			"421":        upstreamtest.Reply("421 4.4.2 idle for too long").ThenDrop(),
			"421, open":  upstreamtest.Reply("421 4.4.2 idle for too long"),
			"no reply":   upstreamtest.Reply("what?").ThenDrop(),
			"half a one": upstreamtest.Raw([]byte("250-")).ThenDrop(),
		} {
			t.Run(name, func(t *testing.T) {
				tr := transport(t, s, nil)
				wantDelivered(t, tr)
				s.On(upstreamtest.Mail, upstreamtest.Times(1, act))
				before := s.Sessions()
				wantDelivered(t, tr)
				wantSessions(t, s, before+1)
			})
		}
	})
}

func TestKeptConnectionClosedWhileIdle(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	wantDelivered(t, tr)
	s.DropAll()
	if err := s.WaitClosed(within(t), 1); err != nil {
		t.Fatal(err)
	}
	wantDelivered(t, tr)
	wantSessions(t, s, 2)
	if n := s.Reached(upstreamtest.Mail); n != 2 {
		t.Errorf("MAIL came %d times: the dead connection was not noticed", n)
	}
}

// TestOnlyOneFreshConnection: a failure on the fresh connection is a verdict,
// and so is one after the kept connection has answered.
func TestOnlyOneFreshConnection(t *testing.T) {
	s := provider(t, upstreamtest.Options{Extensions: []string{}})
	tr := transport(t, s, nil)
	wantDelivered(t, tr)
	s.On(upstreamtest.Mail, upstreamtest.Times(2, upstreamtest.Reply("421 4.3.2 down").ThenDrop()))
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassDeferred, relay.StageMail, 421)
	wantSessions(t, s, 2)
	wantDelivered(t, tr)
	s.On(upstreamtest.Rcpt, upstreamtest.Times(1, upstreamtest.Reply("421 4.3.2 down").ThenDrop()))
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassDeferred, relay.StageRcpt, 421)
	wantSessions(t, s, 3)
}

func TestMaxMessagesPerConnection(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, func(o *Options) { o.MaxMessagesPerConnection = 3 })
	for range 7 {
		wantDelivered(t, tr)
	}
	if err := s.WaitStage(within(t), upstreamtest.Quit, 2); err != nil {
		t.Error(err)
	}
	wantSessions(t, s, 3)
}

func TestIdleConnectionsAreReaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tr := piped(t, upstreamtest.Options{}, func(o *Options) { o.IdleTimeout = time.Minute })
		wantDelivered(t, tr)
		time.Sleep(59 * time.Second) // synthetic, as all time here
		wantDelivered(t, tr)
		wantSessions(t, s, 1)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if n := s.Reached(upstreamtest.Quit); n != 0 {
			t.Errorf("%d connections were ended early", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := s.Reached(upstreamtest.Quit); n != 1 {
			t.Errorf("%d connections were ended, want 1", n)
		}
		wantDelivered(t, tr)
		wantSessions(t, s, 2)
	})
}

// TestLastUsedGoesFirst: of two kept connections one stays in use, and the
// other one grows idle.
func TestLastUsedGoesFirst(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	twoKept(t, s, tr)
	for range 3 {
		wantDelivered(t, tr)
	}
	m := s.Messages()
	last := m[0].Session // recorded before it was held, released last
	for _, m := range m[2:] {
		if m.Session != last {
			t.Errorf("message %+v did not go over connection %d", m, last)
		}
	}
	wantSessions(t, s, 2)
}

// twoKept makes two connections: the first delivery is held at its end until
// the second is done.
func twoKept(t *testing.T, s *upstreamtest.Server, tr *Transport) {
	t.Helper()
	s.On(upstreamtest.Dot, upstreamtest.Times(1, upstreamtest.Stall()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		wantDelivered(t, tr)
	}()
	if err := s.WaitStage(within(t), upstreamtest.Dot, 1); err != nil {
		t.Fatal(err)
	}
	wantDelivered(t, tr)
	s.Release()
	<-done
}

func TestMaxConnectionsAreKept(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, func(o *Options) { o.MaxConnections = 1 })
	twoKept(t, s, tr)
	if err := s.WaitStage(within(t), upstreamtest.Quit, 1); err != nil {
		t.Error(err)
	}
	if n := len(tr.pool.idle); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

func TestResetAfterARefusal(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		for _, at := range []upstreamtest.Stage{upstreamtest.Mail, upstreamtest.Rcpt, upstreamtest.Data, upstreamtest.Dot} {
			s.On(at, upstreamtest.Times(1, upstreamtest.Reply("550 5.7.1 no")))
			tr := transport(t, s, nil)
			before, resets := s.Sessions(), s.Reached(upstreamtest.Rset)
			wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassRejected, stageOf(at), 550)
			wantDelivered(t, tr)
			wantSessions(t, s, before+1)
			if n := s.Reached(upstreamtest.Rset) - resets; n != 1 {
				t.Errorf("%s: %d RSET, want 1", at, n)
			}
		}
	})
}

func stageOf(at upstreamtest.Stage) relay.Stage {
	for _, st := range stages {
		if st.at == at {
			return st.verdict
		}
	}
	return relay.StageNone
}

func TestResetRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		s.On(upstreamtest.Rcpt, upstreamtest.Times(1, upstreamtest.Reply("550 5.7.1 no")))
		s.On(upstreamtest.Rset, upstreamtest.Always(upstreamtest.Reply("502 5.5.1 what is RSET?")))
		tr := transport(t, s, nil)
		deliver(t, tr, hello, "b@y.test")
		wantDelivered(t, tr)
		wantSessions(t, s, 2)
	})
}

// TestDataAcceptedForNobody: a server that says 354 though it refused every
// recipient gets an empty message (RFC 2920, section 3.1).
func TestDataAcceptedForNobody(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Rcpt, upstreamtest.Times(1, upstreamtest.Reply("550 5.1.1 no")))
	s.On(upstreamtest.Data, upstreamtest.Times(1, upstreamtest.Reply("354 go on")))
	tr := transport(t, s, nil)
	var m marks
	v := handOver(t.Context(), tr, from("a@x.test"), hello, rcpts("b@y.test"), m.mark)
	wantClass(t, v[0], relay.ClassRejected, relay.StageRcpt, 550)
	if m.calls != 0 {
		t.Error("marked")
	}
	wantDelivered(t, tr)
	wantSessions(t, s, 1)
	wantMessages(t, s, string(hello))
}

// TestDataAcceptedWithoutMail: a server that refuses MAIL and then wants a
// message is not to be trusted any further.
func TestDataAcceptedWithoutMail(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Mail, upstreamtest.Times(1, upstreamtest.Reply("550 5.7.1 no")))
	s.On(upstreamtest.Data, upstreamtest.Times(1, upstreamtest.Reply("354 go on")))
	tr := transport(t, s, nil)
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassRejected, relay.StageMail, 550)
	wantDelivered(t, tr)
	wantSessions(t, s, 2)
	wantMessages(t, s, string(hello))
}

func TestCloseTakesLeave(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	twoKept(t, s, tr)
	tr.Close()
	if n := s.Reached(upstreamtest.Quit); n != 2 {
		t.Errorf("%d QUIT, want 2", n)
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}
