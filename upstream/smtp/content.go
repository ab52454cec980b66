package smtp

import (
	"errors"
	"net"
	"time"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// watcher reads the next reply while a large body is written, so that a server
// that refuses early is heard at once. Until done is closed it owns the
// connection's reply and its reading side.
type watcher struct {
	done chan struct{}
	err  error
}

// watch starts a watcher. While the body is written only the writes are bounded
// in time. A reply, or the end of the connection, stops the writing.
func (c *conn) watch() *watcher {
	c.allowRead(0)
	w := &watcher{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.err = c.rep.read(c.br)
		c.cutWrites()
	}()
	return w
}

// content sends the body and the final dot, and settles by the answer.
func (x *transaction) content() error {
	r, err := x.body.Open()
	if err != nil {
		return x.unreadable(err)
	}
	defer r.Close()
	wait := x.h.Mark(x.accepted)

	w := x.t.buffers.Get().(*bodyWriter)
	defer x.t.buffers.Put(w)
	w.reset()
	err = w.copy(r, x)
	if err == nil && len(w.out) > maxHeld {
		err = w.emit(x)
	}
	if err != nil {
		return x.cutShort(err)
	}
	if err := wait(); err != nil {
		return x.abandon(notMarked(err))
	}
	if x.answeredEarly() {
		return x.cutShort(nil)
	}
	held := len(w.out)
	n, err := x.write(append(w.out, ".\r\n"...))
	if err != nil && n <= held {
		return x.cutShort(err)
	}
	return x.dotSent(err)
}

// block implements blockSink.
func (x *transaction) block(b []byte) error {
	if x.watcher == nil {
		x.watcher = x.c.watch()
	}
	_, err := x.write(b)
	return err
}

func (x *transaction) write(b []byte) (int, error) {
	x.c.allowWrite(x.c.to.block)
	return x.c.nc.Write(b)
}

// answeredEarly reports whether a reply has come, or the connection has ended,
// before the final dot: what came before it must not be taken for the answer
// to it. Without a watcher only what came along with the 354 is seen.
func (x *transaction) answeredEarly() bool {
	if x.watcher == nil {
		return x.c.br.Buffered() > 0
	}
	select {
	case <-x.watcher.done:
		return true
	default:
		return false
	}
}

// unreadable settles where the body cannot be read, and breaks off.
func (x *transaction) unreadable(err error) error {
	if errors.Is(err, relay.ErrBodyDamaged) {
		return x.abandon(bodyDamaged())
	}
	return x.abandon(bodyUnreadable(err))
}

// abandon closes the connection before the final dot and settles.
func (x *transaction) abandon(v *relay.Verdict) error {
	x.c.broken = true
	x.c.close()
	if x.watcher != nil {
		<-x.watcher.done
	}
	return x.local(v)
}

// cutShort settles where the final dot was not sent: by the body, by the
// context, by what the server said early, or by the loss of the connection.
// err is why nothing more could be written, nil after an early answer.
func (x *transaction) cutShort(err error) error {
	var read *readError
	if errors.As(err, &read) {
		return x.unreadable(read.err)
	}
	if x.ctx.Err() != nil {
		return x.abandon(interrupted(relay.StageBody))
	}
	readErr := x.answer(lateReply)
	x.c.broken = true
	switch {
	case readErr == nil && unexpected(&x.c.rep):
		err = errUnexpected(&x.c.rep)
	case readErr == nil:
		x.failed(&failure{answer: x.t.said(relay.StageBody, &x.c.rep)})
		return errOver
	case err == nil || !isTimeout(readErr):
		err = readErr
	}
	x.failed(&failure{answer: x.t.lost(relay.StageBody, err)})
	return errOver
}

// dotSent settles once the first byte of the final dot was handed to the
// network: without an answer the outcome is unknown. writeErr is why the rest
// of it could not be written, or nil.
func (x *transaction) dotSent(writeErr error) error {
	d := x.c.to.final
	if writeErr != nil {
		d = lateReply
	}
	err := x.answer(d)
	r := &x.c.rep
	if err == nil && r.class() == 3 {
		err = errUnexpected(r)
	}
	if err != nil || writeErr != nil || r.dirty {
		x.c.broken = true
	}
	if err != nil {
		x.failed(&failure{answer: upstream.Answer{
			Provider: x.t.o.Provider, Stage: relay.StageBody, Err: x.whyLost(err), DotSent: true,
		}})
		return errOver
	}
	x.c.needReset = r.class() != 2
	said := x.t.said(relay.StageBody, r)
	v := x.t.classify(said)
	if r.class() == 2 {
		v.RemoteID = remoteID(said.Text)
	}
	x.settle(&v)
	return nil
}

// whyLost tells an interruption from a time-out.
func (x *transaction) whyLost(err error) error {
	if x.ctx.Err() != nil {
		return errStopped
	}
	return err
}

// answer reads the reply to the message within d, or takes over what the
// watcher has read by then.
func (x *transaction) answer(d time.Duration) error {
	if x.watcher == nil {
		return x.c.read(d)
	}
	x.c.allowRead(d)
	<-x.watcher.done
	return x.c.noted(x.watcher.err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
