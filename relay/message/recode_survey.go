package message

import (
	"bytes"
	"unicode/utf8"
)

// action is what has to become of an entity.
type action struct {
	text      method
	section   bool   // fields of the section are written anew
	encoding  string // the new Content-Transfer-Encoding; "": as it is
	mediaType string // the Content-Type to add; "": none
	version   bool   // MIME-Version is to be added
}

// method is what has to become of a text.
type method uint8

const (
	asIs method = iota
	toQuoted
	toBase64
	requote
	rewrap
	around // of parts: long lines are broken, and what is not ASCII goes
)

// survey is the visitor of Recode.Plan.
type survey struct {
	recode Recode
	plan   *Plan
	err    error
	sample sample // of the text that goes on
}

func (s *survey) section(e *entity, raw []byte) {
	s.sample = sample{}
	long := s.recode.LongLines && tooLong(raw)
	high := (s.recode.Header || s.recode.EightBit) && !isASCII(raw)
	switch {
	case !long && !high:
	case e.sealed, e.kind == unknown:
		if long || s.recode.EightBit {
			s.fail(&UnmendableError{LongLine: long, Header: true, Type: e.media.String()})
		}
	case long || s.recode.Header:
		s.fields(e, raw)
		s.action(e).section = true
	}
}

// fields finds those that cannot be written as they have to be.
func (s *survey) fields(e *entity, raw []byte) {
	for _, f := range parseSection(raw).Fields() {
		_, ok, err := s.recode.field(nil, f)
		switch {
		case err != nil:
			s.fail(err)
		case !ok:
			s.fail(&UnmendableError{LongLine: true, Header: true, Type: e.media.String()})
		}
	}
}

func (s *survey) text(_ *entity, piece []byte) {
	s.sample.add(piece)
}

func (s *survey) longLine(*entity) { s.sample.long = true }

func (s *survey) delimiter([]byte) {}

// end decides on the text of an entity.
func (s *survey) end(e *entity, _ bool) {
	text := s.sample
	s.sample = sample{}
	long := s.recode.LongLines && text.long
	high := s.recode.EightBit && text.high > 0
	switch {
	case !long && !high:
		return
	case !e.mendable(), e.kind == multi && e.parts == 0:
		s.fail(&UnmendableError{LongLine: long, Type: e.media.String()})
		return
	}
	a := s.action(e)
	switch {
	case e.kind == multi:
		a.text = around
	case e.encoding == quotedPrintable:
		a.text = requote
	case e.encoding == base64Encoding:
		a.text = rewrap
	case e.media.major == "text" && text.readable():
		a.text, a.encoding = toQuoted, "quoted-printable"
	default:
		a.text, a.encoding = toBase64, "base64"
	}
	if a.encoding != "" && !e.typed {
		a.mediaType = "text/plain; charset=" + text.charset()
	}
	s.lift(e, high)
}

// lift does what has to become of the entities around one that changes: the
// message must say that it is MIME, and nobody that there is 8-bit content.
func (s *survey) lift(e *entity, high bool) {
	for e := e; e != nil; e = e.parent {
		if e.isMessage() && !e.versioned {
			s.action(e).version = true
		}
		if high && e.wide && e.kind != leaf {
			s.action(e).encoding = "7bit"
		}
	}
}

// action gives the action of an entity, to be changed.
func (s *survey) action(e *entity) *action {
	for len(s.plan.actions) <= e.index {
		s.plan.actions = append(s.plan.actions, action{})
	}
	return &s.plan.actions[e.index]
}

func (s *survey) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// sample is what is known of a text.
type sample struct {
	size, high int64 // bytes, and those that are not ASCII
	long       bool  // there is a line over maxLineLength
	nul        bool
	utf8       utf8Check
}

func (s *sample) add(piece []byte) {
	s.size += int64(len(piece))
	s.nul = s.nul || bytes.IndexByte(piece, 0) >= 0
	if s.high == 0 && isASCII(piece) {
		return
	}
	for _, c := range piece {
		s.high += int64(c >> 7)
	}
	s.utf8.write(piece)
}

// readable reports whether the text stays readable as quoted-printable.
func (s *sample) readable() bool { return !s.nul && 3*s.high <= s.size }

// charset names what the text is made of, where nobody has said it (RFC 1428).
func (s *sample) charset() string {
	switch {
	case s.high == 0:
		return "us-ascii"
	case s.utf8.valid():
		return "utf-8"
	}
	return "unknown-8bit"
}

// utf8Check finds out whether a text that comes in pieces is UTF-8.
type utf8Check struct {
	invalid bool
	begun   []byte // the begin of a character
}

func (u *utf8Check) valid() bool { return !u.invalid && len(u.begun) == 0 }

func (u *utf8Check) write(b []byte) {
	for len(u.begun) > 0 && len(b) > 0 {
		u.begun = append(u.begun, b[0])
		b = b[1:]
		if utf8.FullRune(u.begun) {
			u.invalid = u.invalid || !utf8.Valid(u.begun)
			u.begun = nil
		}
	}
	for i := max(0, len(b)-utf8.UTFMax+1); i < len(b); i++ {
		if utf8.RuneStart(b[i]) && !utf8.FullRune(b[i:]) {
			u.begun = append(u.begun, b[i:]...)
			b = b[:i]
		}
	}
	u.invalid = u.invalid || !utf8.Valid(b)
}
