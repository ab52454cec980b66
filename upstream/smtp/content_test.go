package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

var (
	// large takes many blocks.
	large = content(strings.Repeat("."+strings.Repeat("x", 500)+"\r\n", 2_000))
	// huge is more than all buffers on the way take.
	huge = content(strings.Repeat("."+strings.Repeat("x", 900)+"\r\n", 20_000))
)

func TestLargeBody(t *testing.T) {
	eachMode(t, func(t *testing.T, s *upstreamtest.Server) {
		tr := transport(t, s, nil)
		for range 2 {
			wantClass(t, deliver(t, tr, large, "b@y.test")[0], relay.ClassDelivered, relay.StageBody, 250)
		}
		wantMessages(t, s, string(large), string(large))
		wantSessions(t, s, 1)
	})
}

// TestEarlyAnswer is fault 26: the provider refuses while the body is sent, and
// reads on, stops reading, or closes.
func TestEarlyAnswer(t *testing.T) {
	for name, body := range map[string]content{"large": large, "small": hello} {
		for code, class := range map[int]relay.Class{550: relay.ClassRejected, 421: relay.ClassDeferred} {
			reply := upstreamtest.Reply(fmt.Sprintf("%d %d.7.1 not this", code, code/100))
			for how, act := range map[string]upstreamtest.Act{
				"reads on": reply, "closes": reply.ThenDrop(),
			} {
				t.Run(fmt.Sprint(name, code, how), func(t *testing.T) {
					s := provider(t, upstreamtest.Options{})
					s.On(upstreamtest.Body, upstreamtest.Times(1, act.After(int64(len(body)/4))))
					tr := transport(t, s, nil)
					wantClass(t, deliver(t, tr, body, "b@y.test")[0], class, relay.StageBody, code)
					wantMessages(t, s)
					wantDelivered(t, tr)
				})
			}
		}
	}
}

func TestEarlyAnswerOfSomebodyWhoStopsReading(t *testing.T) {
	p := newScripted(t,
		"220 hi", "EHLO", "250-x\r\n250 PIPELINING", "MAIL", "250 ok", "RCPT", "250 ok", "DATA", "354 go", "", "550 5.7.1 not this")
	defer p.close()
	v := deliver(t, p.transport(t), huge, "b@y.test")[0]
	wantClass(t, v, relay.ClassRejected, relay.StageBody, 550)
}

func TestEarlySuccessIsNoSuccess(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Body, upstreamtest.Always(upstreamtest.Reply("250 2.0.0 thanks").ThenDrop()))
	tr := transport(t, s, nil)
	wantClass(t, deliver(t, tr, large, "b@y.test")[0], relay.ClassDeferred, relay.StageBody, 0)
}

// TestAnswerAlongWithThe354: a success that was there before the message is
// none.
func TestAnswerAlongWithThe354(t *testing.T) {
	for reply, class := range map[string]relay.Class{"250 2.0.0 Ok": relay.ClassDeferred, "550 5.7.1 no": relay.ClassRejected} {
		s := provider(t, upstreamtest.Options{})
		s.On(upstreamtest.Data, upstreamtest.Always(upstreamtest.Reply("354 go", reply)))
		tr := transport(t, s, nil)
		if v := deliver(t, tr, hello, "b@y.test")[0]; v.Class != class || v.Stage != relay.StageBody {
			t.Errorf("verdict is %+v", v)
		}
		if err := s.WaitClosed(within(t), 1); err != nil {
			t.Error(err)
		}
		wantMessages(t, s)
	}
}

func TestConnectionLostInTheBody(t *testing.T) {
	for _, act := range []upstreamtest.Act{upstreamtest.Drop(), upstreamtest.Reset()} {
		s := provider(t, upstreamtest.Options{})
		s.On(upstreamtest.Body, upstreamtest.Always(act.After(1<<18)))
		tr := transport(t, s, nil)
		wantClass(t, deliver(t, tr, huge, "b@y.test")[0], relay.ClassDeferred, relay.StageBody, 0)
		wantMessages(t, s)
	}
}

// TestServerStopsReading is fault 19.
func TestServerStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tr := piped(t, upstreamtest.Options{}, nil)
		s.On(upstreamtest.Body, upstreamtest.Always(upstreamtest.Stall().After(1<<18)))
		begun := time.Now()
		v := deliver(t, tr, large, "b@y.test")[0]
		wantClass(t, v, relay.ClassDeferred, relay.StageBody, 0)
		if took := time.Since(begun); took < 3*time.Minute || took > 3*time.Minute+time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestSlowServerIsWaitedFor: the deadline is for each block, not for the body.
func TestSlowServerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, tr := piped(t, upstreamtest.Options{}, nil)
		slow := &slowBody{content: large, pause: 2 * time.Minute}
		wantClass(t, deliver(t, tr, slow, "b@y.test")[0], relay.ClassDelivered, relay.StageBody, 250)
		wantMessages(t, s, string(large))
	})
}

