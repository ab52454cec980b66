package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Bounds of a reply. RFC 5321, section 4.5.3.1.5 allows 512 bytes a line; some
// providers write more. The bytes of a whole reply and its lines are bounded
// so that endless continuation lines end (CVE-2025-61724).
const (
	maxReplyLine  = 4096
	maxReplyBytes = 64 << 10
	maxReplyLines = 500
)

// reply is one reply of a server. It is reused: what it points to is good
// until the next one is read into it.
type reply struct {
	code     int
	enhanced string // "" where there is none that agrees with the code
	text     []byte // lines joined by "\n", without codes
	dirty    bool   // control bytes in the text
}

// class is the first digit of the code.
func (r *reply) class() int { return r.code / 100 }

// read reads one reply. It returns a *ProtocolError where what came is no
// reply, and the error of br where the connection failed. A reply with control
// bytes is given as it is, and marked dirty.
func (r *reply) read(br *bufio.Reader) error {
	r.code, r.enhanced, r.text, r.dirty = 0, "", r.text[:0], false
	total := 0
	for n := 0; ; n++ {
		line, err := br.ReadSlice('\n')
		if err != nil {
			return lineError(line, err)
		}
		total += len(line)
		if n == maxReplyLines || total > maxReplyBytes {
			return &ProtocolError{Reason: "the reply does not end", Got: escape(line, maxGot)}
		}
		more, err := r.addLine(trimEOL(line), n == 0)
		if err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}

func lineError(line []byte, err error) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return &ProtocolError{Reason: "a reply line is too long", Got: escape(line, maxGot)}
	case errors.Is(err, io.EOF):
		return errServerClosed
	}
	return err
}

// addLine takes in one line without its line end and tells whether more follow.
func (r *reply) addLine(line []byte, first bool) (more bool, err error) {
	code, more, rest, ok := splitLine(line)
	if !ok {
		return false, &ProtocolError{Reason: "malformed reply", Got: escape(line, maxGot)}
	}
	if first {
		r.code = code
	} else if code != r.code {
		return false, &ProtocolError{Reason: "the code changes within the reply", Got: escape(line, maxGot)}
	}
	// Providers repeat the enhanced code on each line; it is taken off where
	// it is that of the first line.
	if enhanced, after := splitEnhanced(rest, code); enhanced != nil {
		if first {
			r.enhanced = internEnhanced(enhanced)
			rest = after
		} else if string(enhanced) == r.enhanced {
			rest = after
		}
	}
	if !first {
		r.text = append(r.text, '\n')
	}
	r.dirty = r.dirty || hasControl(rest)
	r.text = append(r.text, rest...)
	return more, nil
}

// splitLine takes "250-text", "250 text" or "250" apart.
func splitLine(line []byte) (code int, more bool, rest []byte, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, nil, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, false, nil, true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, nil, false
	}
	return code, line[3] == '-', line[4:], true
}

// splitEnhanced takes the enhanced status code of RFC 3463 off the text, where
// there is one and its class is that of the reply code: one that disagrees is
// worth less than the code and stays in the text.
func splitEnhanced(text []byte, code int) (enhanced, rest []byte) {
	end := bytes.IndexByte(text, ' ')
	if end < 0 {
		end = len(text)
	}
	if end < 5 || end > 9 || int(text[0]-'0') != code/100 || text[1] != '.' {
		return nil, text
	}
	subject, detail, ok := bytes.Cut(text[2:end], []byte("."))
	if !ok || !isNumber(subject) || !isNumber(detail) {
		return nil, text
	}
	return text[:end], bytes.TrimLeft(text[end:], " ")
}

// isNumber reports whether b is one to three digits.
func isNumber(b []byte) bool {
	if len(b) == 0 || len(b) > 3 {
		return false
	}
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// internEnhanced saves the allocation for the codes of every good reply.
func internEnhanced(b []byte) string {
	switch string(b) {
	case "2.0.0":
		return "2.0.0"
	case "2.1.0":
		return "2.1.0"
	case "2.1.5":
		return "2.1.5"
	}
	return string(b)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func trimEOL(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// hasControl reports whether there is a control byte other than a tab.
func hasControl(b []byte) bool {
	for _, c := range b {
		if (c < ' ' && c != '\t') || c == 0x7f {
			return true
		}
	}
	return false
}
