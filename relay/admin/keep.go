package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Keeper gives copies of a spool, and verifies it. A Client is one, too.
type Keeper interface {
	// Backup writes a copy of the spool as it is at one moment, itself a spool
	// file, and calls size with its length in bytes first. After an error what
	// was written is no backup.
	Backup(ctx context.Context, w io.Writer, size func(int64)) error

	// Check reads the whole spool and tells everything that does not fit
	// together. progress, where it is set, is told how many bytes were read of
	// about how many. An error says that the reading ended early.
	Check(ctx context.Context, progress func(done, total int64)) (spool.Report, error)
}

var _ Keeper = (*Client)(nil)

// backup streams a copy of the spool. One that fails is broken off short of its
// length; so is one that is under way when the server is told to stop.
func (h *handler) backup(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.running, cancel)()
	out, length := newPacedWriter(w), int64(0)
	err := h.keeper.Backup(ctx, out, func(size int64) {
		length = size
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	})
	switch {
	case err == nil:
		h.tell(operatorOf(r), relay.Event{}, "took a backup of %d bytes", length)
	case out.started:
		h.log.Warn("a backup broke off", "error", err.Error())
		panic(http.ErrAbortHandler)
	default:
		w.Header().Del("Content-Length")
		h.refuse(w, r, err)
	}
}

// checkInterval is the time between two lines about how far a check has come.
const checkInterval = 250 * time.Millisecond

// checkLine is one line of the answer of a check: how far it has come, in bytes,
// or, in the last, what was found.
type checkLine struct {
	Done   int64         `json:"done"`
	Total  int64         `json:"total"`
	Report *spool.Report `json:"report"`
}

// check verifies the spool. It ends with the client, or when the server is told
// to stop.
func (h *handler) check(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.running, cancel)()
	out, last := newPacedWriter(w), time.Now()
	lines := newEncoder(out)
	report, err := h.keeper.Check(ctx, func(done, total int64) {
		if now := time.Now(); now.Sub(last) >= checkInterval {
			last = now
			if lines.Encode(checkLine{Done: done, Total: total}) != nil {
				cancel()
			}
		}
	})
	_ = out.renew(time.Now()) // an error here means that nobody listens any more
	switch {
	case err == nil:
		h.tell(operatorOf(r), relay.Event{}, "verified the spool: %d problems", int64(len(report.Problems))+report.More)
		_ = lines.Encode(checkLine{Report: &report})
	case out.started:
		h.log.Warn("a check of the spool broke off", "error", err.Error())
		_ = lines.Encode(failure{err.Error()})
	default:
		h.refuse(w, r, err)
	}
}

// Check has the daemon verify its spool; see Keeper. Only ctx bounds it.
func (c *Client) Check(ctx context.Context, progress func(done, total int64)) (r spool.Report, err error) {
	found := false
	err = eachLine(ctx, c, "/v1/spool/verify", func(l checkLine) error {
		if l.Report != nil {
			r, found = *l.Report, true
		} else if progress != nil {
			progress(l.Done, l.Total)
		}
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("the daemon broke off, its log says why: %w", io.ErrUnexpectedEOF)
	}
	return r, err
}

// Backup asks the daemon for a copy; see Keeper. Only ctx bounds it.
func (c *Client) Backup(ctx context.Context, w io.Writer, size func(int64)) error {
	resp, err := c.request(ctx, http.MethodGet, "/v1/spool/backup")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.ContentLength < 0 {
		return fmt.Errorf("the answer on %s is not understood: it does not tell its length", c.socket)
	}
	size(resp.ContentLength)
	_, err = io.Copy(w, resp.Body)
	return broken(err)
}
