package message

import "io"

// Scan reads a message with CRLF line ends, passes it on as it is, and finds
// what it holds that not every server takes.
//
// A line over 998 bytes that Recode could not mend is an *UnmendableError, at
// the latest in the place of io.EOF: in a header section one without white
// space to fold it at; in a text one within a signed or encrypted part, in a
// part of an encoding or a structure that is not known, or in a message/ part
// that must stay as it is.
type Scan struct {
	Source io.Reader

	w     *walker
	found findings
	done  bool
}

// EightBit reports whether there were bytes that are not ASCII so far.
func (s *Scan) EightBit() bool { return s.found.eightBit }

// LongLines reports whether there were lines over 998 bytes so far.
func (s *Scan) LongLines() bool { return s.found.long }

// Read implements io.Reader.
func (s *Scan) Read(p []byte) (int, error) {
	if s.w == nil {
		s.w = newWalker(&s.found)
	}
	n, err := s.Source.Read(p)
	s.w.write(p[:n])
	if err == io.EOF && !s.done {
		s.done = true
		s.w.close()
	}
	if s.found.err != nil {
		return 0, s.found.err
	}
	return n, err
}

// findings is the visitor of a Scan.
type findings struct {
	eightBit bool
	long     bool
	err      error // a long line cannot be mended
	preamble bool  // there is one before the parts of a multipart, if it has any
}

func (f *findings) section(e *entity, raw []byte) {
	f.look(raw)
	if !tooLong(raw) {
		return
	}
	f.long = true
	if e.sealed || e.kind == unknown || !foldable(raw) {
		f.fail(e, true)
	}
}

func (f *findings) text(_ *entity, piece []byte) { f.look(piece) }

func (f *findings) look(b []byte) { f.eightBit = f.eightBit || !isASCII(b) }

func (f *findings) longLine(e *entity) {
	f.long = true
	switch {
	case !e.mendable():
		f.fail(e, false)
	case e.kind == multi:
		f.preamble = true
	}
}

// end finds multiparts that have no parts: receivers take all of it for text,
// and not for what stands before the first.
func (f *findings) end(e *entity, _ bool) {
	if f.preamble && e.parts == 0 {
		f.fail(e, false)
	}
	f.preamble = false
}

func (f *findings) fail(e *entity, header bool) {
	if f.err == nil {
		f.err = &UnmendableError{LongLine: true, Header: header, Type: e.media.String()}
	}
}

func (f *findings) delimiter([]byte) {}
