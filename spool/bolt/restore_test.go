package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// aBackup makes a backup of a spool in which one message is queued, one is
// being sent, one is delivered, and one is held by an incident.
func aBackup(t *testing.T) (path string, ids map[string]relay.ID, instance string) {
	t.Helper()
	ctx := t.Context()
	s := openTest(t, Options{History: time.Hour, KeepFailed: time.Hour})
	s.Open("a", true)
	ids = make(map[string]relay.ID)
	due := func() spool.Delivery {
		d, _, err := s.Claim(ctx, "a", spool.Limit{Messages: 1, Recipients: 10})
		if err != nil || len(d) != 1 {
			t.Fatalf("%v %v", d, err)
		}
		return d[0]
	}
	ids["delivered"] = spooltest.Accept(t, s, "delivered", spooltest.Recipients("a", "1@example.com")...).ID
	d := due()
	d.Recipients[0].State, d.Recipients[0].FinishedAt = relay.Delivered, time.Now()
	if err := s.Settle(ctx, &d, spool.Settlement{Recipients: d.Recipients}); err != nil {
		t.Fatal(err)
	}
	ids["held"] = spooltest.Accept(t, s, "held", spooltest.Recipients("a", "2@example.com")...).ID
	incident, _, err := s.OpenIncident(ctx, relay.Incident{Cause: "x", Kind: relay.IncidentUpstream})
	if err != nil {
		t.Fatal(err)
	}
	d = due()
	d.Recipients[0].State, d.Recipients[0].Incident, d.Recipients[0].HoldReason = relay.Held, incident.Number, "no login"
	if err := s.Settle(ctx, &d, spool.Settlement{Recipients: d.Recipients}); err != nil {
		t.Fatal(err)
	}
	ids["sending"] = spooltest.Accept(t, s, "sending", spooltest.Recipients("a", "3@example.com", "4@example.com")...).ID
	d = due()
	if err := s.Mark(&d, []int{0}, nil)(); err != nil {
		t.Fatal(err)
	}
	ids["queued"] = spooltest.Accept(t, s, strings.Repeat("queued", 100_000), spooltest.Recipients("a", "5@example.com")...).ID
	path = filepath.Join(t.TempDir(), "copy.db")
	backupTo(t, s, path)
	s.Release(&d)
	return path, ids, s.Instance()
}

func TestRestoreHoldsWhatIsUnfinished(t *testing.T) {
	from, ids, instance := aBackup(t)
	before, _ := os.ReadFile(from)
	path := filepath.Join(t.TempDir(), "new", "spool.db")
	done, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path})
	if err != nil || done.Held != 4 || done.Report.Messages != 3 || done.Report.History != 1 || done.Aside != "" {
		t.Fatalf("%+v %v", done, err)
	}
	if after, _ := os.ReadFile(from); !bytes.Equal(before, after) {
		t.Error("the copy was changed")
	}
	s, err := Open(Options{Path: path, History: time.Hour, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, s)
	if s.Instance() == instance || len(s.Instance()) != len(instance) {
		t.Errorf("instance %s of %s", s.Instance(), instance)
	}
	if doubts, err := s.Doubts(t.Context()); err != nil || len(doubts) != 0 {
		t.Errorf("%v %v", doubts, err)
	}
	for _, name := range []string{"queued", "sending", "held"} {
		e, err := s.Get(t.Context(), ids[name])
		if err != nil || !e.HasBody {
			t.Fatalf("%s: %+v %v", name, e, err)
		}
		for i, r := range e.Recipients {
			if r.State != relay.Held || r.HoldReason != relay.HoldRestored || r.Incident != 0 {
				t.Errorf("%s: %+v", name, r)
			}
			if doubt := name == "sending" && i == 0; doubt != (r.InDoubt == 1) || doubt != (r.Upstream == "a" && name == "sending") {
				t.Errorf("%s: recipient %d: in doubt %d at %s", name, i, r.InDoubt, r.Upstream)
			}
		}
	}
	if e, err := s.Get(t.Context(), ids["delivered"]); err != nil || !e.Finished() {
		t.Errorf("%+v %v", e, err)
	}
	if past, _, err := s.Expired(t.Context(), time.Now().Add(1000*time.Hour), 10); err != nil || len(past) != 0 {
		t.Errorf("%v %v: their clock runs", past, err)
	}
}

