package filter

import (
	"context"
	"net"
	"time"

	milter "github.com/d--j/go-milter"
)

// line is the one connection of a dialogue. It ends with a context.
type line struct {
	ctx   context.Context
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	guard *guard      // nil: not connected
	stop  func() bool // of the watch on ctx
}

// Dial implements milter.Dialer.
func (l *line) Dial(network, address string) (net.Conn, error) {
	conn, err := l.dial(l.ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.stop = context.AfterFunc(l.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	l.guard = &guard{Conn: conn}
	return l.guard, nil
}

// close ends the connection, where there is one.
func (l *line) close() {
	if l.guard != nil {
		l.stop()
		l.guard.Conn.Close()
	}
}

// dialogue is the talk with a filter about one message.
type dialogue struct {
	mail    *Mail
	macros  *milter.MacroBag
	session *milter.ClientSession
}

// answer is how a filter judges a message.
type answer struct {
	action  *milter.Action
	changes []milter.ModifyAction
}

// connect opens a dialogue; l.close ends it in any case.
func (f *Filter) connect(l *line, macros milter.Macros) (*milter.ClientSession, error) {
	options := append(withMacros(),
		milter.WithDialer(l), milter.WithActions(offered), milter.WithoutProtocol(milter.OptRcptRej),
		milter.WithReadTimeout(0), milter.WithWriteTimeout(0), // ctx has a deadline
	)
	return milter.NewClient(f.Network, f.Address, options...).Session(macros)
}

// run goes through the steps of an SMTP session until the filter decides.
func (d *dialogue) run() (answer, error) {
	for _, step := range []func() (*milter.Action, error){
		d.connected, d.hello, d.sender, d.recipients, d.session.DataStart, d.header, d.session.HeaderEnd, d.nothing,
	} {
		act, err := step()
		if err != nil || act.Type != milter.ActionContinue {
			return answer{action: act}, err
		}
	}
	changes, act, err := d.session.BodyReadFrom(d.mail.body())
	return answer{act, changes}, err
}

func (d *dialogue) connected() (*milter.Action, error) {
	s := &d.mail.Session
	host, family, address := s.origin()
	return d.session.Conn(host, family, s.Port, address)
}

func (d *dialogue) hello() (*milter.Action, error) { return d.session.Helo(d.mail.Session.Hello) }

func (d *dialogue) sender() (*milter.Action, error) {
	args := ""
	if d.mail.UTF8 {
		args = "SMTPUTF8"
	}
	return d.session.Mail(d.mail.From, args)
}

func (d *dialogue) recipients() (act *milter.Action, err error) {
	for _, to := range d.mail.To {
		d.macros.Set(milter.MacroRcptAddr, to)
		d.macros.Set(milter.MacroRcptHost, domainOf(to))
		act, err = d.session.Rcpt(to, "")
		if err != nil || act.Type != milter.ActionContinue || d.session.Skip() {
			break
		}
	}
	return act, err
}

func (d *dialogue) header() (act *milter.Action, err error) {
	h := header{spaced: spaced(d.session)}
	act = &milter.Action{Type: milter.ActionContinue}
	for _, f := range d.mail.header {
		act, err = d.session.HeaderField(f.name, h.shown(f), nil)
		if err != nil || act.Type != milter.ActionContinue || d.session.Skip() {
			break
		}
	}
	return act, err
}

// nothing shows a text that is empty: the library does not come to the end
// without any chunk of it.
func (d *dialogue) nothing() (*milter.Action, error) {
	if d.mail.text.size > 0 {
		return &milter.Action{Type: milter.ActionContinue}, nil
	}
	return d.session.BodyChunk(nil)
}

// spaced reports whether a filter gives and takes the values of fields with the
// white space after the colon.
func spaced(s *milter.ClientSession) bool { return s.ProtocolOption(milter.OptHeaderLeadingSpace) }
