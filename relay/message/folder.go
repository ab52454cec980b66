package message

import "bytes"

// lineLimit is how long the lines get that we write, their CRLF apart: what
// RFC 2047 2 wants of lines with encoded words, and RFC 5322 2.1.1 of all.
const lineLimit = 76

// folder writes a field value and folds it, at the white space that there is,
// where a line would get too long.
type folder struct {
	out     []byte
	col     int // of the line, in bytes; it begins with the name and its colon
	pending []byte
}

// gap adds white space that may become a fold.
func (w *folder) gap(space []byte) { w.pending = append(w.pending, space...) }

// text adds what stays as it is.
func (w *folder) text(b []byte) {
	first := len(b)
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		first = i
	}
	w.breakFor(first)
	w.flush()
	w.add(b)
}

// mark adds what stands between two members of a list; the white space before
// it is no place for a fold.
func (w *folder) mark(b []byte) {
	w.flush()
	w.add(b)
}

// end adds the white space at the end of a value.
func (w *folder) end(space []byte) {
	w.gap(space)
	w.flush()
}

// breakFor begins a new line where the next n bytes do not fit this one. The
// first line gets something behind its colon at least: readers trip over one
// that is empty.
func (w *folder) breakFor(n int) {
	fits := w.col+len(w.pending)+n <= lineLimit
	if fits || len(w.pending) == 0 || len(w.out) == 0 || bytes.IndexByte(w.pending, '\n') >= 0 {
		return
	}
	if first := w.pending[0]; first != ' ' && first != '\t' { // a CR of its own would end the field
		return
	}
	w.pending = append([]byte(crlf), w.pending...)
}

func (w *folder) flush() {
	w.add(w.pending)
	w.pending = w.pending[:0]
}

func (w *folder) add(b []byte) {
	w.out = append(w.out, b...)
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		w.col = len(b) - i - 1
		return
	}
	w.col += len(b)
}
