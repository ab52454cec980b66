package message

import "bytes"

// readText takes from p what belongs to the text of cur, and the delimiter
// that ends it. It gives the number of bytes taken; where it takes none, the
// place has changed.
func (w *walker) readText(p []byte) int {
	switch w.at {
	case lineStart:
		if len(w.open) > 0 && p[0] == '-' {
			w.at = candidate
			return 0
		}
		w.tell(w.takeHeld())
		w.at = midLine
	case afterCR:
		w.at = lineStart
		if p[0] != '\n' {
			w.at = midLine
			w.col++
			w.tell(w.takeHeld())
			return 0
		}
		w.countLine(0)
		w.hold(append(w.takeHeld(), '\n'), 2)
		return 1
	case candidate:
		return w.readCandidate(p)
	}
	return w.readLines(p)
}

// readLines takes text up to a line that may be a delimiter.
func (w *walker) readLines(p []byte) int {
	pos := 0 // of the line
	for pos < len(p) {
		n := bytes.IndexByte(p[pos:], '\n')
		if n < 0 {
			w.tellPart(p, len(p)-pos)
			return len(p)
		}
		line := n
		if n > 0 && p[pos+n-1] == '\r' {
			line--
		}
		if w.col+line > maxLineLength {
			w.visitor.longLine(w.cur)
		}
		w.col = 0
		pos += n + 1
		if len(w.open) > 0 && pos < len(p) && p[pos] == '-' {
			break
		}
	}
	w.at = lineStart
	eol := lineEnding(p[:pos])
	w.tell(p[:pos-eol])
	w.hold(p[pos-eol:pos], eol)
	return pos
}

// tellPart tells b, whose last bytes, so many, are the begin of a line. A CR at
// its end may begin a line end.
func (w *walker) tellPart(b []byte, line int) {
	w.at = midLine
	if n := len(b); line > 0 && b[n-1] == '\r' {
		w.at = afterCR
		b = b[:n-1]
		line--
	}
	w.tell(b)
	w.col += line
	if w.at == afterCR {
		w.held = append(w.held[:0], '\r')
	}
}

// readCandidate takes what belongs to a line that may be a delimiter.
func (w *walker) readCandidate(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(p)
	}
	if !mayDelimit(w.held[w.eol:], p[:n]) {
		line := len(w.held) - w.eol
		w.col = 0
		w.tellPart(w.takeHeld(), line)
		return 0
	}
	w.held = append(w.held, p[:n]...)
	if !whole {
		return n
	}
	if e, closing := w.delimits(w.held[w.eol:]); e != nil {
		w.cross(e, closing, w.takeHeld())
		return n
	}
	w.at = lineStart
	w.col = 0
	line := w.takeHeld()
	eol := lineEnding(line)
	w.tell(line[:len(line)-eol])
	w.hold(line[len(line)-eol:], eol)
	return n
}

// mayDelimit reports whether a line that begins like this may be a delimiter:
// it begins with two hyphens and is not too long.
func mayDelimit(begin, more []byte) bool {
	if len(begin)+len(more) > maxLineLength+len(crlf) {
		return false
	}
	if len(begin) < 2 {
		begin = append(append(make([]byte, 0, 2), begin...), more[:min(2, len(more))]...)
	}
	return begin[0] == '-' && (len(begin) == 1 || begin[1] == '-')
}

// delimits gives the open multipart that a line is a delimiter of, nil if it is
// none.
func (w *walker) delimits(line []byte) (e *entity, closing bool) {
	rest, ok := bytes.CutPrefix(line, []byte("--"))
	if !ok {
		return nil, false
	}
	for _, e := range w.open {
		after, ok := bytes.CutPrefix(rest, []byte(e.media.boundary))
		if !ok {
			continue
		}
		after, closing := bytes.CutPrefix(after, []byte("--"))
		if len(bytes.Trim(after, " \t\r\n")) == 0 {
			return e, closing
		}
	}
	return nil, false
}

// cross goes over a delimiter of e, which ends all that is within.
func (w *walker) cross(e *entity, closing bool, raw []byte) {
	if !closing {
		e.parts++
	}
	w.visitor.end(w.cur, false)
	w.visitor.delimiter(raw)
	w.at, w.col = lineStart, 0
	for w.open[len(w.open)-1] != e {
		w.open = w.open[:len(w.open)-1]
	}
	if closing {
		w.open = w.open[:len(w.open)-1]
		w.cur = e
		return
	}
	w.beginSection(e)
}

// countLine ends a line of which so many bytes are not told yet.
func (w *walker) countLine(more int) {
	if w.col+more > maxLineLength {
		w.visitor.longLine(w.cur)
	}
	w.col = 0
}

func (w *walker) tell(piece []byte) {
	if len(piece) > 0 {
		w.visitor.text(w.cur, piece)
	}
}

// hold keeps a line end back where it may be part of a delimiter.
func (w *walker) hold(end []byte, eol int) {
	if len(w.open) == 0 {
		w.tell(end)
		return
	}
	w.held, w.eol = append(w.held[:0], end...), eol
}

// takeHeld gives what is held, which is valid until more is held.
func (w *walker) takeHeld() []byte {
	held := w.held
	w.held, w.eol = w.held[:0], 0
	return held
}

// lineEnding is the length of the line end that b ends with.
func lineEnding(b []byte) int {
	switch {
	case bytes.HasSuffix(b, []byte(crlf)):
		return 2
	case len(b) > 0 && b[len(b)-1] == '\n':
		return 1
	}
	return 0
}
