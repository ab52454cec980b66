package smtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relaykeep/relay"
	"relaykeep/upstream"
	"relaykeep/upstream/upstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// classify is a small classifier: by the first digit, and unknown where the
// dot was sent and nothing came back.
func classify(a upstream.Answer) relay.Verdict {
	v := relay.Verdict{Stage: a.Stage, Code: a.Code, Enhanced: a.Enhanced, Text: a.Text, Rule: "test"}
	switch {
	case a.Err != nil && a.DotSent:
		v.Class = relay.ClassUnknown
	case a.Err != nil:
		v.Class, v.Text = relay.ClassDeferred, a.Err.Error()
	case a.Code/100 == 2:
		v.Class, v.Action = relay.ClassDelivered, relay.ActionDone
	case a.Code/100 == 4:
		v.Class = relay.ClassDeferred
	default:
		v.Class = relay.ClassRejected
	}
	return v
}

// provider starts a fake provider for the test.
func provider(t testing.TB, o upstreamtest.Options) *upstreamtest.Server {
	t.Helper()
	s, err := upstreamtest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// transport makes a transport to s; edit changes its options, where not nil.
func transport(t testing.TB, s *upstreamtest.Server, edit func(*Options)) *Transport {
	t.Helper()
	o := Options{Name: "test", Provider: "generic", Address: s.Addr(), Hello: "relay.test", TLS: NoTLS}
	if edit != nil {
		edit(&o)
	}
	tr, err := New(o, classify, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// content is a body in memory.
type content string

func (c content) Open() (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(c))), nil
}
func (c content) Size() int64 { return int64(len(c)) }

const hello = content("Subject: hello\r\n\r\n.dot\r\nHello.\r\n")

func rcpts(addresses ...string) []relay.Recipient {
	to := make([]relay.Recipient, len(addresses))
	for i, a := range addresses {
		to[i].Address = a
	}
	return to
}

// marks is a mark that succeeds and remembers.
type marks struct {
	calls    int
	accepted []int
	waited   bool
	err      error
}

func (m *marks) mark(accepted []int) func() error {
	m.calls++
	m.accepted = accepted
	return func() error { m.waited = true; return m.err }
}

func from(sender string) relay.Message { return relay.Message{ID: "test", From: sender} }

// handover hands a message over as it is.
type handover struct {
	m    relay.Message
	body relay.Body
	mark func(accepted []int) (wait func() error)
}

func (h handover) Prepare(context.Context, upstream.Capabilities) (relay.Message, relay.Body, error) {
	return h.m, h.body, nil
}

func (h handover) Mark(accepted []int) (wait func() error) { return h.mark(accepted) }

func handOver(ctx context.Context, tr *Transport, m relay.Message, body relay.Body, to []relay.Recipient, mark func([]int) func() error) []relay.Verdict {
	return tr.Deliver(ctx, m, to, handover{m, body, mark})
}

// deliver sends body from a@x.test with a mark that succeeds.
func deliver(t testing.TB, tr *Transport, body relay.Body, to ...string) []relay.Verdict {
	t.Helper()
	return handOver(t.Context(), tr, from("a@x.test"), body, rcpts(to...), new(marks).mark)
}

// within bounds waiting for an event that must come.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantClass(t testing.TB, v relay.Verdict, class relay.Class, stage relay.Stage, code int) {
	t.Helper()
	if v.Class != class || v.Stage != stage || v.Code != code {
		t.Errorf("verdict is %+v, want class %v, stage %v, code %d", v, class, stage, code)
	}
}

func wantMessages(t testing.TB, s *upstreamtest.Server, bodies ...string) {
	t.Helper()
	got := s.Messages()
	if len(got) != len(bodies) {
		t.Fatalf("%d messages arrived, want %d", len(got), len(bodies))
	}
	for i, m := range got {
		if !bytes.Equal(m.Body, []byte(bodies[i])) {
			t.Errorf("message %d is %q, want %q", i, m.Body, bodies[i])
		}
	}
}

var errTest = errors.New("test error")
