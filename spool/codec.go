package spool

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"relaykeep/relay"
)

// The first byte of every stored value is the version of its layout; the rest
// is CBOR (RFC 8949) with numbered fields. A number is never used again for
// another meaning; a decoder leaves fields that it does not know alone, so a
// field can be added without a new version.
const recordVersion = 1

// Codec turns records, events and marks into bytes and back. It is safe for
// concurrent use.
type Codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

// NewCodec makes a Codec.
func NewCodec() *Codec {
	enc, err := cbor.EncOptions{}.EncMode()
	if err != nil {
		panic(err) // constant options
	}
	dec, err := cbor.DecOptions{
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 10,
		MaxNestedLevels:  8,
	}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return &Codec{enc: enc, dec: dec}
}

// EncodeRecord gives the bytes of a record.
func (c *Codec) EncodeRecord(r *Record) ([]byte, error) {
	w := wireRecord{Message: toWireMessage(&r.Message), Table: r.Table, ReportDue: r.ReportDue, Told: r.Told}
	for i := range r.Signatures {
		w.Signatures = append(w.Signatures, toWireSignature(&r.Signatures[i]))
	}
	for i := range r.Intents {
		w.Intents = append(w.Intents, toWireIntent(&r.Intents[i]))
	}
	w.Recipients = make([]wireRecipient, len(r.Recipients))
	for i := range r.Recipients {
		w.Recipients[i] = toWireRecipient(&r.Recipients[i])
	}
	return c.encode(&w)
}

// DecodeRecord reads what EncodeRecord wrote. It does not keep b.
func (c *Codec) DecodeRecord(b []byte) (Record, error) {
	var w wireRecord
	if err := c.decode(b, &w); err != nil {
		return Record{}, fmt.Errorf("a stored message cannot be read: %w", err)
	}
	r := Record{Message: w.Message.message(), Table: w.Table, ReportDue: w.ReportDue, Told: w.Told}
	for i := range w.Signatures {
		r.Signatures = append(r.Signatures, w.Signatures[i].signature())
	}
	for i := range w.Intents {
		r.Intents = append(r.Intents, w.Intents[i].intent())
	}
	r.Recipients = make([]relay.Recipient, len(w.Recipients))
	for i := range w.Recipients {
		r.Recipients[i] = w.Recipients[i].recipient()
	}
	return r, nil
}

// EncodeEvent gives the bytes of an event. What its message already says
// (Message, MessageID, Listener, Client, User, From, Size) is left out.
func (c *Codec) EncodeEvent(e *relay.Event) ([]byte, error) {
	return c.encode(&wireEvent{
		Kind: string(e.Kind), At: Nanos(e.At), To: e.To, Upstream: e.Upstream,
		Attempt: e.Attempt, Verdict: toWireVerdict(&e.Verdict), NextAttempt: Nanos(e.NextAttempt),
		Duration: int64(e.Duration), Total: int64(e.Total), Detail: e.Detail,
		Incident: e.Incident,
	})
}

// DecodeEvent reads what EncodeEvent wrote, and takes what was left out from
// the message. It does not keep b.
func (c *Codec) DecodeEvent(b []byte, m *relay.Message) (relay.Event, error) {
	var w wireEvent
	if err := c.decode(b, &w); err != nil {
		return relay.Event{}, fmt.Errorf("a stored event cannot be read: %w", err)
	}
	return relay.Event{
		Kind: relay.EventKind(w.Kind), At: fromNanos(w.At),
		Message: m.ID, MessageID: m.MessageID, Listener: m.Listener, Client: m.Client,
		User: m.User, From: m.From, Size: m.Size,
		To: w.To, Upstream: w.Upstream, Attempt: w.Attempt, Verdict: w.Verdict.verdict(),
		NextAttempt: fromNanos(w.NextAttempt), Duration: time.Duration(w.Duration),
		Total: time.Duration(w.Total), Detail: w.Detail, Incident: w.Incident,
	}, nil
}

// EncodeIncident gives the bytes of an incident, without Held.
func (c *Codec) EncodeIncident(i *relay.Incident) ([]byte, error) {
	w := toWireIncident(i)
	return c.encode(&w)
}

// DecodeIncident reads what EncodeIncident wrote. It does not keep b.
func (c *Codec) DecodeIncident(b []byte) (relay.Incident, error) {
	var w wireIncident
	if err := c.decode(b, &w); err != nil {
		return relay.Incident{}, fmt.Errorf("a stored incident cannot be read: %w", err)
	}
	return w.incident(), nil
}

// Mark is the record that some recipients of a message are about to be sent
// to.
type Mark struct {
	Lane  string
	At    time.Time
	Index []int            // the places of the recipients among those of the message
	New   *relay.Signature // the one that this attempt made; nil for none
}

// EncodeMark gives the bytes of a mark.
func (c *Codec) EncodeMark(m Mark) ([]byte, error) {
	w := wireMark{Lane: m.Lane, At: Nanos(m.At), Index: m.Index}
	if m.New != nil {
		s := toWireSignature(m.New)
		w.New = &s
	}
	return c.encode(&w)
}

// DecodeMark reads what EncodeMark wrote. It does not keep b.
func (c *Codec) DecodeMark(b []byte) (Mark, error) {
	var w wireMark
	if err := c.decode(b, &w); err != nil {
		return Mark{}, fmt.Errorf("a stored mark cannot be read: %w", err)
	}
	m := Mark{Lane: w.Lane, At: fromNanos(w.At), Index: w.Index}
	if w.New != nil {
		s := w.New.signature()
		m.New = &s
	}
	return m, nil
}

// EncodeCounts gives the bytes of counts.
func (c *Codec) EncodeCounts(counts *Counts) ([]byte, error) {
	w := *counts
	w.Rows = nil
	for _, row := range counts.Table() {
		w.Rows = append(w.Rows, CountsRow{State: uint8(row.State), Upstream: row.Upstream, N: row.N})
	}
	return c.encode(&w)
}

// DecodeCounts reads what EncodeCounts wrote.
func (c *Codec) DecodeCounts(b []byte) (Counts, error) {
	var w Counts
	if err := c.decode(b, &w); err != nil {
		return Counts{}, fmt.Errorf("the stored counts cannot be read: %w", err)
	}
	w.By = make(map[CountsBy]int64, len(w.Rows))
	for _, row := range w.Rows {
		w.By[CountsBy{relay.State(row.State), row.Upstream}] = row.N
	}
	w.Rows = nil
	return w, nil
}

func (c *Codec) encode(v any) ([]byte, error) {
	b, err := c.enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a record: %w", err)
	}
	return append([]byte{recordVersion}, b...), nil
}

func (c *Codec) decode(b []byte, v any) error {
	if len(b) == 0 {
		return fmt.Errorf("it is empty")
	}
	if b[0] != recordVersion {
		return fmt.Errorf("its layout has the version %d, and this program knows %d", b[0], recordVersion)
	}
	return c.dec.Unmarshal(b[1:], v)
}
