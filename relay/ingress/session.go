package ingress

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"relaykeep/relay"
	"relaykeep/relay/filter"
	"relaykeep/relay/message"
)

// session answers the commands of one connection. go-smtp calls it from the
// connection's goroutine, but for Data of a BDAT transfer, which has one of its
// own beside Reset and Logout.
type session struct {
	ln     *listener
	wire   *conn
	smtp   *smtp.Conn
	user   *user // who logged in
	failed int   // logins

	mechanism string // of the last login that was begun

	mu sync.Mutex
	tx *transaction // set under mu, and read by Data under mu
}

// transaction is the envelope between MAIL and the end of the message. Once the
// message has begun, only Data changes it.
type transaction struct {
	rules   *Rules // those at MAIL
	message relay.Message
	trace   message.Trace
	to      []relay.Recipient
	known   map[string]bool // recipients, to keep each once
	asked   int             // RCPT commands that were answered 250

	client   filter.Session // where filters ask
	filtered filtered
	control  message.Control // what the header asks for

	routed []relay.Recipient // as they are spooled: to, and what routes and filters made of it
	notes  []note            // what they did beside delivering
}

func (ln *listener) newSession(c *smtp.Conn) (smtp.Session, error) {
	wire, ok := c.Conn().(*conn)
	if !ok {
		return nil, replyLocal
	}
	if len(c.Hostname()) > relay.MaxDomain {
		return nil, replyHello
	}
	return &session{ln: ln, wire: wire, smtp: c}, nil
}

// Reset implements smtp.Session.
func (s *session) Reset() {
	s.mu.Lock()
	s.tx = nil
	s.mu.Unlock()
}

// Logout implements smtp.Session.
func (s *session) Logout() error {
	s.Reset()
	return nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	if opts == nil {
		opts = &smtp.MailOptions{}
	}
	address, r := s.checkMail(from, opts)
	if r != nil {
		return s.reject(relay.StageMail, r, from, "")
	}
	tx := &transaction{rules: s.ln.srv.rules.Load(), known: make(map[string]bool), trace: s.trace(opts.UTF8)}
	tx.message = relay.Message{
		From:       address,
		Listener:   s.ln.opts.Name,
		Client:     s.wire.link.client.String(),
		EightBit:   opts.Body == smtp.Body8BitMIME,
		UTF8:       opts.UTF8,
		Return:     string(opts.Return),
		EnvelopeID: opts.EnvelopeID,
	}
	if s.user != nil {
		tx.message.User = s.user.name
	}
	if tx.rules.Filters != nil {
		tx.client = s.client()
	}
	s.mu.Lock()
	s.tx = tx
	s.mu.Unlock()
	return nil
}

// checkMail gives the sender in its wire form, or the reply that refuses it.
func (s *session) checkMail(from string, opts *smtp.MailOptions) (string, *smtp.SMTPError) {
	c := s.wire.link.client
	switch {
	case s.tx != nil:
		return "", replyNested
	case s.needsTLS():
		return "", replyNeedTLS
	case s.needsAuth():
		return "", replyNeedAuth
	}
	address := ""
	if from != "" {
		var err error
		if address, err = relay.QuoteAddress(from, opts.UTF8); err != nil {
			return "", replySender
		}
	}
	switch {
	case s.user != nil && !s.user.maySend(address):
		return "", replyNotYours
	case opts.Size > s.ln.opts.MaxMessageSize:
		return "", replyTooLarge
	case !s.ln.rates.allow(c, time.Now()):
		return "", replyRate
	}
	return address, nil
}

// needsTLS reports whether STARTTLS must come first. A unix socket crosses no
// network and needs none.
func (s *session) needsTLS() bool {
	t := s.ln.opts.TLS
	return t != nil && t.Required && s.wire.tls == nil && s.wire.link.client.addr.IsValid()
}

func (s *session) needsAuth() bool {
	a := s.ln.opts.Auth
	return a != nil && a.Required && s.user == nil && !s.wire.link.client.within(a.Exempt)
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, opts *smtp.RcptOptions) error {
	if opts == nil {
		opts = &smtp.RcptOptions{}
	}
	if s.tx == nil {
		return replyNoTransaction
	}
	address, r := s.checkRcpt(to)
	if r != nil {
		return s.reject(relay.StageRcpt, r, s.tx.message.From, to)
	}
	s.tx.asked++
	key := relay.Mailbox(address)
	if s.tx.known[key] {
		return nil
	}
	s.tx.known[key] = true
	s.tx.to = append(s.tx.to, relay.Recipient{
		Address:           address,
		Notify:            notify(opts.Notify),
		OriginalRecipient: originalRecipient(opts),
	})
	return nil
}

// checkRcpt gives a recipient in its wire form, or the reply that refuses it.
func (s *session) checkRcpt(to string) (string, *smtp.SMTPError) {
	if s.tx.asked >= s.ln.opts.MaxRecipients {
		return "", replyRecipients
	}
	address, err := relay.QuoteAddress(to, s.tx.message.UTF8)
	if err != nil {
		return "", replyRecipient
	}
	if !s.tx.rules.Router.Possible(s.tx.query(address)) {
		return "", replyNoRoute
	}
	return address, nil
}

// query is what routing may know of a recipient before the header is read.
func (tx *transaction) query(recipient string) relay.RouteQuery {
	return relay.RouteQuery{
		Sender:    tx.message.From,
		Recipient: recipient,
		Listener:  tx.message.Listener,
		User:      tx.message.User,
		Client:    tx.message.Client,
	}
}

// notify is NOTIFY as relay.Recipient keeps it, in one order.
func notify(values []smtp.DSNNotify) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// originalRecipient is ORCPT, decoded: "rfc822;a@b".
func originalRecipient(opts *smtp.RcptOptions) string {
	if opts.OriginalRecipient == "" {
		return ""
	}
	return strings.ToLower(string(opts.OriginalRecipientType)) + ";" + opts.OriginalRecipient
}

// reject tells of a refusal and returns it.
func (s *session) reject(stage relay.Stage, r *smtp.SMTPError, from, to string) error {
	return s.rejectBy("", stage, r, from, to)
}

// rejectBy is reject with the rule that decided.
func (s *session) rejectBy(rule string, stage relay.Stage, r *smtp.SMTPError, from, to string) error {
	v := verdictOf(stage, r)
	v.Rule = rule
	user := ""
	if s.user != nil {
		user = s.user.name
	}
	s.ln.emitRejected(relay.Event{
		Client:  s.wire.link.client.String(),
		User:    user,
		From:    printable(from),
		To:      printable(to),
		Verdict: v,
	})
	return r
}
