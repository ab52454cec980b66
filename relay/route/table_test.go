package route

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"relaykeep/relay"
)

func prefixes(list ...string) (p []netip.Prefix) {
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func header(fields map[string][]string) func(string) []string {
	return func(name string) []string { return fields[name] }
}

// TestMatch checks each condition alone and how they combine, against one
// query with some of it changed.
func TestMatch(t *testing.T) {
	otp := header(map[string][]string{"X-Mail-Class": {"bulk", "OTP"}, "X-Tenant": {"acme"}})
	query := relay.RouteQuery{
		Sender: "App@Example.com", Recipient: "bob@example.org",
		Listener: "local", User: "app1", Client: "10.1.2.3", Header: otp,
	}
	with := func(change func(*relay.RouteQuery)) relay.RouteQuery {
		q := query
		change(&q)
		return q
	}
	client := func(addr string) relay.RouteQuery {
		return with(func(q *relay.RouteQuery) { q.Client = addr })
	}
	for _, tt := range []struct {
		name              string
		match             Match
		query             relay.RouteQuery
		matches, possible bool
	}{
		{"everything", Match{}, query, true, true},
		{"everything, of nothing", Match{}, relay.RouteQuery{}, true, true},
		{"sender", Match{Sender: []string{"*@example.com"}}, query, true, true},
		{"sender, other", Match{Sender: []string{"*@example.net"}}, query, false, false},
		{"sender, one of two", Match{Sender: []string{"x@y", "app@*"}}, query, true, true},
		{"null sender", Match{Sender: []string{""}}, with(func(q *relay.RouteQuery) { q.Sender = "" }), true, true},
		{"null sender, and a star", Match{Sender: []string{"*"}}, with(func(q *relay.RouteQuery) { q.Sender = "" }), true, true},
		{"recipient", Match{Recipient: []string{"*@EXAMPLE.org"}}, query, true, true},
		{"recipient, other", Match{Recipient: []string{"*@example.org.uk"}}, query, false, false},
		{"sender and recipient", Match{Sender: []string{"app@*"}, Recipient: []string{"bob@*"}}, query, true, true},
		{"sender but not recipient", Match{Sender: []string{"app@*"}, Recipient: []string{"eve@*"}}, query, false, false},
		{"listener", Match{Listener: []string{"wan", "local"}}, query, true, true},
		{"listener, other", Match{Listener: []string{"wan"}}, query, false, false},
		{"listener, in another case", Match{Listener: []string{"LOCAL"}}, query, false, false},
		{"user", Match{User: []string{"app?"}}, query, true, true},
		{"user, other", Match{User: []string{"web*"}}, query, false, false},
		{"nobody is no user", Match{User: []string{"?*"}}, with(func(q *relay.RouteQuery) { q.User = "" }), false, false},
		{"client", Match{Client: prefixes("192.168.0.0/16", "10.0.0.0/8")}, query, true, true},
		{"client, other", Match{Client: prefixes("10.2.0.0/16")}, query, false, false},
		{"client, mapped", Match{Client: prefixes("10.0.0.0/8")}, client("::ffff:10.1.2.3"), true, true},
		{"client, mapped prefix", Match{Client: prefixes("::ffff:10.0.0.0/104")}, query, true, true},
		{"client, IPv6", Match{Client: prefixes("2001:db8::/32")}, client("2001:db8::1"), true, true},
		{"client, IPv6 with a zone", Match{Client: prefixes("fe80::/10")}, client("fe80::1%eth0"), true, true},
		{"client, all of IPv6 is not IPv4", Match{Client: prefixes("::/0")}, query, false, false},
		{"client on a unix socket", Match{Client: prefixes("0.0.0.0/0", "::/0")}, client("unix"), false, false},
		{"no client", Match{Client: prefixes("0.0.0.0/0")}, client(""), false, false},
		{"header", Match{Header: []HeaderMatch{{"X-Mail-Class", "otp"}}}, query, true, true},
		{"header, other value", Match{Header: []HeaderMatch{{"X-Mail-Class", "news"}}}, query, false, true},
		{"header, absent", Match{Header: []HeaderMatch{{"X-Other", "*"}}}, query, false, true},
		{"header, both", Match{Header: []HeaderMatch{{"X-Mail-Class", "o*"}, {"X-Tenant", "acme"}}}, query, true, true},
		{"header, one of both", Match{Header: []HeaderMatch{{"X-Mail-Class", "o*"}, {"X-Tenant", "x"}}}, query, false, true},
		{"header, not read yet", Match{Header: []HeaderMatch{{"X-Mail-Class", "*"}}}, with(func(q *relay.RouteQuery) { q.Header = nil }), false, true},
		{"header, but another sender", Match{Sender: []string{"x"}, Header: []HeaderMatch{{"X-Mail-Class", "otp"}}}, query, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := New([]Route{{Name: "r", Match: tt.match}})
			if _, ok := table.Match(tt.query); ok != tt.matches {
				t.Errorf("Match: %v, want %v", ok, tt.matches)
			}
			if ok := table.Possible(tt.query); ok != tt.possible {
				t.Errorf("Possible: %v, want %v", ok, tt.possible)
			}
		})
	}
}

