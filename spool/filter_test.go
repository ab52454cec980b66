package spool

import (
	"testing"
	"time"

	"relaykeep/relay"
)

func TestFilter(t *testing.T) {
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	e := Entry{
		Message: relay.Message{From: "App@Example.com", MessageID: "<abc@example.com>", ReceivedAt: noon},
		Recipients: []relay.Recipient{
			{Address: "a/b@x.org", State: relay.Queued, Route: "otp", Eligible: []string{"ses", "backup"}, Upstream: "backup", Last: relay.Verdict{Code: 451}},
			{Address: "c@y.org", State: relay.Delivered, Route: "default", Upstream: "ses", RemoteID: "r-1", Last: relay.Verdict{Code: 250}},
		},
	}
	for _, c := range []struct {
		name string
		f    Filter
		want bool
	}{
		{"nothing asked", Filter{}, true},
		{"a state that one has", Filter{States: []relay.State{relay.Delivered}}, true},
		{"a state that none has", Filter{States: []relay.State{relay.Held, relay.Bounced}}, false},
		{"all of it must hold for one recipient", Filter{States: []relay.State{relay.Delivered}, Route: "otp"}, false},
		{"upstream of what is queued is the next", Filter{Upstream: "ses", To: "a/*"}, true},
		{"and not the last", Filter{Upstream: "backup"}, false},
		{"upstream of what is delivered is the last", Filter{AnyState: true, Upstream: "ses", To: "c@*"}, true},
		{"from knows no case", Filter{From: "app@*"}, true},
		{"from", Filter{From: "other@*"}, false},
		{"a star crosses a slash", Filter{To: "*@x.org"}, true},
		{"a broken glob stands for itself", Filter{To: "[@x.org"}, false},
		{"message id without brackets", Filter{MessageID: "abc@example.com"}, true},
		{"message id", Filter{MessageID: "<abd@example.com>"}, false},
		{"remote id", Filter{AnyState: true, RemoteID: "r-1"}, true},
		{"remote id of an unfinished one", Filter{RemoteID: "r-1"}, false},
		{"before", Filter{Before: noon.Add(time.Second)}, true},
		{"not before", Filter{Before: noon}, false},
		{"after", Filter{After: noon.Add(-time.Second)}, true},
		{"not after", Filter{After: noon}, false},
		{"code", Filter{Code: "451"}, true},
		{"class of codes", Filter{Code: "4xx"}, true},
		{"another class", Filter{Code: "5xx"}, false},
		{"no code at all", Filter{Code: "0xx"}, false},
	} {
		if got := c.f.Match(e); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestParseID(t *testing.T) {
	id := NewID()
	k, err := KeyOf(id)
	if err != nil || k.ID() != id {
		t.Fatalf("%v %v", k.ID(), err)
	}
	for in, ok := range map[string]bool{
		string(id): true, "01jx3z5k8q6w7rt2v9b4m0ncde": true,
		"": false, "../../etc/passwd": false, "01JX3Z5K8Q6W7RT2V9B4M0NCD": false, "81JX3Z5K8Q6W7RT2V9B4M0NCDE": false, "01JX3Z5K8Q6W7RT2V9B4M0NCDI": false,
	} {
		if _, err := ParseID(in); (err == nil) != ok {
			t.Errorf("ParseID(%q): %v", in, err)
		}
	}
}
