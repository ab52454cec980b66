package message

import "bytes"

// readSection takes from p what belongs to a header section, a line at most.
// It gives the number of bytes taken.
func (w *walker) readSection(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(p)
	}
	w.head = append(w.head, p[:n]...)
	switch {
	case len(w.head) > MaxHeader:
		w.giveUpSection()
	case whole, w.noField():
		w.judge()
	}
	return n
}

// noField reports early that the line begins no field, however it goes on.
func (w *walker) noField() bool {
	line := w.head[w.judged:]
	return len(line) >= maxFieldName && !folded(line) && fieldName(line) < 0
}

// folded reports whether a line goes on with the field before it.
func folded(line []byte) bool { return line[0] == ' ' || line[0] == '\t' }

// judge finds out what the last line of head is.
func (w *walker) judge() {
	line := w.head[w.judged:]
	if e, closing := w.delimits(line); e != nil {
		line = bytes.Clone(line)
		w.endSection(w.judged)
		w.forceText()
		w.cross(e, closing, line)
		return
	}
	switch {
	case len(bytes.TrimRight(line, crlf)) == 0:
		w.endSection(len(w.head))
	case folded(line) && w.fields > 0:
		w.judged = len(w.head)
	case fieldName(line) >= 0 && w.fields < MaxHeaderFields:
		w.fields++
		w.judged = len(w.head)
	case fieldName(line) >= 0:
		w.giveUpSection()
	default: // text without an empty line before it
		line = bytes.Clone(line)
		w.endSection(w.judged)
		w.write(line)
	}
}

// beginSection begins a header section within parent.
func (w *walker) beginSection(parent *entity) {
	w.cur, w.parent = nil, parent
	w.head, w.judged, w.fields = w.head[:0], 0, 0
}

// endSection ends the header section, which is the first n bytes of head, and
// goes on with what its entity is made of.
func (w *walker) endSection(n int) {
	parent := w.parent
	e := newEntity(parseSection(w.head[:n]), parent != nil && parent.kind == multi && parent.media.minor == "digest")
	w.place(e)
	switch {
	case e.kind == multi && (w.beyond(e) || w.isOpen(e.media.boundary)), e.kind == nested && w.beyond(e):
		e.kind = unknown
	}
	w.visitor.section(e, w.head[:n])
	w.at = lineStart
	switch e.kind {
	case nested:
		w.beginSection(e)
		return
	case multi:
		w.open = append(w.open, e)
	}
	w.cur = e
}

// place gives an entity its place in the message.
func (w *walker) place(e *entity) {
	e.index = w.seen
	if w.seen < maxEntities {
		w.seen++
	} else {
		e.kind = unknown
	}
	if e.parent = w.parent; e.parent != nil {
		e.depth = e.parent.depth + 1
		e.sealed = e.parent.sealed || e.parent.seals()
	}
}

func (w *walker) beyond(e *entity) bool { return e.depth >= maxDepth }

func (w *walker) isOpen(boundary string) bool {
	for _, e := range w.open {
		if e.media.boundary == boundary {
			return true
		}
	}
	return false
}

// giveUpSection goes on with a header section that is too large as text of
// which nothing is known.
func (w *walker) giveUpSection() {
	e := &entity{}
	w.place(e)
	e.kind = unknown
	w.visitor.section(e, w.head)
	w.cur = e
	w.at, w.col = lineStart, 0
	if w.head[len(w.head)-1] != '\n' {
		w.at, w.col = midLine, len(w.head)-w.judged
	}
}

// forceText ends header sections that have no text.
func (w *walker) forceText() {
	for w.cur == nil {
		w.endSection(w.judged)
	}
}
