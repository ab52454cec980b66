package filter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	milter "github.com/d--j/go-milter"
	"github.com/hashicorp/go-hclog"
)

// DefaultTimeout stands for a zero Options.Timeout.
const DefaultTimeout = 10 * time.Second

// Options describe a filter.
type Options struct {
	Name    string
	Network string // "tcp" or "unix"
	Address string // "host:port", or the path of a socket

	// Timeout bounds a dialogue, from the connection to the last answer.
	Timeout time.Duration

	// PassOnError says that mail passes unseen while the filter is in trouble;
	// else clients are asked to come again.
	PassOnError bool
}

// Filter is a milter and how to ask it. It is safe for concurrent use, and
// holds no connection between two messages.
type Filter struct {
	Options
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	trouble trouble
}

// New makes a Filter. log is told when it comes into trouble, and out of it;
// nil: nobody is.
func New(o Options, log hclog.Logger) *Filter {
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	if log == nil {
		log = hclog.NewNullLogger()
	}
	return &Filter{
		Options: o,
		dial:    new(net.Dialer).DialContext,
		trouble: trouble{log: log.With("filter", o.Name, "milter", o.Network+":"+o.Address)},
	}
}

// Probe opens a dialogue and ends it. It says in its error why that cannot be
// done.
func (f *Filter) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	l := &line{ctx: ctx, dial: f.dial}
	defer l.close()
	session, err := f.connect(l, nil)
	if err != nil {
		return errors.New(f.describe(err))
	}
	session.Close() // what it says of a goodbye is no matter
	return nil
}

// look shows the filter a message, and lets it do what it asks for. An error
// is ours: the filter has nothing to do with it.
func (f *Filter) look(ctx context.Context, m *Mail) (Outcome, error) {
	o, err := f.ask(ctx, m)
	var own *ownError
	switch {
	case err == nil:
		f.trouble.over()
		return o, nil
	case ctx.Err() != nil:
		return Outcome{}, ctx.Err()
	case errors.As(err, &own):
		return Outcome{}, own.error
	}
	reason := f.describe(err)
	f.trouble.tell(time.Now(), reason, f.PassOnError)
	if f.PassOnError {
		return Outcome{Notes: []Note{{f.Name, "it passed unseen: " + reason}}}, nil
	}
	return Outcome{Action: Refuse, Filter: f.Name, Reply: replyTrouble()}, nil
}

// ownError is a failure of this machine.
type ownError struct{ error }

// ask goes through a dialogue.
func (f *Filter) ask(ctx context.Context, m *Mail) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	l := &line{ctx: ctx, dial: f.dial}
	defer l.close()
	macros := macrosOf(m)
	session, err := f.connect(l, macros)
	if err != nil {
		return Outcome{}, err
	}
	fresh := &text{room: m.text.room, limit: m.MaxSize}
	defer func() {
		if m.text != fresh {
			fresh.close()
		}
	}()
	l.guard.text = fresh
	a, err := (&dialogue{mail: m, macros: macros, session: session}).run()
	switch {
	case fresh.err != nil && !errors.Is(fresh.err, errLong):
		return Outcome{}, &ownError{fresh.err}
	case err != nil:
		return Outcome{}, err
	}
	session.Close() // what it says of a goodbye is no matter
	d := newDraft(m, spaced(session))
	o, err := f.conclude(d, a, l.guard.renewed)
	if err != nil || o.Action != Pass {
		return o, err
	}
	if err := d.finish(m); err != nil {
		return Outcome{}, err
	}
	if l.guard.renewed {
		m.replace(fresh)
	}
	return o, nil
}

// conclude is what an answer comes to. The changes that it asks for are made in
// the draft.
func (f *Filter) conclude(d *draft, a answer, renewed bool) (Outcome, error) {
	switch a.action.Type {
	case milter.ActionReject, milter.ActionTempFail, milter.ActionRejectWithCode:
		return Outcome{Action: Refuse, Filter: f.Name, Reply: replyOf(a.action)}, nil
	case milter.ActionDiscard:
		return Outcome{Action: Discard, Filter: f.Name}, nil
	case milter.ActionAccept, milter.ActionContinue:
	default:
		return Outcome{}, fmt.Errorf("it gave an answer of an unknown kind (%d)", a.action.Type)
	}
	for i := range a.changes {
		if err := d.apply(&a.changes[i]); err != nil {
			return Outcome{}, err
		}
	}
	if len(d.to) == 0 {
		return Outcome{Action: Discard, Filter: f.Name}, nil
	}
	if renewed {
		d.tell("replaced the text")
	}
	var o Outcome
	if d.hold {
		o.Hold = &Hold{f.Name, d.why}
	}
	if len(d.told) > 0 {
		o.Notes = []Note{{f.Name, strings.Join(d.told, ", ")}}
	}
	return o, nil
}

// describe says in words what is wrong with the filter.
func (f *Filter) describe(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "it took longer than " + f.Timeout.String()
	case errors.As(err, &op) && op.Op == "dial":
		return "it cannot be reached: " + printable(op.Err.Error(), MaxText)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return "it closed the connection before it had answered"
	}
	return printable(strings.TrimPrefix(err.Error(), "milter: "), MaxText)
}