func TestRestoreCanResume(t *testing.T) {
	from, ids, _ := aBackup(t)
	path := filepath.Join(t.TempDir(), "spool.db")
	if done, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path, Resume: true}); err != nil || done.Held != 0 {
		t.Fatalf("%+v %v", done, err)
	}
	s, err := Open(Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, s)
	doubts, err := s.Doubts(t.Context())
	if err != nil || len(doubts) != 1 || doubts[0].Message.ID != ids["sending"] {
		t.Errorf("%v %v", doubts, err)
	}
	s.Release(&doubts[0])
	if e, err := s.Get(t.Context(), ids["queued"]); err != nil || e.Recipients[0].State != relay.Queued {
		t.Errorf("%+v %v", e, err)
	}
}

func TestRestoreLeavesMailAlone(t *testing.T) {
	from, _, _ := aBackup(t)
	path, _ := closed(t, "precious")
	_, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path})
	if err == nil || !strings.Contains(err.Error(), "holds unfinished mail (messages: 1): move it away first") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path}); err == nil || !strings.Contains(err.Error(), "move it away first") {
		t.Errorf("%v", err)
	}
}

func TestRestoreMovesAnEmptySpoolAside(t *testing.T) {
	from, _, _ := aBackup(t)
	s := openTest(t, Options{})
	path := s.opt.Path
	if _, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	done, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path})
	if err != nil || !strings.HasPrefix(done.Aside, path+".before-20") {
		t.Fatalf("%+v %v", done, err)
	}
	for _, file := range []string{path, done.Aside} {
		if r, err := CheckFile(t.Context(), file, nil); err != nil || !r.Sound() {
			t.Errorf("%s: %+v %v", file, r, err)
		}
	}
}

func TestRestoreTakesNothingDamaged(t *testing.T) {
	from, _, _ := aBackup(t)
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "spool.db")
	for name, damaged := range map[string][]byte{
		"cut":  b[:len(b)/2],
		"body": bytes.Replace(b, []byte("queuedqueued"), []byte("queuedqueuel"), 1),
		"none": nil,
	} {
		if err := os.WriteFile(from, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), RestoreOptions{Copy: from, Path: path}); err == nil {
			t.Errorf("%s: it was restored", name)
		}
		if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 0 {
			t.Errorf("%s: %v %v is left behind", name, all, err)
		}
	}
}

func TestCompactGivesFreePagesBack(t *testing.T) {
	t.Parallel()
	s := openTest(t, Options{History: time.Hour})
	s.Open("a", true)
	for range 200 {
		spooltest.Accept(t, s, strings.Repeat("b", 100_000), spooltest.Recipients("a", "x@example.com")...)
	}
	if err := drain(t, s, 199); err != nil {
		t.Fatal(err)
	}
	path := s.opt.Path
	if _, err := Compact(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	done, err := Compact(t.Context(), path, nil)
	if err != nil || done.After >= done.Before/4 || done.Report.Messages != 1 || done.Report.History != 199 {
		t.Fatalf("%+v %v", done, err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != done.After || info.Mode() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	again, err := Open(Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, again)
	if again.Instance() != s.Instance() {
		t.Error("its instance is another one")
	}
	spooltest.Accept(t, again, "more", spooltest.Recipients("a", "x@example.com")...)
}

// drain delivers n messages of the lane a.
func drain(t *testing.T, s *Store, n int) error {
	t.Helper()
	due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: n, Recipients: 10})
	if len(due) != n {
		return errors.Join(err, errors.New("too few are due"))
	}
	for i := range due {
		due[i].Recipients[0].State, due[i].Recipients[0].FinishedAt = relay.Delivered, time.Now()
		err = errors.Join(err, s.Settle(t.Context(), &due[i], spool.Settlement{Recipients: due[i].Recipients}))
	}
	return err
}

func TestCompactThatIsBrokenOffChangesNothing(t *testing.T) {
	path, _ := closed(t, "body")
	before, _ := os.ReadFile(path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compact(ctx, path, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	after, _ := os.ReadFile(path)
	all, err := os.ReadDir(filepath.Dir(path))
	if !bytes.Equal(before, after) || err != nil {
		t.Errorf("it was changed; %v", err)
	}
	for _, e := range all {
		if strings.HasSuffix(e.Name(), ".tmp") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}
