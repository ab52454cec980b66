package ingress

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"relaykeep/relay"
	"relaykeep/relay/message"
	"relaykeep/spool"
)

// intake is a message on its way into the spool. Some of what is stored with it
// is known only when it was read to its end.
type intake struct {
	tx       *transaction
	lines    *message.Newlines
	unclosed bool    // the empty line after the header was put in
	digest   *digest // nil: the message has no key

	filled []message.Field // what filters saw on top of it, for it had none

	// Set by mend.
	scan    *message.Scan
	header  []repair
	storing *spool.Incoming

	done    bool     // it was read to the end
	repairs []repair // all; set then
}

// fillIn puts the fields that a message lacks on top of it already for the
// filters: else they would hold against it what is mended anyway.
func (s *session) fillIn(in *intake, h *message.Header, whole io.Reader) io.Reader {
	in.filled = s.defaults(&in.tx.message).Missing(h)
	return io.MultiReader(raw(in.filled), whole)
}

// raw reads fields.
func raw(fields []message.Field) io.Reader {
	var b bytes.Buffer
	for _, f := range fields {
		b.Write(f.Raw())
	}
	return &b
}

// mend makes a message ready for the spool: fields that lack on top of it,
// Received above them, and out of it what was for us only.
func (s *session) mend(in *intake, h *message.Header, whole io.Reader) error {
	m := &in.tx.message
	defaults := s.defaults(m)
	missing := defaults.Missing(h)
	unwanted := func(f message.Field) bool { return message.IsControl(f) || defaults.IsEmpty(f) }
	if slices.ContainsFunc(h.Fields(), unwanted) {
		var err error
		if whole, err = h.Without(whole, unwanted); err != nil {
			return err
		}
	}
	m.MessageID = cmp.Or(m.MessageID, defaults.MessageID)
	in.header = headerRepairs(in.unclosed, slices.Concat(in.filled, missing), in.tx.control.Unread)
	in.scan = &message.Scan{Source: io.MultiReader(strings.NewReader(in.tx.received()), raw(missing), whole)}
	in.storing = &spool.Incoming{Message: m, Recipients: in.tx.routed, Table: in.tx.rules.Table}
	return nil
}

// controls says which fields ask this relay for something.
func (s *session) controls(by *Rules) message.ControlOptions {
	o := message.ControlOptions{Common: s.ln.opts.HeaderPriority}
	if d := by.Dedupe; d != nil {
		o.Known = d.Header
	}
	return o
}

// defaults are the fields of a message that its app has left out. Where nobody
// sends it, it comes from the machine (RFC 5321 4.5.5).
func (s *session) defaults(m *relay.Message) message.Defaults {
	return message.Defaults{
		Date:      m.ReceivedAt,
		MessageID: fmt.Sprintf("<%s@%s>", m.ID, s.ln.opts.Hostname),
		From:      cmp.Or(m.From, "MAILER-DAEMON@"+s.ln.opts.Hostname),
	}
}

// Read implements io.Reader. Before it gives io.EOF it completes what is
// stored.
func (in *intake) Read(p []byte) (int, error) {
	n, err := in.scan.Read(p)
	if err == io.EOF && !in.done {
		in.done = true
		in.complete()
	}
	return n, err
}

func (in *intake) complete() {
	m := &in.tx.message
	if n := in.lines.Repaired(); n > 0 {
		in.repairs = append(in.repairs, repair{what: repairedLineEnds, n: n})
	}
	in.repairs = append(in.repairs, in.header...)
	m.Content = relay.ContentKnown
	if in.scan.EightBit() {
		m.Content |= relay.ContentEightBit
		m.EightBit = true
	}
	if in.scan.LongLines() {
		m.Content |= relay.ContentLongLines
		in.repairs = append(in.repairs, repair{what: repairedLongLines})
	}
	m.Repaired = words(in.repairs)
	in.storing.Events = in.tx.told()
	in.storing.Dedupe = in.digest.end()
}
