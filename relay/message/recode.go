package message

import (
	"fmt"
	"io"
)

// Recode says what a server does not take, so that a message has to be encoded
// anew for it.
type Recode struct {
	LongLines bool // lines over 998 bytes, which no server has to take (RFC 5321 4.5.3.1.6)
	EightBit  bool // text that is not ASCII: without 8BITMIME (RFC 6152)
	Header    bool // header sections that are not ASCII: without SMTPUTF8 (RFC 6531); see Downgrade
}

// A Plan is what has to become of one message. It is the same for the same
// message, always, and may be used by several goroutines.
type Plan struct {
	recode  Recode
	actions []action // by entity.index; the rest has none
}

// An UnmendableError says that a server does not take a message, and that the
// message may not be changed into one that it takes.
type UnmendableError struct {
	LongLine bool   // a line over 998 bytes; else bytes that are not ASCII
	Header   bool   // in a header section; else in a text
	Type     string // the media type of the part, fit to be shown
}

// Error says what is wrong and where.
func (e *UnmendableError) Error() string {
	what, where := "8-bit content", "a part"
	if e.LongLine {
		what = "a line over 998 bytes"
	}
	if e.Header {
		where = "the header of a part"
	}
	return fmt.Sprintf("%s in %s of type %s, which may not be changed", what, where, e.Type)
}

// Plan reads a message with CRLF line ends to its end and says what has to
// become of it. Memory is bounded by MaxHeader and the number of parts. The
// error is an *UnmendableError, an *AddressError or one of r.
func (c Recode) Plan(r io.Reader) (*Plan, error) {
	s := &survey{recode: c, plan: &Plan{recode: c}}
	w := newWalker(s)
	buf := make([]byte, recodeBuffer)
	for {
		n, err := r.Read(buf)
		w.write(buf[:n])
		switch {
		case s.err != nil:
			return nil, s.err
		case err == io.EOF:
			w.close()
			return s.plan, s.err
		case err != nil:
			return nil, err
		}
	}
}

// recodeBuffer is how much of a message is worked on at once, in bytes.
const recodeBuffer = 32 << 10

// Needed reports whether the message has to change at all.
func (p *Plan) Needed() bool { return len(p.actions) > 0 }

// Reader reads the message that the plan was made for, changed as planned:
// receivers decode the same content of every part, but for what stands before
// and behind the parts of a multipart, which they do not show. No line is over
// 998 bytes, with EightBit no byte of a text is not ASCII, and with Header no
// byte of a header section, unless the part is signed or encrypted and the
// server takes 8-bit content.
//
// A part of text becomes quoted-printable, or base64 where more than a third of
// it is not ASCII; any other becomes base64. What is quoted-printable or base64
// is broken into lines anew. Errors are those of r.
func (p *Plan) Reader(r io.Reader) io.Reader {
	if !p.Needed() {
		return r
	}
	out := &recoded{src: r, buf: make([]byte, recodeBuffer)}
	out.rewriter.plan = p
	out.w = newWalker(&out.rewriter)
	return out
}

// recoded drives a walker by reads.
type recoded struct {
	src      io.Reader
	buf      []byte
	w        *walker
	rewriter rewriter
	off      int // of rewriter.out that was read
	err      error
}

// Read implements io.Reader.
func (r *recoded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for r.off == len(r.rewriter.out) {
		if r.err != nil {
			return 0, r.err
		}
		r.rewriter.out, r.off = r.rewriter.out[:0], 0
		var n int
		n, r.err = r.src.Read(r.buf)
		r.w.write(r.buf[:n])
		if r.err == io.EOF {
			r.w.close()
		}
	}
	n := copy(p, r.rewriter.out[r.off:])
	r.off += n
	return n, nil
}
