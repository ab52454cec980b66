package relay

import (
	"reflect"
	"testing"
	"time"
)

func TestAct(t *testing.T) {
	now := time.Unix(100, 0)
	r := Recipient{Address: "a@x.example", State: Held, HoldReason: "trouble", Incident: 3}
	for _, tt := range []struct {
		name   string
		a      Assignment
		change func(*Recipient)
		kind   EventKind
		detail string
	}{
		{"deliver", Assignment{Route: "r"}, func(*Recipient) {}, "", ""},
		{"discard", Assignment{Route: "r", Action: RouteDiscard}, func(r *Recipient) {
			r.State, r.FinishedAt, r.HoldReason, r.Incident = Deleted, now, "", 0
		}, EventDeleted, "route r discards it"},
		{"hold", Assignment{Route: "r", Action: RouteHold}, func(r *Recipient) {
			r.HoldReason, r.Incident = "held by route r", 0
		}, EventHeld, "route r holds it"},
		{"redirect", Assignment{Route: "r", Action: RouteRedirect, RedirectTo: "qa@x.example"}, func(r *Recipient) {
			r.Address, r.OriginalRecipient = "qa@x.example", "rfc822;a@x.example"
		}, EventRedirected, "route r sends it to qa@x.example instead"},
		{"redirected before", Assignment{Route: "r", Action: RouteRedirect, RedirectTo: "a@X.example"}, func(*Recipient) {}, "", ""},
	} {
		want := r
		tt.change(&want)
		got, kind, detail := tt.a.Act(r, now)
		if !reflect.DeepEqual(got, want) || kind != tt.kind || detail != tt.detail {
			t.Errorf("%s: %+v %s %q", tt.name, got, kind, detail)
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, tt := range []struct{ address, orcpt, want string }{
		{"a@x.example", "", "rfc822;a@x.example"},
		{"ä@x.example", "", "utf-8;ä@x.example"},
		{"a@x.example", "rfc822;first@x.example", "rfc822;first@x.example"},
	} {
		r := Recipient{Address: tt.address, OriginalRecipient: tt.orcpt}.Redirect("b@x.example")
		if r.Address != "b@x.example" || r.OriginalRecipient != tt.want {
			t.Errorf("%+v", r)
		}
	}
}

// Some recipients of a message, those with an ORCPT, are redirected to q.

func TestMergeRedirected(t *testing.T) {
	now := time.Unix(100, 0)
	redirected := Recipient{Address: "q@x", OriginalRecipient: "rfc822;it", State: Queued}
	stays := func(s State) Recipient { return Recipient{Address: "q@X", State: s} }
	for _, tt := range []struct {
		name   string
		to     []Recipient
		merged []int
	}{
		{"one", []Recipient{redirected}, nil},
		{"two", []Recipient{redirected, redirected}, []int{1}},
		{"who is queued before", []Recipient{stays(Queued), redirected}, []int{1}},
		{"who is queued behind", []Recipient{redirected, stays(Sending)}, []int{0}},
		{"who has got it", []Recipient{redirected, redirected, stays(Delivered)}, []int{0, 1}},
		{"who did not get it", []Recipient{stays(Bounced), stays(Held), stays(Deleted), stays(Expired), redirected}, nil},
		{"what cannot be an address", []Recipient{{Address: "postmaster", State: Queued}}, nil},
	} {
		before := make([]Recipient, len(tt.to))
		for i := range before {
			before[i] = tt.to[i]
			if tt.to[i].OriginalRecipient != "" {
				before[i] = Recipient{Address: string(rune('a'+i)) + "@x", State: Queued}
			}
		}
		if got := MergeRedirected(tt.to, before, now); !reflect.DeepEqual(got, tt.merged) {
			t.Errorf("%s: merged %v, want %v", tt.name, got, tt.merged)
		}
		for _, i := range tt.merged {
			if r := tt.to[i]; r.State != Deleted || r.Address != before[i].Address || r.OriginalRecipient != "" || !r.FinishedAt.Equal(now) {
				t.Errorf("%s: %+v", tt.name, r)
			}
		}
	}
}

func TestHeldOnPurpose(t *testing.T) {
	for reason, want := range map[string]bool{
		HoldOperator: true, HoldRestored: true, HoldSalvaged: true, HoldByRoute("staging"): true, "": false, "ses refuses its sender": false,
	} {
		if HeldOnPurpose(reason) != want {
			t.Errorf("%q", reason)
		}
	}
}
