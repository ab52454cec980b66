package admin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"relaykeep/relay"
)

// Keeper gives copies of a spool. A Client is one, too.
type Keeper interface {
	// Backup writes a copy of the spool as it is at one moment, itself a spool
	// file, and calls size with its length in bytes first. After an error what
	// was written is no backup.
	Backup(ctx context.Context, w io.Writer, size func(int64)) error
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
