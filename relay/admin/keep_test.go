package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"relaykeep/spool"
)

// keeperFunc is a Keeper.
type keeperFunc func(ctx context.Context, w io.Writer, size func(int64)) error

func (f keeperFunc) Backup(ctx context.Context, w io.Writer, size func(int64)) error {
	return f(ctx, w, size)
}

// Check finds one problem where what Backup writes is not empty.
func (f keeperFunc) Check(ctx context.Context, progress func(done, total int64)) (r spool.Report, err error) {
	progress(1, 2)
	var b bytes.Buffer
	if err := f(ctx, &b, func(int64) {}); err != nil || b.Len() == 0 {
		return r, err
	}
	r.Complain("%s", b.String())
	return r, nil
}

func TestCheck(t *testing.T) {
	l := newLanes(t)
	c, _ := startKeeper(t, l, keeperFunc(func(_ context.Context, w io.Writer, _ func(int64)) error {
		_, err := w.Write([]byte("a page is damaged"))
		return err
	}))
	r, err := c.Check(t.Context(), nil)
	if err != nil || r.Sound() || r.Err().Error() != "a page is damaged" {
		t.Errorf("%+v %v", r, err)
	}
	wantTold(t, l, "", 0, "verified the spool: 1 problems")
}

func TestACheckThatFails(t *testing.T) {
	c, _ := startKeeper(t, newLanes(t), keeperFunc(func(context.Context, io.Writer, func(int64)) error { return spool.ErrClosed }))
	if r, err := c.Check(t.Context(), func(int64, int64) {}); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("%+v %v", r, err)
	}
}

// startKeeper serves a Keeper. The caller's test ends the server, if stop has
// not.
func startKeeper(t *testing.T, l *lanes, k Keeper) (c *Client, stop func()) {
	t.Helper()
	srv, err := New(Options{Socket: filepath.Join(t.TempDir(), "s"), Mode: 0o600, Store: l, Keeper: k, Sink: l})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	c = NewClient(srv.Addr().String())
	stop = func() {
		if err := errors.Join(c.Close(), srv.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return c, stop
}

func TestBackupIsGivenWhole(t *testing.T) {
	want := bytes.Repeat([]byte("page"), 1<<18)
	l := newLanes(t)
	c, stop := startKeeper(t, l, keeperFunc(func(_ context.Context, w io.Writer, size func(int64)) error {
		size(int64(len(want)))
		_, err := w.Write(want)
		return err
	}))
	var got bytes.Buffer
	var told int64
	if err := c.Backup(t.Context(), &got, func(n int64) { told = n }); err != nil {
		t.Fatal(err)
	}
	if told != int64(len(want)) || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes came, %d were told", got.Len(), told)
	}
	stop() // the last byte may be here before the event is
	wantTold(t, l, "", 0, "took a backup of 1048576 bytes")
}

func TestABackupThatBreaksOffIsAnError(t *testing.T) {
	l := newLanes(t)
	c, _ := startKeeper(t, l, keeperFunc(func(_ context.Context, w io.Writer, size func(int64)) error {
		size(1 << 20)
		_, err := w.Write(make([]byte, 1<<19))
		return errors.Join(err, errors.New("the disk fails"))
	}))
	err := c.Backup(t.Context(), io.Discard, func(int64) {})
	if err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("%v", err)
	}
	if told := l.told(); len(told) != 0 {
		t.Errorf("told %+v", told)
	}
}

func TestABackupThatCannotBeginSaysWhy(t *testing.T) {
	c, _ := startKeeper(t, newLanes(t), keeperFunc(func(_ context.Context, _ io.Writer, size func(int64)) error {
		size(1 << 20)
		return spool.ErrClosed
	}))
	if err := c.Backup(t.Context(), io.Discard, func(int64) {}); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestAStopDoesNotWaitForABackup(t *testing.T) {
	begun := make(chan struct{})
	c, stop := startKeeper(t, newLanes(t), keeperFunc(func(ctx context.Context, w io.Writer, size func(int64)) error {
		size(1 << 20)
		_, err := w.Write([]byte("a part"))
		close(begun)
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	}))
	failed := make(chan error)
	go func() { failed <- c.Backup(context.Background(), io.Discard, func(int64) {}) }()
	<-begun
	stop()
	if err := <-failed; err == nil {
		t.Error("it looks whole")
	}
}
