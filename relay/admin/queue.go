package admin

import (
	"context"
	"errors"
	"fmt"
	"io"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Queue is what an operator can ask of a spool: a Client asks the running
// daemon, a Local reads the spool of a stopped one. All methods are safe for
// concurrent use.
type Queue interface {
	// List calls fn for each message that f selects, oldest first, without
	// events, until fn returns an error, which List returns.
	List(ctx context.Context, f spool.Filter, fn func(Message) error) error

	// Get gives one message with its events; an error that matches
	// spool.ErrNotFound where there is none.
	Get(ctx context.Context, id relay.ID) (Message, error)

	// Raw gives the body of a message as stored. The caller closes it. The
	// error matches spool.ErrNotFound where there is no such message, ErrGone
	// where its body is not kept any more. A reader that ends with another
	// error than io.EOF has not given the whole.
	Raw(ctx context.Context, id relay.ID) (io.ReadCloser, error)

	// Stats counts.
	Stats(ctx context.Context) (Stats, error)

	// Incidents gives the open incidents, or all, by number.
	Incidents(ctx context.Context, all bool) ([]Incident, error)

	// Incident gives one, closed ones too; an error that matches
	// spool.ErrNotFound where there is none.
	Incident(ctx context.Context, number int64) (Incident, error)

	// Close ends the queue, not the daemon.
	Close() error
}

// ErrGone says that a message is known but its body is not kept any more.
var ErrGone = errors.New("its body is not kept any more")

// Store is what the admin room needs of the spool; see spool.Store.
type Store interface {
	List(ctx context.Context, f spool.Filter, fn func(spool.Entry) error) error
	Get(ctx context.Context, id relay.ID) (spool.Entry, error)
	Body(m relay.Message) relay.Body
	Stats(ctx context.Context) (spool.Stats, error)
	Incidents(ctx context.Context, all bool) ([]relay.Incident, error)
}

// Local is the Queue of a store in this process.
type Local struct {
	store Store
	close func() error
}

var _ Queue = (*Local)(nil)

// NewLocal makes a Local. Its Close calls close, once.
func NewLocal(store Store, close func() error) *Local { return &Local{store, close} }

// List gives message objects; see Queue.
func (l *Local) List(ctx context.Context, f spool.Filter, fn func(Message) error) error {
	return l.store.List(ctx, f, func(e spool.Entry) error { return fn(FromEntry(e)) })
}

// Get gives one message object; see Queue.
func (l *Local) Get(ctx context.Context, id relay.ID) (Message, error) {
	e, err := l.store.Get(ctx, id)
	if err != nil {
		return Message{}, explain(id, err)
	}
	return FromEntryInFull(e), nil
}

// Raw gives a body; see Queue.
func (l *Local) Raw(ctx context.Context, id relay.ID) (io.ReadCloser, error) {
	e, err := l.store.Get(ctx, id)
	if err != nil {
		return nil, explain(id, err)
	}
	if !e.HasBody {
		return nil, gone(id)
	}
	body, err := l.store.Body(e.Message).Open()
	if errors.Is(err, spool.ErrNotFound) { // it went between the two reads
		return nil, gone(id)
	}
	return body, err
}

// Stats counts; see Queue.
func (l *Local) Stats(ctx context.Context) (Stats, error) {
	s, err := l.store.Stats(ctx)
	if err != nil {
		return Stats{}, err
	}
	return FromStats(s), nil
}

// Close ends the queue; see Queue.
func (l *Local) Close() error { return l.close() }

// explain says which message there is not.
func explain(id relay.ID, err error) error {
	if errors.Is(err, spool.ErrNotFound) {
		return fmt.Errorf("%w: %s is not in the spool, or its history has passed", spool.ErrNotFound, id)
	}
	return err
}

func gone(id relay.ID) error { return fmt.Errorf("message %s: %w", id, ErrGone) }
