package admin

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relaykeep/relay"
	"relaykeep/spool"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func TestParseFilter(t *testing.T) {
	tests := []struct {
		query string
		want  spool.Filter
	}{
		{"", spool.Filter{}},
		{"state=queued", spool.Filter{States: []relay.State{relay.Queued}}},
		{"state=queued,held&state=expired", spool.Filter{States: []relay.State{relay.Queued, relay.Held, relay.Expired}}},
		{"state=any", spool.Filter{AnyState: true}},
		{"state=held,any", spool.Filter{AnyState: true}},
		{"upstream=ses&route=otp", spool.Filter{Upstream: "ses", Route: "otp"}},
		{"from=*@example.com&to=bob%2Bx@*", spool.Filter{From: "*@example.com", To: "bob+x@*"}},
		{"message_id=%3C1@x%3E&remote_id=r", spool.Filter{MessageID: "<1@x>", RemoteID: "r"}},
		{"older=1h", spool.Filter{Before: noon.Add(-time.Hour)}},
		{"newer=1d12h", spool.Filter{After: noon.Add(-36 * time.Hour)}},
		{"older=5d", spool.Filter{Before: noon.Add(-120 * time.Hour)}},
		{"older=2026-01-31T09:00:00%2B01:00", spool.Filter{Before: noon.Add(-4 * time.Hour)}},
		{"code=550", spool.Filter{Code: "550"}},
		{"code=4XX", spool.Filter{Code: "4XX"}},
		{"limit=10", spool.Filter{Limit: 10}},
	}
	for _, tt := range tests {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(q, noon)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, %v; want %+v", tt.query, got, err, tt.want)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for query, name := range map[string]string{
		"colour=red":                 "filter",
		"state=":                     "state",
		"state=lost":                 "state",
		"state=queued,":              "state",
		"state=unknown(9)":           "state",
		"from=":                      "from",
		"from=[":                     "from",
		"to=a[b":                     "to",
		"to=a&to=b":                  "to",
		"older=":                     "older",
		"older=1":                    "older",
		"older=-1h":                  "older",
		"older=0s":                   "older",
		"older=d":                    "older",
		"older=-1d":                  "older",
		"older=1d-1h":                "older",
		"older=99999999999d":         "older",
		"older=2562047h":             "older",
		"older=0001-01-01T00:00Z":    "older",
		"newer=0001-01-01T00:00:00Z": "newer",
		"newer=tomorrow":             "newer",
		"code=5":                     "code",
		"code=5x":                    "code",
		"code=150":                   "code",
		"code=5x0":                   "code",
		"code=5500":                  "code",
		"limit=0":                    "limit",
		"limit=-1":                   "limit",
		"limit=1e3":                  "limit",
		"limit=99999999999999999999": "limit",
	} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseFilter(q, noon)
		var wrong *FilterError
		if !errors.As(err, &wrong) || wrong.Name != name || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// What a client writes, the server reads.
func TestFilterRoundTrip(t *testing.T) {
	word := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[ -~é]{1,20}`))
	glob := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z@.*?&=+% é]{1,20}`))
	when := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "unset") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		f := spool.Filter{
			AnyState: rapid.Bool().Draw(t, "any"),
			Upstream: word.Draw(t, "upstream"), Route: word.Draw(t, "route"),
			From: glob.Draw(t, "from"), To: glob.Draw(t, "to"),
			MessageID: word.Draw(t, "message_id"), RemoteID: word.Draw(t, "remote_id"),
			Before: when.Draw(t, "before"), After: when.Draw(t, "after"),
			Code:  rapid.SampledFrom([]string{"", "550", "4xx", "2XX"}).Draw(t, "code"),
			Limit: rapid.IntRange(0, 1000).Draw(t, "limit"),
		}
		if !f.AnyState {
			for _, s := range rapid.SliceOfN(rapid.IntRange(int(relay.Queued), int(relay.Deleted)), 0, 7).Draw(t, "states") {
				f.States = append(f.States, relay.State(s))
			}
		}
		q, err := url.ParseQuery(filterQuery(f).Encode())
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFilter(q, time.Now())
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("%v: got %+v, %v; want %+v", q, got, err, f)
		}
	})
}

// Whatever is asked gives a filter or one error, and never a moment that lies
// ahead.
func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{"state=any", "older=1d2h&newer=5s", "older=2026-01-31T08:00:00Z", "code=4xx&limit=7", "from=*&to=[a-z]?", "state=a,b&state=any", "%00=1", "older=9999999999999999999d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := url.ParseQuery(s)
		if err != nil {
			return
		}
		got, err := ParseFilter(q, noon)
		var wrong *FilterError
		switch {
		case err != nil && !errors.As(err, &wrong):
			t.Fatalf("%q: %v is no *FilterError", s, err)
		case err != nil:
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: more than a line: %v", s, err)
			}
		default:
			again, err := ParseFilter(filterQuery(got), noon)
			if err != nil || !reflect.DeepEqual(got, again) {
				t.Fatalf("%q: %+v becomes %+v, %v", s, got, again, err)
			}
		}
	})
}
