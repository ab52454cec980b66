package spool

import (
	"math"
	"time"

	"relaykeep/relay"
)

// The types below are the stored layout of the vocabulary. They stand apart
// from it so that a renamed or reordered field there cannot change what is on
// disk.

type wireRecord struct {
	Message    wireMessage     `cbor:"1,keyasint"`
	Recipients []wireRecipient `cbor:"2,keyasint"`
	Table      string          `cbor:"3,keyasint,omitempty"`
	Signatures []wireSignature `cbor:"4,keyasint,omitempty"`
	ReportDue  bool            `cbor:"5,keyasint,omitempty"`
	Intents    []wireIntent    `cbor:"6,keyasint,omitempty"`
	Told       [][]byte        `cbor:"7,keyasint,omitempty"`
}

type wireIntent struct {
	Index   int            `cbor:"1,keyasint,omitempty"`
	Action  string         `cbor:"2,keyasint,omitempty"`
	By      string         `cbor:"3,keyasint,omitempty"`
	At      int64          `cbor:"4,keyasint,omitempty"`
	Instead *wireRecipient `cbor:"5,keyasint,omitempty"`
}

type wireSignature struct {
	Fingerprint [32]byte `cbor:"1,keyasint"`
	Fields      string   `cbor:"2,keyasint,omitempty"`
}

type wireMessage struct {
	ID         string   `cbor:"1,keyasint"`
	MessageID  string   `cbor:"2,keyasint,omitempty"`
	Subject    string   `cbor:"3,keyasint,omitempty"`
	From       string   `cbor:"4,keyasint,omitempty"`
	Size       int64    `cbor:"5,keyasint,omitempty"`
	SHA256     [32]byte `cbor:"6,keyasint"`
	ReceivedAt int64    `cbor:"7,keyasint,omitempty"`
	Listener   string   `cbor:"8,keyasint,omitempty"`
	Client     string   `cbor:"9,keyasint,omitempty"`
	User       string   `cbor:"10,keyasint,omitempty"`
	EightBit   bool     `cbor:"11,keyasint,omitempty"`
	UTF8       bool     `cbor:"12,keyasint,omitempty"`
	Return     string   `cbor:"13,keyasint,omitempty"`
	EnvelopeID string   `cbor:"14,keyasint,omitempty"`
	Repaired   string   `cbor:"15,keyasint,omitempty"`
	Content    uint8    `cbor:"16,keyasint,omitempty"`
}

type wireRecipient struct {
	Address           string       `cbor:"1,keyasint"`
	Notify            string       `cbor:"2,keyasint,omitempty"`
	OriginalRecipient string       `cbor:"3,keyasint,omitempty"`
	State             uint8        `cbor:"4,keyasint,omitempty"`
	Route             string       `cbor:"5,keyasint,omitempty"`
	Priority          int8         `cbor:"6,keyasint,omitempty"`
	Eligible          []string     `cbor:"7,keyasint,omitempty"`
	NextAttempt       int64        `cbor:"8,keyasint,omitempty"`
	ExpiresAt         int64        `cbor:"9,keyasint,omitempty"`
	Attempts          int          `cbor:"10,keyasint,omitempty"`
	Failures          int          `cbor:"11,keyasint,omitempty"`
	InDoubt           int          `cbor:"12,keyasint,omitempty"`
	Upstream          string       `cbor:"13,keyasint,omitempty"`
	RemoteID          string       `cbor:"14,keyasint,omitempty"`
	Last              *wireVerdict `cbor:"15,keyasint,omitempty"`
	LastAt            int64        `cbor:"16,keyasint,omitempty"`
	HoldReason        string       `cbor:"17,keyasint,omitempty"`
	FinishedAt        int64        `cbor:"18,keyasint,omitempty"`
	Incident          int64        `cbor:"19,keyasint,omitempty"`
	WarnAt            int64        `cbor:"20,keyasint,omitempty"`
	Reported          bool         `cbor:"21,keyasint,omitempty"`
}

