package admin

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Message is a message object. Its keys are a public contract.
type Message struct {
	ID        relay.ID `json:"id"`
	MessageID string   `json:"message_id"`
	From      string   `json:"from"` // "" is the null sender
	Size      int64    `json:"size"` // bytes

	ReceivedAt Time `json:"received_at"`

	// ExpiresAt, Priority and Route are those of the first unfinished
	// recipient; of the first one where all are finished.
	ExpiresAt Time           `json:"expires_at"`
	Priority  relay.Priority `json:"priority"`
	Route     string         `json:"route"`

	Listener   string      `json:"listener"`
	Client     string      `json:"client"`
	User       string      `json:"user"`
	Subject    string      `json:"subject,omitempty"`  // as in the header: encoded words are left
	Repaired   string      `json:"repaired,omitempty"` // what was repaired at accept, in words
	Recipients []Recipient `json:"recipients"`

	// Body and Events are there in the answer for one message only.
	Body   *bool   `json:"body,omitempty"` // whether the body is kept
	Events []Event `json:"events,omitempty"`
}

// Recipient is a recipient in a message object.
type Recipient struct {
	Address    string         `json:"address"`
	State      relay.State    `json:"state"`
	HoldReason string         `json:"hold_reason"` // why it is held, in words
	Incident   int64          `json:"incident"`    // the incident that holds it, 0 for none
	Route      string         `json:"route"`
	Priority   relay.Priority `json:"priority"`
	ExpiresAt  Time           `json:"expires_at"`
	FinishedAt Time           `json:"finished_at"`

	// Upstream is the one to be asked next while the recipient is queued or
	// sent to, else the last one that was. Eligible are those that may still
	// be asked in this round, in order.
	Upstream    string   `json:"upstream"`
	Eligible    []string `json:"eligible"`
	Attempts    int      `json:"attempts"`
	NextAttempt Time     `json:"next_attempt"` // while queued
	InDoubt     int      `json:"in_doubt"`     // attempts with an unknown outcome
	RemoteID    string   `json:"remote_id"`    // what the provider called the message
	Last        *Attempt `json:"last"`         // null before the first attempt
}

// Attempt is the last attempt at a recipient.
type Attempt struct {
	At       Time   `json:"at"`
	Upstream string `json:"upstream"`
	Verdict
}

// Verdict is what an attempt meant.
type Verdict struct {
	Stage    relay.Stage  `json:"stage"`
	Code     int          `json:"code"` // 0: no reply came
	Enhanced string       `json:"enhanced"`
	Text     string       `json:"text"`
	Class    relay.Class  `json:"class"`
	Scope    relay.Scope  `json:"scope"`
	Rule     string       `json:"rule"`
	Action   relay.Action `json:"action"`
}

// Event is something that happened to a message.
type Event struct {
	Event       relay.EventKind `json:"event"`
	At          Time            `json:"at"`
	To          string          `json:"to,omitempty"`
	Upstream    string          `json:"upstream,omitempty"`
	Attempt     int             `json:"attempt,omitempty"`
	Verdict     *Verdict        `json:"verdict,omitempty"`
	RemoteID    string          `json:"remote_id,omitempty"`
	NextAttempt Time            `json:"next_attempt,omitzero"`
	DurationMS  int64           `json:"duration_ms,omitempty"` // of the attempt
	TotalMS     int64           `json:"total_ms,omitempty"`    // since the message was accepted
	Incident    int64           `json:"incident,omitempty"`    // that it opened, or that holds the recipient
	Detail      string          `json:"detail,omitempty"`      // in words for people
}

// Stats are the counts of the spool.
type Stats struct {
	Messages   int64         `json:"messages"` // unfinished
	History    int64         `json:"history"`  // finished, and still listed
	Recipients []spool.Count `json:"recipients"`
	Oldest     Time          `json:"oldest"`     // when the oldest unfinished message was received
	BodyBytes  int64         `json:"body_bytes"` // of the unfinished messages
	FileBytes  int64         `json:"file_bytes"`
	UsedBytes  int64         `json:"used_bytes"`
	FreePages  int64         `json:"free_pages"`
	PageSize   int           `json:"page_size"`

	// Repairs are of the running daemon only, since its start, the latest
	// first; of at most 1000 clients, those that sent last.
	Repairs []Repair `json:"repairs"`
}

