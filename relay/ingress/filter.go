package ingress

import (
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"relaykeep/relay"
	"relaykeep/relay/filter"
	"relaykeep/relay/message"
)

// Filters are what looks at messages before they are routed and spooled.
type Filters struct {
	Chain     filter.Chain // in the order in which they are asked
	Room      *filter.Room // for the messages meanwhile
	Incidents Incidents    // for what is quarantined
}

// Incidents opens incidents that hold mail.
type Incidents interface {
	// HoldUnder opens an incident, or finds the one of its cause that is open,
	// and calls store with its number. Until store returns it is not closed;
	// store's error is returned as it is.
	HoldUnder(i relay.Incident, store func(number int64) error) error
}

// filtered is what the filters decided of a transaction.
type filtered struct {
	discard string       // who throws it away, "" for nobody
	hold    *filter.Hold // nil: nobody wants it held
	removed []relay.Recipient
	notes   []note
}

// refusal is the reply of a filter.
type refusal struct {
	filter string
	reply  *smtp.SMTPError
}

// Error gives the reply.
func (r *refusal) Error() string { return "filter " + r.filter + " refuses it: " + line(r.reply) }

// Unwrap gives the reply to toReply.
func (r *refusal) Unwrap() error { return r.reply }

// rule is how a verdict names who refused.
func (r *refusal) rule() string { return "filter " + r.filter }

// filter shows a message to the filters, and gives it as they made it. The
// caller closes it. The envelope becomes what they made of it, too; what they
// want done with the message is done by judge, once it is routed.
func (s *session) filter(tx *transaction, whole io.Reader) (*filter.Mail, error) {
	t := &tx.message
	m := &filter.Mail{
		ID: t.ID, Hostname: s.ln.opts.Hostname, Listener: t.Listener, Session: tx.client,
		From: t.From, UTF8: t.UTF8, MaxSize: s.ln.opts.MaxMessageSize,
	}
	for _, r := range tx.to {
		m.To = append(m.To, r.Address)
	}
	err := m.Read(whole, tx.rules.Filters.Room)
	if err == nil {
		var o filter.Outcome
		if o, err = tx.rules.Filters.Chain.Run(s.ln.srv.force, m); err == nil {
			err = tx.heed(o, m)
		}
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// heed takes over what the filters decided. An error is a refusal.
func (tx *transaction) heed(o filter.Outcome, m *filter.Mail) error {
	f := filtered{hold: o.Hold}
	switch o.Action {
	case filter.Refuse:
		r := o.Reply
		return &refusal{o.Filter, reply(r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)}
	case filter.Discard:
		f.discard = o.Filter
	}
	for _, n := range o.Notes {
		f.notes = append(f.notes, note{kind: relay.EventFiltered, detail: "filter " + n.Filter + ": " + n.Text})
	}
	tx.message.From = m.From
	tx.to, f.removed = merge(tx.to, m.To)
	tx.filtered = f
	return nil
}

// merge gives those of the recipients whose address is wanted, with new ones
// for the addresses that none has, and the others.
func merge(to []relay.Recipient, wanted []string) (kept, removed []relay.Recipient) {
	for _, r := range to {
		if slices.Contains(wanted, r.Address) {
			kept = append(kept, r)
		} else {
			removed = append(removed, r)
		}
	}
	for _, address := range wanted {
		if !slices.ContainsFunc(kept, func(r relay.Recipient) bool { return r.Address == address }) {
			kept = append(kept, relay.Recipient{Address: address})
		}
	}
	return kept, removed
}

// judge does with the routed recipients what the filters want.
func (tx *transaction) judge() {
	f, now := &tx.filtered, tx.message.ReceivedAt
	tx.notes = append(slices.Clip(f.notes), tx.notes...)
	end := func(r *relay.Recipient, detail string) {
		r.State, r.NextAttempt, r.FinishedAt, r.HoldReason = relay.Deleted, time.Time{}, now, ""
		tx.notes = append(tx.notes, note{kind: relay.EventDeleted, to: r.Address, detail: detail})
	}
	for i := range tx.routed {
		r := &tx.routed[i]
		switch {
		case r.State.Finished():
		case f.discard != "":
			end(r, "filter "+f.discard+" discards it")
		case f.hold != nil && r.State == relay.Queued:
			r.State, r.NextAttempt, r.HoldReason = relay.Held, time.Time{}, quarantined(f.hold)
			tx.notes = append(tx.notes, note{kind: relay.EventHeld, to: r.Address, detail: r.HoldReason})
		}
	}
	for _, r := range f.removed {
		end(&r, "a filter removed the recipient")
		tx.routed = append(tx.routed, r)
	}
}

// quarantined says why a message is held.
func quarantined(h *filter.Hold) string {
	return "filter " + h.Filter + " quarantines it: " + cmp.Or(h.Reason, "it gives no reason")
}

// store runs accept, which spools the message. Where a filter wants it held
// that is done under an incident, one for each filter.
func (s *session) store(tx *transaction, accept func() error) error {
	h := tx.filtered.hold
	if h == nil || tx.filtered.discard != "" {
		return accept()
	}
	i := relay.Incident{
		Cause: "filter " + h.Filter, Kind: relay.IncidentMessage,
		Detail: "filter " + h.Filter + " wants mail looked at before it goes on; of the first message: " + cmp.Or(h.Reason, "it gives no reason"),
	}
	return tx.rules.Filters.Incidents.HoldUnder(i, func(number int64) error {
		for i := range tx.routed {
			if r := &tx.routed[i]; r.State == relay.Held && r.HoldReason == quarantined(h) {
				r.Incident = number
			}
		}
		for i := range tx.notes {
			if n := &tx.notes[i]; n.kind == relay.EventHeld && n.detail == quarantined(h) {
				n.incident = number
			}
		}
		return accept()
	})
}

// client is what filters are told of who is at the other end.
func (s *session) client() filter.Session {
	c := filter.Session{Client: s.wire.link.client.addr, Hello: s.smtp.Hostname()}
	if tcp, ok := s.wire.link.raw.RemoteAddr().(*net.TCPAddr); ok {
		c.Port = uint16(tcp.Port)
	}
	if s.user != nil {
		c.User, c.Mechanism = s.user.name, s.mechanism
	}
	if s.wire.tls != nil {
		state := s.wire.tls.ConnectionState()
		c.TLS = strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1) // as other servers write it
		c.Cipher = tls.CipherSuiteName(state.CipherSuite)
		c.Bits = keyBits(c.Cipher)
	}
	return c
}

// keyBits is the length of the key of a cipher suite, by its name.
func keyBits(suite string) int {
	switch {
	case strings.Contains(suite, "AES_128"):
		return 128
	case strings.Contains(suite, "AES_256"), strings.Contains(suite, "CHACHA20"):
		return 256
	}
	return 0
}

// reread shows a message to the filters and reads its header again.
func (s *session) reread(tx *transaction, whole io.Reader) (*message.Header, io.Reader, func(), error) {
	m, err := s.filter(tx, whole)
	if err != nil {
		return nil, nil, nil, err
	}
	h, r, err := message.ReadHeader(m.Reader())
	if err != nil {
		m.Close()
	}
	return h, r, m.Close, err
}