type wireVerdict struct {
	Class      uint8  `cbor:"1,keyasint,omitempty"`
	Scope      uint8  `cbor:"2,keyasint,omitempty"`
	Action     uint8  `cbor:"3,keyasint,omitempty"`
	Then       uint8  `cbor:"4,keyasint,omitempty"`
	Stage      uint8  `cbor:"5,keyasint,omitempty"`
	Code       int    `cbor:"6,keyasint,omitempty"`
	Enhanced   string `cbor:"7,keyasint,omitempty"`
	Text       string `cbor:"8,keyasint,omitempty"`
	RemoteID   string `cbor:"9,keyasint,omitempty"`
	Rule       string `cbor:"10,keyasint,omitempty"`
	RetryAfter int64  `cbor:"11,keyasint,omitempty"`
	Free       bool   `cbor:"12,keyasint,omitempty"`
	Notifies   bool   `cbor:"13,keyasint,omitempty"`
	Warn       bool   `cbor:"14,keyasint,omitempty"`
	Split      uint8  `cbor:"15,keyasint,omitempty"`
}

type wireEvent struct {
	Kind        string       `cbor:"1,keyasint"`
	At          int64        `cbor:"2,keyasint,omitempty"`
	To          string       `cbor:"3,keyasint,omitempty"`
	Upstream    string       `cbor:"4,keyasint,omitempty"`
	Attempt     int          `cbor:"5,keyasint,omitempty"`
	Verdict     *wireVerdict `cbor:"6,keyasint,omitempty"`
	NextAttempt int64        `cbor:"7,keyasint,omitempty"`
	Duration    int64        `cbor:"8,keyasint,omitempty"`
	Total       int64        `cbor:"9,keyasint,omitempty"`
	Detail      string       `cbor:"10,keyasint,omitempty"`
	Incident    int64        `cbor:"11,keyasint,omitempty"`
}

type wireMark struct {
	Lane  string         `cbor:"1,keyasint,omitempty"`
	At    int64          `cbor:"2,keyasint,omitempty"`
	Index []int          `cbor:"3,keyasint,omitempty"`
	New   *wireSignature `cbor:"4,keyasint,omitempty"`
}

type wireIncident struct {
	Number   int64        `cbor:"1,keyasint"`
	Cause    string       `cbor:"2,keyasint"`
	Kind     string       `cbor:"3,keyasint"`
	Upstream string       `cbor:"4,keyasint,omitempty"`
	Sender   string       `cbor:"5,keyasint,omitempty"`
	Verdict  *wireVerdict `cbor:"6,keyasint,omitempty"`
	Detail   string       `cbor:"7,keyasint,omitempty"`
	OpenedAt int64        `cbor:"8,keyasint,omitempty"`
	ClosedAt int64        `cbor:"9,keyasint,omitempty"`
	ClosedBy string       `cbor:"10,keyasint,omitempty"`
	Times    int          `cbor:"11,keyasint,omitempty"`
}

func toWireIncident(i *relay.Incident) wireIncident {
	return wireIncident{
		Number: i.Number, Cause: i.Cause, Kind: string(i.Kind), Upstream: i.Upstream, Sender: i.Sender,
		Verdict: toWireVerdict(&i.Verdict), Detail: i.Detail,
		OpenedAt: Nanos(i.OpenedAt), ClosedAt: Nanos(i.ClosedAt), ClosedBy: i.ClosedBy, Times: i.Times,
	}
}

func (w *wireIncident) incident() relay.Incident {
	return relay.Incident{
		Number: w.Number, Cause: w.Cause, Kind: relay.IncidentKind(w.Kind), Upstream: w.Upstream, Sender: w.Sender,
		Verdict: w.Verdict.verdict(), Detail: w.Detail,
		OpenedAt: fromNanos(w.OpenedAt), ClosedAt: fromNanos(w.ClosedAt), ClosedBy: w.ClosedBy, Times: w.Times,
	}
}

func toWireMessage(m *relay.Message) wireMessage {
	return wireMessage{
		ID: string(m.ID), MessageID: m.MessageID, Subject: m.Subject, From: m.From,
		Size: m.Size, SHA256: m.SHA256, ReceivedAt: Nanos(m.ReceivedAt),
		Listener: m.Listener, Client: m.Client, User: m.User,
		EightBit: m.EightBit, UTF8: m.UTF8, Return: m.Return, EnvelopeID: m.EnvelopeID,
		Repaired: m.Repaired, Content: uint8(m.Content),
	}
}

func (w *wireMessage) message() relay.Message {
	return relay.Message{
		ID: relay.ID(w.ID), MessageID: w.MessageID, Subject: w.Subject, From: w.From,
		Size: w.Size, SHA256: w.SHA256, ReceivedAt: fromNanos(w.ReceivedAt),
		Listener: w.Listener, Client: w.Client, User: w.User,
		EightBit: w.EightBit, UTF8: w.UTF8, Return: w.Return, EnvelopeID: w.EnvelopeID,
		Repaired: w.Repaired, Content: relay.Content(w.Content),
	}
}