func example() []Route {
	return []Route{
		{Name: "otp", Match: Match{Sender: []string{"*@otp.example.com"}, Header: []HeaderMatch{{"X-Mail-Class", "otp"}}}, Upstreams: []string{"ses", "backup"}, Priority: relay.High, Expire: 10 * time.Minute},
		{Name: "web", Match: Match{User: []string{"web*"}, Client: prefixes("10.0.0.0/8"), Listener: []string{"local"}}, Upstreams: []string{"backup"}, Expire: time.Hour},
		{Name: "example", Match: Match{Sender: []string{"*@*example.com"}}, Upstreams: []string{"ses"}, Priority: relay.Low, Expire: 24 * time.Hour},
	}
}

func TestFirstMatchWins(t *testing.T) {
	table := New(example())
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	otp := relay.RouteQuery{Sender: "a@otp.example.com", Header: header(map[string][]string{"X-Mail-Class": {"otp"}})}
	got, ok := table.Route(otp, now)
	want := relay.Assignment{Route: "otp", Upstreams: []string{"ses", "backup"}, Priority: relay.High, ExpiresAt: now.Add(10 * time.Minute)}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, ok, want)
	}

	otp.Header = nil
	if got, _ := table.Route(otp, now); got.Route != "example" {
		t.Errorf("without a header: %q, want the next that matches", got.Route)
	}
	if got, ok := table.Route(relay.RouteQuery{Sender: "a@example.net"}, now); ok || got.Route != "" {
		t.Errorf("what no route wants went to %+v", got)
	}
	if got, ok := New(nil).Match(relay.RouteQuery{}); ok {
		t.Errorf("an empty table matched %+v", got)
	}
}

// A way by the name of a route is that which its match gives; a warning comes
// before the expiry, or not at all.
func TestAssign(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for warn, want := range map[time.Duration]time.Time{0: {}, time.Minute: now.Add(time.Minute), time.Hour: {}} {
		routes := example()
		routes[1].WarnAfter = warn
		got, ok := New(routes).Assign("web", "", now)
		if !ok || got.Route != "web" || len(got.Upstreams) != 1 || got.ExpiresAt != now.Add(time.Hour) || got.WarnAt != want {
			t.Errorf("to warn after %v: %+v, %v", warn, got, ok)
		}
	}
	if got, ok := New(nil).Assign("web", "", now); ok {
		t.Errorf("got %+v", got)
	}
}

func TestByName(t *testing.T) {
	table := New(example())
	if r, ok := table.ByName("web"); !ok || r.Name != "web" || r.Expire != time.Hour {
		t.Errorf("got %+v, %v", r, ok)
	}
	if r, ok := table.ByName("gone"); ok {
		t.Errorf("got %+v", r)
	}
}

func TestNeedsHeader(t *testing.T) {
	if !New(example()).NeedsHeader() {
		t.Error("a table with a header match does not ask for the header")
	}
	if New(example()[1:]).NeedsHeader() {
		t.Error("a table without a header match asks for the header")
	}
}

