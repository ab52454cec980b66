package ingress

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	milter "github.com/d--j/go-milter"

	"relaykeep/relay"
	"relaykeep/relay/filter"
)

// judge is a real filter that does one thing at the end of a message.
type judge struct {
	milter.NoOpMilter
	end func(m milter.Modifier) (*milter.Response, error)

	mu     sync.Mutex
	fields []string // names
	macros map[string]string
}

func (j *judge) Header(name, _ string, _ milter.Modifier) (*milter.Response, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fields = append(j.fields, name)
	return milter.RespContinue, nil
}

func (j *judge) EndOfMessage(m milter.Modifier) (*milter.Response, error) {
	j.mu.Lock()
	j.macros = make(map[string]string)
	for _, name := range []string{"i", "j", "{client_addr}", "{tls_version}", "{cipher_bits}", "{auth_authen}", "{auth_type}", "{mail_addr}"} {
		j.macros[name] = m.Get(name)
	}
	j.mu.Unlock()
	return j.end(m)
}

// incidents gives the number 7 to every incident.
type incidents struct {
	mu     sync.Mutex
	opened []relay.Incident
	err    error
}

func (i *incidents) HoldUnder(in relay.Incident, store func(int64) error) error {
	if i.err != nil {
		return i.err
	}
	i.mu.Lock()
	i.opened = append(i.opened, in)
	i.mu.Unlock()
	return store(7)
}

// withFilter gives a server one filter.
func withFilter(t testing.TB, j *judge, held *incidents) func(*Options, *Deps, *recorder) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := milter.NewServer(milter.WithMilter(func() milter.Milter { return j }), milter.WithActions(
		milter.OptAddHeader|milter.OptChangeHeader|milter.OptChangeBody|milter.OptQuarantine|
			milter.OptChangeFrom|milter.OptAddRcpt|milter.OptRemoveRcpt))
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(ln) })
	t.Cleanup(func() {
		srv.Shutdown(context.Background())
		served.Wait()
	})
	f := filter.New(filter.Options{Name: "judge", Network: "unix", Address: path, Timeout: 5 * time.Second}, nil)
	return func(_ *Options, d *Deps, _ *recorder) {
		d.Filters = &Filters{Chain: filter.Chain{f}, Room: filter.NewRoom(t.TempDir(), 0), Incidents: held}
	}
}