func toWireRecipient(r *relay.Recipient) wireRecipient {
	return wireRecipient{
		Address: r.Address, Notify: r.Notify, OriginalRecipient: r.OriginalRecipient,
		State: uint8(r.State), Route: r.Route, Priority: int8(r.Priority), Eligible: r.Eligible,
		NextAttempt: Nanos(r.NextAttempt), ExpiresAt: Nanos(r.ExpiresAt),
		Attempts: r.Attempts, Failures: r.Failures, InDoubt: r.InDoubt,
		Upstream: r.Upstream, RemoteID: r.RemoteID,
		Last: toWireVerdict(&r.Last), LastAt: Nanos(r.LastAt),
		HoldReason: r.HoldReason, FinishedAt: Nanos(r.FinishedAt), Incident: r.Incident,
		WarnAt: Nanos(r.WarnAt), Reported: r.Reported,
	}
}

func (w *wireRecipient) recipient() relay.Recipient {
	return relay.Recipient{
		Address: w.Address, Notify: w.Notify, OriginalRecipient: w.OriginalRecipient,
		State: relay.State(w.State), Route: w.Route, Priority: relay.Priority(w.Priority), Eligible: w.Eligible,
		NextAttempt: fromNanos(w.NextAttempt), ExpiresAt: fromNanos(w.ExpiresAt),
		Attempts: w.Attempts, Failures: w.Failures, InDoubt: w.InDoubt,
		Upstream: w.Upstream, RemoteID: w.RemoteID,
		Last: w.Last.verdict(), LastAt: fromNanos(w.LastAt),
		HoldReason: w.HoldReason, FinishedAt: fromNanos(w.FinishedAt), Incident: w.Incident,
		WarnAt: fromNanos(w.WarnAt), Reported: w.Reported,
	}
}

func toWireIntent(in *Intent) wireIntent {
	w := wireIntent{Index: in.Index, Action: in.Action, By: in.By, At: Nanos(in.At)}
	if in.Instead != nil {
		r := toWireRecipient(in.Instead)
		w.Instead = &r
	}
	return w
}

func (w *wireIntent) intent() Intent {
	in := Intent{Index: w.Index, Action: w.Action, By: w.By, At: fromNanos(w.At)}
	if w.Instead != nil {
		r := w.Instead.recipient()
		in.Instead = &r
	}
	return in
}

func toWireSignature(s *relay.Signature) wireSignature {
	return wireSignature{Fingerprint: s.Fingerprint, Fields: s.Fields}
}

func (w *wireSignature) signature() relay.Signature {
	return relay.Signature{Fingerprint: w.Fingerprint, Fields: w.Fields}
}

// toWireVerdict gives nil for the zero verdict, which takes no room then.
func toWireVerdict(v *relay.Verdict) *wireVerdict {
	if *v == (relay.Verdict{}) {
		return nil
	}
	return &wireVerdict{
		Class: uint8(v.Class), Scope: uint8(v.Scope), Action: uint8(v.Action), Then: uint8(v.Then),
		Stage: uint8(v.Stage), Code: v.Code, Enhanced: v.Enhanced, Text: v.Text,
		RemoteID: v.RemoteID, Rule: v.Rule, RetryAfter: int64(v.RetryAfter), Free: v.Free, Notifies: v.Notifies, Warn: v.Warn, Split: uint8(v.Split),
	}
}

func (w *wireVerdict) verdict() relay.Verdict {
	if w == nil {
		return relay.Verdict{}
	}
	return relay.Verdict{
		Class: relay.Class(w.Class), Scope: relay.Scope(w.Scope), Action: relay.Action(w.Action), Then: relay.Action(w.Then),
		Stage: relay.Stage(w.Stage), Code: w.Code, Enhanced: w.Enhanced, Text: w.Text,
		RemoteID: w.RemoteID, Rule: w.Rule, RetryAfter: time.Duration(w.RetryAfter), Free: w.Free, Notifies: w.Notifies, Warn: w.Warn, Split: relay.Split(w.Split),
	}
}

// Nanos is a time as it is stored: nanoseconds since 1970, 0 for the zero time. What
// lies before 1678 or behind 2262 counts as the first or the last that there is.
func Nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
