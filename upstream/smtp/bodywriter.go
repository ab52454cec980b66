package smtp

import (
	"bytes"
	"errors"
	"io"
)

const (
	readSize  = 32 << 10
	blockSize = 2*readSize + 1<<10 // two reads with some dots doubled

	// maxHeld is how much of the end of a body is written together with the
	// final dot: a small message goes out in one packet train and one system
	// call. What is longer is on its way while the mark is committed.
	maxHeld = 16 << 10
)

// blockSink takes the blocks of a body; they are good until it returns.
type blockSink interface {
	block(b []byte) error
}

// bodyWriter turns a content into what follows DATA, the final dot apart: dots
// at the beginning of a line are doubled, and a last line that is not complete
// gets its CRLF (RFC 5321, section 4.5.2). Its buffers are pooled.
type bodyWriter struct {
	in   []byte
	out  []byte
	tail [2]byte // the last bytes taken in; CRLF at the beginning
}

func newBodyWriter() *bodyWriter {
	return &bodyWriter{in: make([]byte, readSize), out: make([]byte, 0, blockSize)}
}

// reset makes w ready for a new body.
func (w *bodyWriter) reset() {
	w.out = w.out[:0]
	w.tail = [2]byte{'\r', '\n'}
}

// add takes in the next part of the content. A dot counts as one at the
// beginning of a line behind any LF: a server that takes a bare LF for a line
// end must not see an end where there is none.
func (w *bodyWriter) add(p []byte) {
	if len(p) == 0 {
		return
	}
	if w.tail[1] == '\n' && p[0] == '.' {
		w.out = append(w.out, '.')
	}
	w.tail[0] = w.tail[1]
	if len(p) > 1 {
		w.tail[0] = p[len(p)-2]
	}
	w.tail[1] = p[len(p)-1]
	for {
		i := bytes.Index(p, lineDot)
		if i < 0 {
			break
		}
		w.out = append(w.out, p[:i+2]...)
		w.out = append(w.out, '.')
		p = p[i+2:]
	}
	w.out = append(w.out, p...)
}

var lineDot = []byte("\n.")

// growth is how many bytes p may make in w.out.
func growth(p []byte) int { return len(p) + 1 + bytes.Count(p, lineDot) }

// finish completes the last line. An empty content stays empty.
func (w *bodyWriter) finish() {
	switch {
	case w.tail == [2]byte{'\r', '\n'}:
	case w.tail[1] == '\r':
		w.out = append(w.out, '\n')
	default:
		w.out = append(w.out, "\r\n"...)
	}
}

// readError tells an error of the body from one of the connection.
type readError struct{ err error }

func (e *readError) Error() string { return "read the body: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// maxEmptyReads is how often a reader may give nothing and no error.
const maxEmptyReads = 100

// copy reads r to its end and hands full blocks to sink. What is in w.out then
// is the end of the content. An error of r is a *readError.
func (w *bodyWriter) copy(r io.Reader, sink blockSink) error {
	for empty := 0; ; {
		n, err := r.Read(w.in)
		if n == 0 && err == nil {
			if empty++; empty > maxEmptyReads {
				return &readError{io.ErrNoProgress}
			}
			continue
		}
		empty = 0
		if err := w.take(w.in[:n], sink); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			w.finish()
			return nil
		}
		if err != nil {
			return &readError{err}
		}
	}
}

// take adds p, having made room for it, and for the end.
func (w *bodyWriter) take(p []byte, sink blockSink) error {
	const end = len("\r\n.\r\n")
	if free := cap(w.out) - len(w.out) - end; 2*len(p) >= free && growth(p) > free {
		if err := w.emit(sink); err != nil {
			return err
		}
	}
	w.add(p)
	return nil
}

// emit hands on what there is.
func (w *bodyWriter) emit(sink blockSink) error {
	if len(w.out) == 0 {
		return nil
	}
	err := sink.block(w.out)
	w.out = w.out[:0]
	return err
}