// TestAssignmentsAreApart appends to the list of one assignment and looks at
// the next.
func TestAssignmentsAreApart(t *testing.T) {
	list := append(make([]string, 0, 8), "ses")
	table := New([]Route{{Name: "r", Upstreams: list}})
	a, _ := table.Route(relay.RouteQuery{}, time.Time{})
	b, _ := table.Route(relay.RouteQuery{}, time.Time{})
	a.Upstreams = append(a.Upstreams, "x")
	b.Upstreams = append(b.Upstreams, "y")
	if !slices.Equal(a.Upstreams, []string{"ses", "x"}) {
		t.Errorf("got %v", a.Upstreams)
	}
}

func TestFingerprint(t *testing.T) {
	base := New(example()).Fingerprint()
	if again := New(example()).Fingerprint(); again != base {
		t.Errorf("two equal tables: %s and %s", base, again)
	}
	later := example()
	later[0].Expire *= 2
	if got := New(later).Fingerprint(); got != base {
		t.Error("expiry changes the fingerprint")
	}

	seen := map[string]string{base: "as it was"}
	for name, change := range map[string]func([]Route) []Route{
		"order":           func(r []Route) []Route { r[0], r[1] = r[1], r[0]; return r },
		"fewer":           func(r []Route) []Route { return r[:2] },
		"none":            func([]Route) []Route { return nil },
		"name":            func(r []Route) []Route { r[0].Name = "x"; return r },
		"priority":        func(r []Route) []Route { r[1].Priority = relay.High; return r },
		"upstreams":       func(r []Route) []Route { slices.Reverse(r[0].Upstreams); return r },
		"joined upstream": func(r []Route) []Route { r[0].Upstreams = []string{`ses" "backup`}; return r },
		"strategy":        func(r []Route) []Route { r[0].Strategy = Balance; return r },
		"weights":         func(r []Route) []Route { r[0].Weights = []int{3, 1}; return r },
		"other weights":   func(r []Route) []Route { r[0].Weights = []int{31}; return r },
		"action":          func(r []Route) []Route { r[0].Action = relay.RouteHold; return r },
		"redirect":        func(r []Route) []Route { r[0].RedirectTo = "qa@example.com"; return r },
		"sender":          func(r []Route) []Route { r[2].Match.Sender = []string{"*"}; return r },
		"recipient":       func(r []Route) []Route { r[2].Match.Recipient = []string{"*"}; return r },
		"moved condition": func(r []Route) []Route {
			r[2].Match.Recipient, r[2].Match.Sender = r[2].Match.Sender, nil
			return r
		},
		"user":         func(r []Route) []Route { r[1].Match.User = nil; return r },
		"client":       func(r []Route) []Route { r[1].Match.Client = prefixes("10.0.0.0/9"); return r },
		"listener":     func(r []Route) []Route { r[1].Match.Listener = []string{"wan"}; return r },
		"header value": func(r []Route) []Route { r[0].Match.Header[0].Glob = "x"; return r },
		"header name":  func(r []Route) []Route { r[0].Match.Header[0].Name = "x"; return r },
	} {
		got := New(change(example())).Fingerprint()
		if other, dup := seen[got]; dup {
			t.Errorf("%s: the fingerprint is that of the table %s", name, other)
		}
		seen[got] = name
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	table := New(example()[1:])
	q := relay.RouteQuery{Sender: "App@Sub.Example.com", Recipient: "Bob@Example.org", Listener: "local", User: "web7", Client: "192.0.2.7"}
	if n := testing.AllocsPerRun(100, func() {
		if r, ok := table.Match(q); !ok || r.Name != "example" {
			t.Fatal("no match")
		}
	}); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	table := New(example()[1:])
	q := relay.RouteQuery{Sender: "App@Sub.Example.com", Recipient: "Bob@Example.org", Listener: "local", User: "web7", Client: "192.0.2.7"}
	b.ReportAllocs()
	for b.Loop() {
		table.Match(q)
	}
}
