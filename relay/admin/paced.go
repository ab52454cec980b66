package admin

import (
	"io"
	"net/http"
	"time"
)

// flushInterval is how long what was written may wait for more: the first
// piece goes out at once.
const flushInterval = 50 * time.Millisecond

// pacedWriter streams an answer: it sends early, and gives each piece a time
// of its own to be read by the client.
type pacedWriter struct {
	w       io.Writer
	control *http.ResponseController
	last    time.Time
	started bool  // something was written
	err     error // the first error
}

func newPacedWriter(w http.ResponseWriter) *pacedWriter {
	return &pacedWriter{w: w, control: http.NewResponseController(w)}
}

// renew gives the next piece its time, however long it took to find.
func (p *pacedWriter) renew(now time.Time) error {
	return p.control.SetWriteDeadline(now.Add(writeTimeout))
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	now := time.Now()
	due := now.Sub(p.last) >= flushInterval
	if due {
		p.last = now
		if err := p.renew(now); err != nil {
			p.err = err
			return 0, err
		}
	}
	p.started = true
	n, err := p.w.Write(b)
	if err == nil && due {
		err = p.control.Flush()
	}
	if p.err == nil {
		p.err = err
	}
	return n, err
}

// flush sends what was written, and the header of the answer.
func (p *pacedWriter) flush() error {
	p.last = time.Now()
	err := p.renew(p.last)
	if err == nil {
		err = p.control.Flush()
	}
	return err
}