// Repair says how often something was mended in the mail of a client.
type Repair struct {
	Client   string   `json:"client"` // an IP address, or "unix"
	User     string   `json:"user"`   // who logged in; "" for nobody
	What     string   `json:"what"`   // in words
	Messages int64    `json:"messages"`
	Last     relay.ID `json:"last"` // the last such message
	LastAt   Time     `json:"last_at"`
}

// Version says what answers.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// failure is the answer where there is none.
type failure struct {
	Error string `json:"error"`
}

// FromEntry makes the message object of a list: without Body and Events.
func FromEntry(e spool.Entry) Message {
	m := e.Message
	out := Message{
		ID: m.ID, MessageID: valid(m.MessageID), From: m.From, Size: m.Size, ReceivedAt: Time{m.ReceivedAt},
		Listener: m.Listener, Client: m.Client, User: m.User, Subject: valid(m.Subject), Repaired: m.Repaired,
		Recipients: make([]Recipient, len(e.Recipients)),
	}
	for i, r := range e.Recipients {
		out.Recipients[i] = fromRecipient(r)
	}
	if i := leading(e.Recipients); i >= 0 {
		r := e.Recipients[i]
		out.ExpiresAt, out.Priority, out.Route = Time{r.ExpiresAt}, r.Priority, r.Route
	}
	return out
}

// FromEntryInFull makes the message object of one message, as Get gives it.
func FromEntryInFull(e spool.Entry) Message {
	out := FromEntry(e)
	out.Body = &e.HasBody
	for _, event := range e.Events {
		out.Events = append(out.Events, fromEvent(event))
	}
	return out
}

// FromStats makes the counts.
func FromStats(s spool.Stats) Stats {
	out := Stats{
		Messages: s.Messages, History: s.History, Recipients: s.Recipients, Oldest: Time{s.Oldest},
		BodyBytes: s.BodyBytes, FileBytes: s.FileBytes, UsedBytes: s.UsedBytes,
		FreePages: s.FreePages, PageSize: s.PageSize,
	}
	if out.Recipients == nil {
		out.Recipients = []spool.Count{}
	}
	out.Repairs = []Repair{}
	return out
}

// valid makes UTF-8 of header text, which JSON wants.
func valid(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// leading finds the recipient that speaks for its message, -1 if there is none.
func leading(to []relay.Recipient) int {
	for i := range to {
		if !to[i].State.Finished() {
			return i
		}
	}
	return min(0, len(to)-1)
}

func fromRecipient(r relay.Recipient) Recipient {
	_, current := spool.CountKey(r)
	out := Recipient{
		Address: r.Address, State: r.State, Route: r.Route, Priority: r.Priority,
		ExpiresAt: Time{r.ExpiresAt}, FinishedAt: Time{r.FinishedAt},
		Upstream: current, Eligible: r.Eligible, Attempts: r.Attempts, InDoubt: r.InDoubt, RemoteID: r.RemoteID,
	}
	if out.Eligible == nil {
		out.Eligible = []string{}
	}
	switch r.State {
	case relay.Held:
		out.HoldReason, out.Incident = r.HoldReason, r.Incident
	case relay.Queued:
		out.NextAttempt = Time{r.NextAttempt}
	}
	if !r.LastAt.IsZero() {
		out.Last = &Attempt{At: Time{r.LastAt}, Upstream: r.Upstream, Verdict: FromVerdict(r.Last)}
	}
	return out
}

// FromVerdict makes the object of a verdict.
func FromVerdict(v relay.Verdict) Verdict {
	return Verdict{
		Stage: v.Stage, Code: v.Code, Enhanced: v.Enhanced, Text: v.Text,
		Class: v.Class, Scope: v.Scope, Rule: v.Rule, Action: v.Action,
	}
}

func fromEvent(e relay.Event) Event {
	out := Event{
		Event: e.Kind, At: Time{e.At}, To: e.To, Upstream: e.Upstream, Attempt: e.Attempt,
		RemoteID: e.Verdict.RemoteID, NextAttempt: Time{e.NextAttempt},
		DurationMS: e.Duration.Milliseconds(), TotalMS: e.Total.Milliseconds(),
		Incident: e.Incident, Detail: e.Detail,
	}
	if e.Verdict != (relay.Verdict{}) {
		v := FromVerdict(e.Verdict)
		out.Verdict = &v
	}
	return out
}

// Time is a time in JSON: RFC 3339 in UTC to the millisecond, the zero time is
// null.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes t.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"` + timeLayout + `"`)), nil
}

// UnmarshalJSON reads any RFC 3339 time, or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*t = Time{}
		return nil
	}
	return json.Unmarshal(b, &t.Time)
}