// TestFilter sends mail by hand and looks at the reply, at what the spool is
// given and at what is told.
func TestFilter(t *testing.T) {
	refuse := func(code uint16, text string) *milter.Response {
		r, err := milter.RejectWithCodeAndReason(code, text)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	tests := []struct {
		name  string
		end   func(m milter.Modifier) (*milter.Response, error)
		reply string
		text  string // of the message that was taken; "" for none
		fates []fate
		told  []told
	}{
		{
			"nothing", func(milter.Modifier) (*milter.Response, error) { return milter.RespContinue, nil },
			queuedPrefix, "A: b\r\n\r\nx\r\n",
			[]fate{{"b@to.example", "", relay.Queued}, {"c@to.example", "", relay.Queued}}, nil,
		},
		{
			"a field", func(m milter.Modifier) (*milter.Response, error) {
				return milter.RespAccept, m.AddHeader("X-Spam", "no")
			},
			queuedPrefix, "A: b\r\nX-Spam: no\r\n\r\nx\r\n",
			[]fate{{"b@to.example", "", relay.Queued}, {"c@to.example", "", relay.Queued}},
			[]told{{relay.EventFiltered, "", "filter judge: added X-Spam"}},
		},
		{
			"refused", func(milter.Modifier) (*milter.Response, error) { return refuse(554, "5.7.1 Gtube\r\npattern"), nil },
			"554 5.7.1 Gtube pattern", "", nil, nil,
		},
		{
			"refused for now", func(milter.Modifier) (*milter.Response, error) { return milter.RespTempFail, nil },
			"451 4.7.1 ", "", nil, nil,
		},
		{
			"broken", func(milter.Modifier) (*milter.Response, error) { return nil, errors.New("of this test") },
			"451 4.7.1 Content filter not available, try again later", "", nil, nil,
		},
		{
			"discarded", func(milter.Modifier) (*milter.Response, error) { return milter.RespDiscard, nil },
			queuedPrefix, "A: b\r\n\r\nx\r\n",
			[]fate{{"b@to.example", "", relay.Deleted}, {"c@to.example", "", relay.Deleted}},
			[]told{
				{relay.EventDeleted, "b@to.example", "filter judge discards it"},
				{relay.EventDeleted, "c@to.example", "filter judge discards it"},
			},
		},
		{
			"quarantined", func(m milter.Modifier) (*milter.Response, error) { return milter.RespAccept, m.Quarantine("odd") },
			queuedPrefix, "A: b\r\n\r\nx\r\n",
			[]fate{{"b@to.example", "", relay.Held}, {"c@to.example", "", relay.Held}},
			[]told{
				{relay.EventHeld, "b@to.example", "filter judge quarantines it: odd"},
				{relay.EventHeld, "c@to.example", "filter judge quarantines it: odd"},
			},
		},
		{
			"other recipients", func(m milter.Modifier) (*milter.Response, error) {
				return milter.RespAccept, errors.Join(m.DeleteRecipient("b@to.example"), m.AddRecipient("d@to.example", ""), m.ChangeFrom("z@from.example", ""))
			},
			queuedPrefix, "A: b\r\n\r\nx\r\n",
			[]fate{{"c@to.example", "", relay.Queued}, {"d@to.example", "", relay.Queued}, {"b@to.example", "", relay.Deleted}},
			[]told{
				{relay.EventFiltered, "", "filter judge: removed recipients, added recipients, changed the sender"},
				{relay.EventDeleted, "b@to.example", "a filter removed the recipient"},
			},
		},
		{
			"a recipient without a route", func(m milter.Modifier) (*milter.Response, error) {
				return milter.RespAccept, m.AddRecipient("d@header.example", "")
			},
			"550 5.1.2", "", nil, nil,
		},
		{
			"a route by a new field", func(m milter.Modifier) (*milter.Response, error) {
				return milter.RespAccept, errors.Join(m.AddRecipient("d@header.example", ""), m.AddHeader("X-Class", "1"))
			},
			queuedPrefix, "A: b\r\nX-Class: 1\r\n\r\nx\r\n",
			[]fate{{"b@to.example", "", relay.Queued}, {"c@to.example", "", relay.Queued}, {"d@header.example", "", relay.Queued}},
			[]told{{relay.EventFiltered, "", "filter judge: added recipients, added X-Class"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			held := &incidents{}
			w := start(t, withFilter(t, &judge{end: tt.end}, held))
			d := w.greeted()
			d.ask("MAIL FROM:<a@from.example>", "250 ")
			d.ask("RCPT TO:<b@to.example>", "250 ")
			d.ask("RCPT TO:<c@to.example>", "250 ")
			d.ask("DATA", "354 ")
			d.ask("A: b\n\nx\r\n.", tt.reply)
			d.ask("NOOP", "250 ")
			if tt.text == "" {
				w.none()
				if e := w.sink.of(relay.EventRejected); len(e) != 1 || e[0].Verdict.Code/100 != int(tt.reply[0]-'0') {
					t.Errorf("told %+v", e)
				}
				return
			}
			m := w.one()
			if got := content(t, m); got != tt.text {
				t.Errorf("the spool was given %q, want %q", got, tt.text)
			}
			var fates []fate
			for _, r := range m.to {
				fates = append(fates, fate{r.Address, r.OriginalRecipient, r.State})
				if (r.State == relay.Held) != (r.Incident == 7) {
					t.Errorf("recipient %+v", r)
				}
			}
			if !slices.Equal(fates, tt.fates) {
				t.Errorf("the spool was given\n%v, want\n%v", fates, tt.fates)
			}
			got := slices.DeleteFunc(w.sink.told(m.m.ID), func(e told) bool { return e.kind == relay.EventRepaired })
			slices.SortStableFunc(got, func(a, b told) int { return strings.Compare(a.to, b.to) })
			if !slices.Equal(got, tt.told) {
				t.Errorf("told\n%q, want\n%q", got, tt.told)
			}
			if n := len(held.opened); (n > 0) != (fates[0].state == relay.Held) {
				t.Errorf("%d incidents", n)
			}
		})
	}
}

// TestFilterRefusalNamesFilter: who refused is told, by name.
func TestFilterRefusalNamesFilter(t *testing.T) {
	w := start(t, withFilter(t, &judge{end: func(milter.Modifier) (*milter.Response, error) { return milter.RespReject, nil }}, nil))
	w.greeted().send("A: b\r\n\r\nx\r\n", "550 5.7.1")
	if e := w.sink.of(relay.EventRejected); len(e) != 1 || e[0].Verdict.Rule != "filter judge" || e[0].Verdict.Stage != relay.StageBody {
		t.Errorf("told %+v", e)
	}
}

// TestFilterMacros: what filters are told of a login over TLS.
func TestFilterMacros(t *testing.T) {
	j := &judge{end: func(milter.Modifier) (*milter.Response, error) { return milter.RespAccept, nil }}
	filters, users, tls := withFilter(t, j, nil), withUsers(t, "joe:secret"), withTLS(t)
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		filters(o, d, r)
		users(o, d, r)
		tls(o, d, r)
	})
	d := w.greeted().startTLS(t)
	d.ask("AUTH PLAIN "+plain("joe", "secret"), "235 ")
	d.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	m := w.one()
	for name, want := range map[string]string{
		"i": string(m.m.ID), "j": "relay.example", "{client_addr}": "127.0.0.1", "{tls_version}": "TLSv1.3",
		"{auth_authen}": "joe", "{auth_type}": "PLAIN", "{mail_addr}": "a@from.example",
	} {
		if got := j.macros[name]; got != want {
			t.Errorf("macro %s is %q, want %q", name, got, want)
		}
	}
	if bits := j.macros["{cipher_bits}"]; bits != "128" && bits != "256" {
		t.Errorf("cipher bits %q", bits)
	}
}

