package bounce

import (
	"slices"
	"testing"

	"relaykeep/relay"
)

// NOTIFY, by what it says and what there is to tell (RFC 3461 4.1).
func TestWanted(t *testing.T) {
	tests := []struct {
		notify                   string
		failed, delayed, relayed bool
	}{
		{"", true, true, false},
		{"NEVER", false, false, false},
		{"FAILURE", true, false, false},
		{"DELAY", false, true, false},
		{"SUCCESS", false, false, true},
		{"DELAY,FAILURE,SUCCESS", true, true, true},
		{"FAILURES", false, false, false},
	}
	for _, tt := range tests {
		got := [...]bool{wanted(tt.notify, failed), wanted(tt.notify, delayed), wanted(tt.notify, relayed)}
		if want := [...]bool{tt.failed, tt.delayed, tt.relayed}; got != want {
			t.Errorf("NOTIFY=%s: %v, want %v", tt.notify, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	ops := Settings{To: "ops@example.com"}
	r := New(Options{
		Default: Settings{To: Sender},
		Routes:  map[string]Settings{"quiet": {To: Nobody}, "copied": {To: Nobody, Copy: "post@example.com"}, "ops": ops},
	})
	of := func(address, route, notify string, s relay.State, notifies bool) relay.Recipient {
		return relay.Recipient{Address: address, Route: route, Notify: notify, State: s, Last: relay.Verdict{Notifies: notifies}}
	}
	all := []relay.Recipient{
		of("a", "default", "", relay.Bounced, false),
		of("b", "default", "", relay.Delivered, false),
		of("c", "ops", "", relay.Bounced, false),
		of("d", "gone", "FAILURE", relay.Expired, false),
		of("e", "quiet", "", relay.Bounced, false),
		of("f", "copied", "", relay.Bounced, false),
		of("g", "default", "SUCCESS", relay.Delivered, false),
		of("h", "default", "SUCCESS", relay.Delivered, true), // its upstream tells of it
		of("i", "default", "NEVER", relay.Bounced, false),
		of("j", "default", "FAILURE,SUCCESS", relay.Deleted, false),
		of("k", "ops", "", relay.Expired, false),
	}
	want := []struct {
		cause    cause
		settings Settings
		of       string
	}{
		{failed, Settings{To: Sender}, "ad"},
		{failed, ops, "ck"},
		{failed, Settings{To: Nobody, Copy: "post@example.com"}, "f"},
		{relayed, Settings{To: Sender}, "g"},
	}
	got := r.groups(all, ended)
	if len(got) != len(want) {
		t.Fatalf("%d groups: %+v", len(got), got)
	}
	for i, g := range got {
		names := ""
		for _, r := range g.of {
			names += r.Address
		}
		if w := want[i]; g.cause != w.cause || g.settings != w.settings || names != w.of {
			t.Errorf("group %d: %d, %+v, %s", i, g.cause, g.settings, names)
		}
	}
}

func TestAudience(t *testing.T) {
	tests := []struct {
		settings Settings
		want     []string
	}{
		{Settings{To: Sender}, []string{"ada@example.com"}},
		{Settings{To: Sender, Copy: "post@example.com"}, []string{"ada@example.com", "post@example.com"}},
		{Settings{To: Sender, Copy: "ada@example.com"}, []string{"ada@example.com"}},
		{Settings{To: Nobody, Copy: "post@example.com"}, []string{"post@example.com"}},
		{Settings{To: "ops@example.com"}, []string{"ops@example.com"}},
	}
	for _, tt := range tests {
		if got := tt.settings.audience("ada@example.com"); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v", tt.settings, got)
		}
	}
}
