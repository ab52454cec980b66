package spool

import (
	"bytes"
	"encoding/binary"
	"strings"

	"relaykeep/relay"
)

// Glance tells by the bytes of a record, without decoding it, that a filter
// does not select it. Decoding a million records takes seconds; looking for a
// few bytes in each takes a fraction of one.
//
// It rests on how Codec writes: every text stands in one piece, and a number
// stands behind its key in the shortest form that CBOR has for it.
type Glance struct {
	texts  [][]byte // all of them are in a record
	folded [][]byte // all of them are, in any case; ASCII in lower case
	states []byte   // one of them is, behind its key; none: any
	code   []byte   // the last reply code with its key; nil: any
	since  int64    // received after, in nanoseconds; 0: any time
	before int64    // received before; 0: any time
}

// The CBOR of the fields that a Glance looks for: see wire.go.
const (
	keyState      = 4
	keyCode       = 6
	keyReceivedAt = 7
	cborUint8     = 0x18
	cborUint16    = 0x19
	cborUint64    = 0x1b
)

// NewGlance makes the Glance of a filter.
func NewGlance(f Filter) Glance {
	var g Glance
	for _, text := range []string{f.Upstream, f.Route, bare(f.MessageID), f.RemoteID} {
		if text != "" {
			g.texts = append(g.texts, []byte(text))
		}
	}
	for _, pattern := range []string{f.From, f.To} {
		if text := literal(pattern); text != "" {
			g.folded = append(g.folded, []byte(strings.ToLower(text)))
		}
	}
	if !f.AnyState {
		g.states = stateBytes(f.States)
	}
	g.code = codeBytes(f.Code)
	if !f.After.IsZero() {
		g.since = Nanos(f.After)
	}
	if !f.Before.IsZero() {
		g.before = Nanos(f.Before)
	}
	return g
}

// MayMatch reports whether the filter may select the record with these bytes.
// Where it says no, the filter does not.
func (g *Glance) MayMatch(record []byte) bool {
	for _, text := range g.texts {
		if !bytes.Contains(record, text) {
			return false
		}
	}
	return g.mayHaveState(record) &&
		(g.code == nil || bytes.Contains(record, g.code)) &&
		g.mayBeReceived(record) && g.mayHaveFolded(record)
}

func (g *Glance) mayHaveState(record []byte) bool {
	for _, state := range g.states {
		if bytes.Contains(record, []byte{keyState, state}) {
			return true
		}
	}
	return len(g.states) == 0
}

// mayBeReceived looks at everything that may be the time of receipt.
func (g *Glance) mayBeReceived(record []byte) bool {
	if g.since == 0 && g.before == 0 {
		return true
	}
	for {
		i := bytes.Index(record, []byte{keyReceivedAt, cborUint64})
		if i < 0 || len(record) < i+10 {
			return false
		}
		at := int64(binary.BigEndian.Uint64(record[i+2:]))
		if (g.since == 0 || at > g.since) && (g.before == 0 || at < g.before) {
			return true
		}
		record = record[i+2:]
	}
}

func (g *Glance) mayHaveFolded(record []byte) bool {
	if len(g.folded) == 0 || bytes.Contains(record, []byte("\u212a")) || bytes.Contains(record, []byte("\u0130")) {
		return true // the two letters beyond ASCII whose lower case is in ASCII
	}
	for _, text := range g.folded {
		if !containsFold(record, text) {
			return false
		}
	}
	return true
}

// containsFold reports whether b contains a text in lower case ASCII, in any
// case. Where the text has something else than letters that is looked for first:
// it has one case, and in an address it is rare.
func containsFold(b, text []byte) bool {
	anchor := bytes.IndexFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
	for i := 0; i+len(text) <= len(b); i++ {
		if anchor >= 0 {
			next := bytes.IndexByte(b[i+anchor:], text[anchor])
			if i += next; next < 0 || i+len(text) > len(b) {
				return false
			}
		}
		if hasFold(b[i:], text) {
			return true
		}
	}
	return false
}

// hasFold reports whether b begins with a text in lower case ASCII, in any case.
func hasFold(b, text []byte) bool {
	for i := range text {
		if lower(b[i]) != text[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// literal gives the longest text that whatever a pattern matches contains; ""
// where that is not plain to see.
func literal(pattern string) (longest string) {
	if strings.ContainsAny(pattern, `[\`) {
		return ""
	}
	for part := range strings.FieldsFuncSeq(pattern, func(r rune) bool { return r == '*' || r == '?' || r >= 0x80 }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// stateBytes gives the bytes of the states that a filter names; none where it
// names one that is stored as the absence of a state.
func stateBytes(states []relay.State) []byte {
	var found []byte
	for _, s := range states {
		if s == relay.Queued || s == relay.Sending {
			return nil
		}
		found = append(found, byte(s))
	}
	return found
}

// codeBytes gives a reply code as it is stored, nil for a class of them.
func codeBytes(code string) []byte {
	n := 0
	for _, c := range []byte(code) {
		if c < '0' || c > '9' {
			return nil
		}
		n = n*10 + int(c-'0')
	}
	switch {
	case len(code) != 3 || n < 200:
		return nil
	case n < 256:
		return []byte{keyCode, cborUint8, byte(n)}
	}
	return []byte{keyCode, cborUint16, byte(n >> 8), byte(n)}
}