// TestFilterSeesMended: filters see the fields that an app has left out, and
// they are told as repairs once.
func TestFilterSeesMended(t *testing.T) {
	j := &judge{end: func(milter.Modifier) (*milter.Response, error) { return milter.RespAccept, nil }}
	w := start(t, withFilter(t, j, nil))
	w.greeted().send("Subject: x\nX-Relaykeep-Priority: low\n\nx\r\n", queuedPrefix)
	want := []string{"Date", "Message-ID", "From", "Subject", "X-Relaykeep-Priority"}
	slices.Sort(want)
	slices.Sort(j.fields)
	if !slices.Equal(j.fields, want) {
		t.Errorf("the filter saw %q, want %q", j.fields, want)
	}
	m := w.one()
	if n := strings.Count(m.body, "Message-ID: "+m.m.MessageID+"\r\n"); n != 1 || strings.Contains(m.body, "X-Relaykeep") {
		t.Errorf("the spool was given %q", m.body)
	}
	if n := strings.Count(m.m.Repaired, "Message-ID added"); n != 1 || m.to[0].Priority != relay.Low {
		t.Errorf("repaired %q, priority %v", m.m.Repaired, m.to[0].Priority)
	}
}

// TestFilterNoRoom: a disk without room for the message to be looked at, and
// one that cannot be written to.
func TestFilterNoRoom(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 20_000)
	for reply, room := range map[string]*filter.Room{
		"451 4.3.0": filter.NewRoom(filepath.Join(t.TempDir(), "none"), 0),
		"452 4.3.1": filter.NewRoom(t.TempDir(), 1<<62),
	} {
		filters := withFilter(t, &judge{}, nil) // it would panic
		w := start(t, func(o *Options, d *Deps, r *recorder) {
			filters(o, d, r)
			d.Filters.Room = room
		})
		w.greeted().send("A: b\r\n\r\n"+long, reply)
		w.none()
	}
}

// TestFilterBroken: a message that does not come whole is shown to no filter.
func TestFilterBroken(t *testing.T) {
	room := ""
	filters := withFilter(t, &judge{}, nil) // it would panic
	w := start(t, func(o *Options, d *Deps, r *recorder) {
		filters(o, d, r)
		room = t.TempDir()
		d.Filters.Room = filter.NewRoom(room, 0)
		o.MaxMessageSize = 3 << 20
	})
	d := w.greeted()
	d.envelope()
	d.ask("DATA", "354 ")
	d.say("A: b\r\n\r\n" + strings.Repeat("text\r\n", 300_000))
	d.Close()
	w.greeted().send("A: b\r\n\r\n"+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 40_330), "552 5.3.4")
	w.settled(1)
	w.none()
	if files, err := os.ReadDir(room); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
