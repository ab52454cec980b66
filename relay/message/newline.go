package message

import (
	"bytes"
	"errors"
	"io"
)

// ErrBareNewline: the content holds a CR or an LF that is not part of a CRLF.
var ErrBareNewline = errors.New("bare CR or LF in the message")

const crlf = "\r\n"

// Newlines reads content and gives it with CRLF line ends only, and with one
// at its end (nothing stays nothing).
//
// A bare LF becomes CRLF. A run of CRs, with an LF after it or without, is one
// line end and becomes one CRLF: so CR CR LF, which broken senders make of a
// line end, adds no empty line, and could end no header section early. All
// other bytes pass, NUL too. No line end is taken away and no dot is touched:
// what looks like an end of data afterwards ("CRLF.CRLF" of "LF.LF") is text
// like any other, and is dot-stuffed when it is sent.
//
// Where Reject is set, Read fails with ErrBareNewline instead of repairing.
// Clean input is copied nowhere: it is read into the caller's buffer and
// scanned there.
type Newlines struct {
	Source io.Reader
	Reject bool

	repaired int
	cr       bool   // a CR was read and not yet written
	run      bool   // more than one
	out      []byte // repaired, and not yet read by the caller
	buf      []byte // of out
	open     bool   // what was given, or is in out, ends within a line
	err      error  // of Source
}

// smallRead is the length under which a caller's buffer is not read into
// directly.
const smallRead = 64

// Repaired is the number of line ends that were repaired so far.
func (r *Newlines) Repaired() int { return r.repaired }

// Read implements io.Reader.
func (r *Newlines) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if len(r.out) > 0 {
			n := copy(p, r.out)
			r.out = r.out[n:]
			return n, nil
		}
		if r.err != nil {
			if r.err == io.EOF && r.finish() {
				continue
			}
			return 0, r.err
		}
		n, err := r.fill(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// fill reads once from the source. What is clean ends in p, the rest in r.out.
func (r *Newlines) fill(p []byte) (int, error) {
	target := p
	if len(p) < smallRead {
		target = make([]byte, 8*smallRead)
	}
	start := 0
	if r.cr && !r.run { // judged with what follows it
		target[0] = '\r'
		start = 1
		r.cr = false
	}
	n, err := r.Source.Read(target[start:])
	r.err = err
	n += start
	got := target[:n]

	clean := 0
	if !r.cr {
		clean = cleanPrefix(got)
	}
	rest := got[clean:]
	if clean > 0 {
		r.open = got[clean-1] != '\n'
	}
	switch {
	case len(rest) == 0:
	case len(rest) == 1 && rest[0] == '\r' && !r.cr:
		r.cr = true
	case r.Reject:
		r.err = ErrBareNewline
	default:
		r.repair(rest, n)
	}
	if len(p) < smallRead && clean > 0 {
		r.out = append(bytes.Clone(got[:clean]), r.out...)
		return 0, nil
	}
	return clean, nil
}

// cleanPrefix is the length of the part of b in which each CR is followed by
// an LF and each LF preceded by a CR. A CR at the very end is left out.
func cleanPrefix(b []byte) int {
	i := 0
	for {
		n := bytes.IndexByte(b[i:], '\n')
		line := b[i:]
		if n >= 0 {
			line = b[i : i+n]
		}
		cr := bytes.IndexByte(line, '\r')
		switch {
		case n < 0 && cr < 0:
			return len(b)
		case n < 0, cr >= 0 && cr < len(line)-1:
			return i + cr
		case cr < 0:
			return i + n
		}
		i += n + 1
	}
}

// repair appends b, repaired, to what the caller will read. hint is the size
// of a whole read.
func (r *Newlines) repair(b []byte, hint int) {
	if cap(r.buf) == 0 {
		r.buf = make([]byte, 0, hint+hint/8)
	}
	r.out = r.buf[:0]
	for len(b) > 0 {
		line, rest, lf := bytes.Cut(b, []byte{'\n'})
		r.repairLine(line)
		if lf {
			r.endLine(r.cr && !r.run)
		}
		b = rest
	}
	r.buf = r.out
	if len(r.out) > 0 {
		r.open = r.out[len(r.out)-1] != '\n'
	}
}

// repairLine appends what stands between two LFs.
func (r *Newlines) repairLine(line []byte) {
	for len(line) > 0 {
		if r.cr {
			text := bytes.TrimLeft(line, "\r")
			r.run = r.run || len(text) < len(line)
			if line = text; len(line) == 0 {
				return
			}
			r.endLine(false)
		}
		text, rest, cr := bytes.Cut(line, []byte{'\r'})
		r.out = append(r.out, text...)
		r.cr = cr
		line = rest
	}
}

// endLine appends a line end; whole says that it came as CRLF.
func (r *Newlines) endLine(whole bool) {
	r.out = append(r.out, crlf...)
	r.cr, r.run = false, false
	if !whole {
		r.repaired++
	}
}

// finish closes the last line at the end of the source. It reports whether
// there is more to read.
func (r *Newlines) finish() bool {
	switch {
	case r.cr && r.Reject:
		r.err = ErrBareNewline
		return false
	case r.cr:
		r.out = r.buf[:0]
		r.endLine(false)
	case r.open:
		r.out = append(r.buf[:0], crlf...)
	default:
		return false
	}
	r.open = false
	return true
}
