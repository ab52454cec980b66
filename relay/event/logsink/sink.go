package logsink

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/relay/event"
)

// DefaultQueue is how many events wait for the logger at most.
const DefaultQueue = 8192

// Options make a Sink.
type Options struct {
	// Logger writes the lines; its level decides which events are written. Its
	// lock is held while a line is written, so who must not wait for a log
	// reader must not use the same Logger.
	Logger hclog.Logger

	// JSON, where it is set, is written to in the place of Logger: the same
	// lines as one with JSONFormat makes, in a fifth of the time. One call may
	// bring several whole lines.
	JSON io.Writer

	Addresses Mode

	// HashKey makes the hashes of Hash unguessable: without it a hash can be
	// compared with those of known addresses.
	HashKey []byte

	Queue int // 0: DefaultQueue
}

// Sink writes events as log lines. It is an event.Sink.
type Sink struct {
	queue *event.Queue
	lines writer
	mode  atomic.Uint32 // a Mode
}

// New starts a sink; Close ends it.
func New(o Options) *Sink {
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	s := &Sink{lines: writer{log: o.Logger, out: o.JSON, mask: masker{key: o.HashKey}}}
	s.SetAddresses(o.Addresses)
	s.queue = event.NewQueue(o.Queue, s.write, s.lines.lost)
	return s
}

// SetAddresses changes how addresses are written from now on.
func (s *Sink) SetAddresses(m Mode) { s.mode.Store(uint32(m)) }

func (s *Sink) write(e relay.Event, more bool) {
	s.lines.mask.mode = Mode(s.mode.Load())
	s.lines.write(e, more)
}

// Emit implements event.Sink. It never blocks.
func (s *Sink) Emit(e relay.Event) { s.queue.Emit(e) }

// Close writes what is in the queue, for as long as ctx allows; its error says
// how many lines are missing, beside those in the write that hangs. After it
// Emit does nothing.
func (s *Sink) Close(ctx context.Context) error { return s.queue.Close(ctx) }