// slowBody needs a while for each part of it.
type slowBody struct {
	content
	pause time.Duration
}

func (b *slowBody) Open() (io.ReadCloser, error) {
	r, err := b.content.Open()
	return &slowReader{r, b.pause}, err
}

type slowReader struct {
	io.ReadCloser
	pause time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.pause) // synthetic
	return r.ReadCloser.Read(p)
}

func TestInterruptedInTheBody(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	s.On(upstreamtest.Body, upstreamtest.Always(upstreamtest.Stall().After(1<<18)))
	tr := transport(t, s, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if s.WaitStage(within(t), upstreamtest.Body, 1) == nil {
			cancel()
		}
	}()
	v := handOver(ctx, tr, from("a@x.test"), huge, rcpts("b@y.test"), new(marks).mark)[0]
	if v.Class != relay.ClassDeferred || v.Rule != "interrupted" || !v.Free {
		t.Errorf("verdict is %+v", v)
	}
}

func TestNoDotWithoutTheMark(t *testing.T) {
	for name, body := range map[string]content{"large": large, "small": hello} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{})
			s.On(upstreamtest.Rcpt, upstreamtest.Nth(1, upstreamtest.Reply("550 5.1.1 no")))
			tr := transport(t, s, nil)
			m := marks{err: errTest}
			v := handOver(t.Context(), tr, from("a@x.test"), body, rcpts("no@y.test", "b@y.test"), m.mark)
			wantClass(t, v[0], relay.ClassRejected, relay.StageRcpt, 550)
			wantClass(t, v[1], relay.ClassDeferred, relay.StageBody, 0)
			if v[1].Rule != "not-marked" || !v[1].Free {
				t.Errorf("verdict is %+v", v[1])
			}
			if err := s.WaitClosed(within(t), 1); err != nil {
				t.Error(err)
			}
			wantMessages(t, s)
			wantDelivered(t, tr)
		})
	}
}

// TestPanicOfTheCaller: the connection does not stay behind.
func TestPanicOfTheCaller(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		handOver(t.Context(), tr, from("a@x.test"), large, rcpts("b@y.test"), func([]int) func() error { panic("mark") })
	}()
	if err := s.WaitClosed(within(t), 1); err != nil {
		t.Error(err)
	}
	wantMessages(t, s)
}

// TestDotWaitsForTheMark: the body is under way before the mark is durable, the
// dot is not.
func TestDotWaitsForTheMark(t *testing.T) {
	s := provider(t, upstreamtest.Options{})
	tr := transport(t, s, nil)
	mark := func([]int) func() error {
		return func() error {
			if err := s.WaitStage(within(t), upstreamtest.Body, 1); err != nil {
				return err
			}
			if s.Reached(upstreamtest.Dot) != 0 {
				return errors.New("the dot is there already")
			}
			return nil
		}
	}
	v := handOver(t.Context(), tr, from("a@x.test"), large, rcpts("b@y.test"), mark)[0]
	wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
}

// broken is a body that cannot be read to its end.
type broken struct {
	start  content
	open   error
	reader error
}

func (b broken) Size() int64 { return int64(len(b.start)) }
func (b broken) Open() (io.ReadCloser, error) {
	if b.open != nil {
		return nil, b.open
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(string(b.start)), iotest.ErrReader(b.reader))), nil
}

func TestBodyThatCannotBeRead(t *testing.T) {
	damaged := fmt.Errorf("chunk 7: %w", relay.ErrBodyDamaged)
	for name, c := range map[string]struct {
		body broken
		rule string
		act  relay.Action
		free bool
	}{
		"damaged":             {broken{start: hello, reader: damaged}, "body-damaged", relay.ActionHold, false},
		"damaged, large":      {broken{start: large, reader: damaged}, "body-damaged", relay.ActionHold, false},
		"damaged at opening":  {broken{open: damaged}, "body-damaged", relay.ActionHold, false},
		"unreadable":          {broken{start: hello, reader: errTest}, "body-unreadable", relay.ActionRetry, true},
		"unreadable, large":   {broken{start: large, reader: errTest}, "body-unreadable", relay.ActionRetry, true},
		"cannot be opened":    {broken{open: errTest}, "body-unreadable", relay.ActionRetry, true},
		"ends in a net error": {broken{start: hello, reader: context.DeadlineExceeded}, "body-unreadable", relay.ActionRetry, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{})
			tr := transport(t, s, nil)
			v := deliver(t, tr, c.body, "b@y.test")[0]
			wantClass(t, v, relay.ClassDeferred, relay.StageBody, 0)
			if v.Rule != c.rule || v.Action != c.act || v.Free != c.free || v.Scope != relay.ScopeMessage {
				t.Errorf("verdict is %+v", v)
			}
			if err := s.WaitClosed(within(t), 1); err != nil {
				t.Error(err)
			}
			wantMessages(t, s)
		})
	}
}
