package smtp

import "time"

// timeouts are how long the server may take for each step.
type timeouts struct {
	connect  time.Duration // of each address; and of the TLS handshake
	greeting time.Duration
	command  time.Duration // EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET
	data     time.Duration // the answer to DATA
	block    time.Duration // to take one block of the body, or a group of commands
	final    time.Duration // the answer to the final dot
}

const (
	defaultConnect = 30 * time.Second
	defaultFinal   = 10 * time.Minute

	// quitTimeout bounds the farewell: a server that is slow with it loses
	// nothing.
	quitTimeout = time.Second

	// lateReply is how long an answer is looked for after a write has failed.
	// What came before the failure is here already.
	lateReply = 200 * time.Millisecond
)

// newTimeouts gives the minima of RFC 5321, section 4.5.3.2, or what o wants in
// their place. CommandTimeout is for all but the connection and the answer to
// the final dot.
func newTimeouts(o Options) timeouts {
	t := timeouts{
		connect:  defaultConnect,
		greeting: 5 * time.Minute,
		command:  5 * time.Minute,
		data:     2 * time.Minute,
		block:    3 * time.Minute,
		final:    defaultFinal,
	}
	if o.ConnectTimeout > 0 {
		t.connect = o.ConnectTimeout
	}
	if c := o.CommandTimeout; c > 0 {
		t.greeting, t.command, t.data, t.block = c, c, c, c
	}
	if o.FinalTimeout > 0 {
		t.final = o.FinalTimeout
	}
	return t
}
