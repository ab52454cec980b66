package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/spool"
)

const (
	// maxHops is the number of Received fields that make a loop (RFC 5321
	// 6.3 wants at least 100).
	maxHops = 100

	// maxReturns is how often a message may have passed this relay before:
	// mail that is forwarded comes again, and is no loop.
	maxReturns = 5

	// spoolTime bounds each wait for the spool, between two reads of the body
	// and after its end. What has joined a commit then is waited for.
	spoolTime = 30 * time.Second
)

// Data implements smtp.Session. It takes the message in and gives the reply as
// an error, success too: go-smtp has no other way for its text.
func (s *session) Data(r io.Reader) error {
	s.ln.srv.links.begin()
	defer s.ln.srv.links.end()
	s.mu.Lock()
	tx := s.tx
	s.mu.Unlock()
	if _, bdat := r.(*io.PipeReader); bdat {
		// Where RSET was faster, tx is another one, but r gives an error at
		// its first read and tx is not touched.
		return s.take(tx, r)
	}
	b := s.wire.openBody(s.ln.opts.MaxMessageSize)
	reply := s.take(tx, b)
	if err := b.drain(s.ln.hardLimit()); err != nil {
		return replyBroken // nobody hears it: the connection is closed
	}
	return reply
}

// take spools a message, tells what became of it, and gives the reply.
func (s *session) take(tx *transaction, content io.Reader) *smtp.SMTPError {
	if tx == nil {
		return replyNoTransaction
	}
	in, err := s.spool(tx, content)
	m := &tx.message
	switch {
	case errors.Is(err, spool.ErrDuplicate):
		s.ln.duplicate(in)
		return queued(in.storing.Dedupe.Before)
	case err != nil:
		r := toReply(err)
		if r == replyBroken {
			return r
		}
		if r == replyLocal {
			s.ln.srv.log.Warn("a message could not be accepted", "listener", m.Listener, "client", m.Client, "error", err)
		}
		var by *refusal
		rule := ""
		if errors.As(err, &by) {
			rule = by.rule()
		}
		s.rejectBy(rule, relay.StageBody, r, m.From, tx.to[0].Address)
		return r
	}
	s.ln.accepted(in)
	return queued(m.ID)
}

// spool reads the header, routes and hands the message to the spool.
func (s *session) spool(tx *transaction, content io.Reader) (*intake, error) {
	in := &intake{tx: tx, lines: &message.Newlines{Source: content, Reject: s.ln.opts.RejectBareNewline}}
	header, whole, err := message.ReadHeader(in.lines)
	if err != nil {
		return nil, err
	}
	if s.loops(header) {
		return nil, replyLoop
	}
	m := &tx.message
	m.ID = s.ln.srv.NewID()
	m.ReceivedAt = time.Now()
	in.unclosed = header.Unclosed()
	in.digest = tx.rules.Dedupe.begin(tx, header)
	whole = in.digest.text(whole, header)
	if tx.rules.Filters != nil {
		var end func()
		if header, whole, end, err = s.reread(tx, s.fillIn(in, header, whole)); err != nil {
			return nil, err
		}
		defer end()
	}
	m.MessageID = header.MessageID()
	m.Subject = header.Subject()
	tx.control = message.ReadControl(header, m.ReceivedAt, s.controls(tx.rules))
	if err := s.route(tx, header); err != nil {
		return nil, err
	}
	tx.judge()
	if err := s.mend(in, header, whole); err != nil {
		return nil, err
	}
	return in, s.store(tx, func() error { return s.accept(in) })
}

// accept waits for the spool to take a message in.
func (s *session) accept(in *intake) error {
	ctx, cancel := context.WithCancel(s.ln.srv.force)
	defer cancel()
	watch := &watched{Reader: in, timer: time.AfterFunc(spoolTime, cancel)}
	defer watch.timer.Stop()
	in.storing.Body = watch
	err := s.ln.srv.Spool.Accept(ctx, in.storing)
	if err != nil && !errors.Is(err, spool.ErrDuplicate) && s.ln.srv.force.Err() == nil && ctx.Err() != nil {
		err = errSlowSpool{err}
	}
	return err
}

// errSlowSpool: the spool did not take a message in time. It is not a
// cancellation, which is a shutdown's.
type errSlowSpool struct{ err error }

// Error names the time.
func (e errSlowSpool) Error() string {
	return "the spool took longer than " + spoolTime.String() + ": " + e.err.Error()
}

// loops reports whether a message has come too far, or here too often.
func (s *session) loops(h *message.Header) bool {
	if h.Count("Received") >= maxHops {
		return true
	}
	if s.ln.srv.Instance == "" {
		return false
	}
	n := 0
	for _, v := range h.Values("Received") {
		if strings.Contains(v, message.InstanceComment(s.ln.srv.Instance)) {
			n++
		}
	}
	return n >= maxReturns
}

// trace is what is known at MAIL of the Received line.
func (s *session) trace(utf8 bool) message.Trace {
	t := message.Trace{
		Hello:    s.smtp.Hostname(),
		Client:   s.wire.link.client.addr,
		Hostname: s.ln.opts.Hostname,
		Instance: s.ln.srv.Instance,
		Protocol: message.Protocol(s.wire.extended, utf8, s.wire.tls != nil, s.user != nil),
		Minimal:  s.ln.opts.MinimalReceived,
	}
	if s.wire.tls != nil {
		state := s.wire.tls.ConnectionState()
		t.TLS = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	}
	return t
}

// received is the Received line of a message.
func (tx *transaction) received() string {
	t := tx.trace
	t.ID, t.At = string(tx.message.ID), tx.message.ReceivedAt
	if len(tx.to) == 1 {
		t.For = tx.to[0].Address
	}
	return t.Received()
}

// watched is a body that is cancelled when its reader, the spool, lets it wait.
// The time that the client takes is not counted.
type watched struct {
	io.Reader
	timer *time.Timer
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	w.timer.Stop()
	defer w.timer.Reset(spoolTime)
	return w.Reader.Read(p)
}
