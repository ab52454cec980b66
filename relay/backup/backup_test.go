package backup

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNames(t *testing.T) {
	at := time.Date(2026, 11, 24, 20, 0, 5, 0, time.UTC)
	got := name("0011", at)
	if got != "relaykeep-0011-20261124T200005Z.db" {
		t.Error(got)
	}
	if back, ok := stampOf("0011", got); !ok || !back.Equal(at) {
		t.Error(back, ok)
	}
	for _, other := range []string{"relaykeep-0012-20261124T200005Z.db", "relaykeep-0011-20261124.db", "relaykeep-0011-20261124T200005Z.db.old", "spool.db", ""} {
		if _, ok := stampOf("0011", other); ok {
			t.Errorf("%q was taken for ours", other)
		}
	}
}

func TestNextAt(t *testing.T) {
	now := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		newest time.Duration // ago
		want   time.Duration
	}{
		{time.Hour, 23 * time.Hour},
		{48 * time.Hour, -24 * time.Hour},
		{-100 * time.Hour, -26 * time.Hour}, // the clock went back
	} {
		names := []string{name("i", now.Add(-50*time.Hour)), name("i", now.Add(-tt.newest))}
		slices.Sort(names)
		if got := nextAt("i", names, 24*time.Hour, now).Sub(now); got != tt.want {
			t.Errorf("%v ago: in %v, want %v", tt.newest, got, tt.want)
		}
	}
	if got := nextAt("i", nil, 24*time.Hour, now); !got.Equal(now) {
		t.Error(got)
	}
}

func TestSurplus(t *testing.T) {
	for _, tt := range []struct {
		names, newest string
		keep          int
		want          string
	}{
		{"1 2 3 4", "4", 2, "1 2"},
		{"1 2 3 4", "4", 4, ""},
		{"1", "1", 7, ""},
		{"1 2 8 9", "2", 3, "8"}, // the clock was wrong
		{"1 2 8 9", "2", 1, "8 9 1"},
		{"2 8 9", "9", 1, "2 8"},
	} {
		if got := strings.Join(surplus(strings.Fields(tt.names), tt.newest, tt.keep), " "); got != tt.want {
			t.Errorf("%s, newest %s, keep %d: %q, want %q", tt.names, tt.newest, tt.keep, got, tt.want)
		}
	}
}

// fakeSpool is a Spool of a few bytes, and what looks at the copy.
type fakeSpool struct {
	mu         sync.Mutex
	fails, bad error
	told       []error
}

func (f *fakeSpool) Backup(_ context.Context, w io.Writer, size func(int64)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	size(4)
	_, err := w.Write([]byte("copy"))
	return errors.Join(err, f.fails)
}

func (f *fakeSpool) verify(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bad
}

func (f *fakeSpool) tell(_ string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, err)
}

// then sets what happens from now on, and gives what was told before.
func (f *fakeSpool) then(fails, bad error) (told []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	told, f.told = f.told, nil
	f.fails, f.bad = fails, bad
	return told
}

func names(t *testing.T, folder string) (all []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		all = append(all, f.Name())
	}
	return all
}

func TestTheLoopKeepsItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "backup")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		others := []string{"relaykeep-other-20200101T000000Z.db", "spool.db"}
		for _, f := range append(others, ".relaykeep-mine-20200101T000000Z.db.1.tmp") {
			if err := os.WriteFile(filepath.Join(folder, f), []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		spool := &fakeSpool{}
		l := New(Options{
			Folder: folder, Every: 24 * time.Hour, Keep: 3, Instance: "mine", Spool: spool,
			Verify: spool.verify, Told: spool.tell,
		})
		done := make(chan struct{})
		go func() { l.Run(ctx); close(done) }()
		time.Sleep(time.Hour + 5*24*time.Hour)
		synctest.Wait()
		if told := spool.then(errors.New("the disk fails"), nil); len(told) != 6 || errors.Join(told...) != nil {
			t.Errorf("%v", told)
		}
		all := names(t, folder)
		if len(all) != 5 || !slices.Contains(all, others[0]) || !slices.Contains(all, others[1]) {
			t.Errorf("%v", all)
		}
		// What fails is tried again soon, and removes nothing.
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		told := spool.then(nil, errors.New("it does not verify"))
		time.Sleep(time.Hour)
		synctest.Wait()
		if told = append(told, spool.then(nil, nil)...); len(told) < 6 || slices.Contains(told, nil) || !strings.Contains(told[len(told)-1].Error(), "does not verify") {
			t.Errorf("%v", told)
		}
		if after := names(t, folder); !slices.Equal(all, after) {
			t.Errorf("%v became %v", all, after)
		}
		cancel()
		<-done
	})
}

func TestTheLoopEndsWhileItCopies(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	folder := t.TempDir()
	l := New(Options{Folder: folder, Every: time.Hour, Keep: 1, Instance: "mine", Spool: spoolFunc(func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	}), Told: func(string, error) { t.Error("it was told") }})
	l.Run(ctx)
	if all := names(t, folder); len(all) != 0 {
		t.Errorf("%v is left", all)
	}
}

type spoolFunc func(context.Context) error

func (f spoolFunc) Backup(ctx context.Context, _ io.Writer, _ func(int64)) error { return f(ctx) }
