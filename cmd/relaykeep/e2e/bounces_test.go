package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

// report is what a program of others reads in a notice.
type report struct {
	Original   string
	Recipients []reported
}

type reported struct{ Address, Action, Status, Diagnosis string }

// reader is a program of others that reads notices. Some know bounces only.
type reader struct {
	name        string
	command     []string
	bouncesOnly bool
}

var readers = []reader{
	{"Python's email", []string{"/usr/bin/python3", "testdata/bounces/reports.py"}, false},
	{"Sisimai", []string{"/usr/bin/perl", "testdata/bounces/sisimai.pl"}, false},
	{"BounceParser", []string{"/usr/bin/perl", "testdata/bounces/bounceparser.pl"}, true},
}

// read gives what the program says about some notices.
func (r reader) read(t *testing.T, files ...string) (all []report) {
	t.Helper()
	out := runCommand(t, r.command[0], append(r.command[1:], files...)...)
	if out.status != 0 {
		t.Fatalf("%s ended with status %d: %s (scripts/test installs what the tests need)", r.name, out.status, out.err)
	}
	for d := json.NewDecoder(strings.NewReader(out.out)); d.More(); {
		var one report
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) != len(files) {
		t.Fatalf("%s told of %d of %d notices", r.name, len(all), len(files))
	}
	return all
}

// isNotice reports whether a provider took a notice of ours.
func isNotice(m upstreamtest.Message) bool { return m.From == "" }

// TestNoticesAreRead lets a provider answer each recipient in its own way: the
// sender gets one notice of what failed and one of what was handed on, and
// programs of others read what the provider said.
func TestNoticesAreRead(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{Extensions: []string{"PIPELINING", "8BITMIME"}})
	out.On(upstreamtest.Rcpt, upstreamtest.ByAddress(map[string]upstreamtest.Act{
		"unknown@example.net": upstreamtest.Reply("550-5.1.1 The email account that you tried to reach", "550 5.1.1 does not exist"),
		"large@example.net":   upstreamtest.Reply("552 5.2.2 Mailbox full"),
		"later@example.net":   upstreamtest.Reply("450 4.2.1 Greylisted"),
		"quiet@example.net":   upstreamtest.Reply("550 5.1.1 Not here"),
	}))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	c, err := dial(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, command := range []string{
		"MAIL FROM:<ada@example.org> RET=FULL ENVID=QQ+2B1",
		"RCPT TO:<unknown@example.net>", "RCPT TO:<large@example.net> ORCPT=rfc822;list@example.net",
		"RCPT TO:<later@example.net>", "RCPT TO:<quiet@example.net> NOTIFY=NEVER",
		"RCPT TO:<fine@example.net> NOTIFY=SUCCESS,FAILURE", "RCPT TO:<also@example.net>",
	} {
		if err := c.do(250, "%s", command); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
	}
	if err := c.do(354, "DATA"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.W.Write(stuffed(letter().body)); err != nil {
		t.Fatal(err)
	}
	id, err := c.dot()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]report{
		"failed": {"<letter@example.org>", []reported{
			{"large@example.net", "failed", "5.2.2", "552 5.2.2 Mailbox full"},
			{"unknown@example.net", "failed", "5.1.1", "550 5.1.1 The email account that you tried to reach / does not exist"},
		}},
		"relayed": {"<letter@example.org>", []reported{{"fine@example.net", "relayed", "2.0.0", ""}}},
	}
	got, err := out.WaitMessages(patience(t), 3)
	if err != nil {
		t.Fatal(err)
	}
	got = slices.DeleteFunc(got, func(m upstreamtest.Message) bool { return !isNotice(m) })
	if len(got) != 2 {
		t.Fatalf("%d notices came", len(got))
	}
	dir := shortDir(t)
	var files []string
	for i, m := range got {
		if len(m.To) != 1 || m.To[0].Address != "ada@example.org" {
			t.Errorf("a notice went to %+v", m.To)
		}
		files = append(files, writeFile(t, dir, fmt.Sprintf("%d.eml", i), m.Body))
	}
	for _, r := range readers {
		t.Run(r.name, func(t *testing.T) {
			for _, said := range r.read(t, files...) {
				if len(said.Recipients) == 0 && r.bouncesOnly {
					continue
				}
				checkReport(t, said, want)
			}
		})
	}
	shown := n.run("spool", "show", string(id))
	for _, m := range n.accepted(p, "tells that "+string(id)) {
		if !strings.Contains(shown.out, m) {
			t.Errorf("spool show %s does not name the notice %s:\n%s", id, m, shown.out)
		}
		if page := n.run("spool", "show", m); !strings.Contains(page.out, string(id)) {
			t.Errorf("spool show %s does not name what it is about:\n%s", m, page.out)
		}
	}
	p.stop()
}

// checkReport compares with the report of the same action.
func checkReport(t *testing.T, got report, want map[string]report) {
	t.Helper()
	if len(got.Recipients) == 0 {
		t.Fatalf("nobody is told of: %+v", got)
	}
	w := want[got.Recipients[0].Action]
	slices.SortFunc(got.Recipients, func(a, b reported) int { return strings.Compare(a.Address, b.Address) })
	for i := range got.Recipients {
		r := &got.Recipients[i]
		if r.Address == "list@example.net" { // the original recipient is as good
			r.Address = "large@example.net"
		}
		if r.Action == "relayed" {
			r.Diagnosis = ""
		}
	}
	if got.Original != w.Original || !slices.Equal(got.Recipients, w.Recipients) {
		t.Errorf("got %+v, want %+v", got, w)
	}
}

// accepted lists the messages whose acceptance is told with a detail.
func (n *node) accepted(p *process, detail string) (ids []string) {
	n.t.Helper()
	for _, l := range p.log.all(func(l line) bool {
		return l.text("event") == "accepted" && strings.Contains(l.text("detail"), detail)
	}) {
		ids = append(ids, l.text("message"))
	}
	if len(ids) == 0 {
		n.t.Errorf("nothing was accepted that %s", detail)
	}
	return ids
}

// TestNoticeOfHostileMail bounces a message whose header and whose reply are
// full of what breaks mail and terminals.
func TestNoticeOfHostileMail(t *testing.T) {
	t.Parallel()
	out := startProvider(t, upstreamtest.Options{})
	reply := "550 5.1.1 Ümläut \xff\xfe --report-0 \u202eright to left " + strings.Repeat("x", 400)
	out.On(upstreamtest.Rcpt, upstreamtest.Nth(1, upstreamtest.Reply(reply)))
	n := newNode(t, settings{rest: "bounce {\n return = \"full\"\n}"}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	m := letter()
	m.body = []byte("From: <sender@example.org>\r\nMessage-ID: <letter@example.org>\r\nSubject: \x1b[2J \xe9\xe8\r\n" +
		"X-Boundary: --report-0123\r\nContent-Type: multipart/mixed; boundary=\"report-0\"\r\n\r\n--report-0\r\n\r\n\x1b[2J\r\n--report-0--\r\n")
	p.post(m)
	got, err := out.WaitMessages(patience(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	body := got[0].Body
	if i := slices.IndexFunc(body, func(c byte) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' || c >= 0x7f }); i >= 0 {
		t.Errorf("the notice holds %q", body[max(0, i-20):min(i+20, len(body))])
	}
	file := writeFile(t, shortDir(t), "0.eml", body)
	for _, r := range readers {
		said := r.read(t, file)[0]
		if len(said.Recipients) != 1 || said.Recipients[0].Status != "5.1.1" || said.Original != "<letter@example.org>" {
			t.Errorf("%s reads %+v", r.name, said)
		}
	}
	p.stop()
}

// TestNoNotices: the null sender is not answered, a notice that cannot be
// delivered ends there, and a forged sender gets a hundred in an hour.
func TestNoNotices(t *testing.T) {
	t.Parallel()
	const forged = 105
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Rcpt, upstreamtest.Always(upstreamtest.Reply("550 5.1.1 No such user")))
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	c, err := dial(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := letter()
	m.from = ""
	null, err := c.send(m)
	if err != nil {
		t.Fatal(err)
	}
	m.from = "victim@example.org"
	for range forged {
		if _, err := c.send(m); err != nil {
			t.Fatal(err)
		}
	}
	bounced := 0
	if _, ok := p.log.wait(patience(t), func(l line) bool {
		if l.text("event") == "bounced" {
			bounced++
		}
		return bounced == 1+forged+100
	}); !ok {
		t.Fatalf("%d bounced", bounced)
	}
	p.stop()
	if told := p.log.all(func(l line) bool { return strings.Contains(l.text("detail"), string(null)) }); len(told) != 0 {
		t.Errorf("the null sender was answered: %v", told)
	}
	refused := p.log.all(func(l line) bool {
		return l.text("event") == "rejected" && strings.Contains(l.text("detail"), "no notice to victim@example.org")
	})
	if len(refused) != forged-100 {
		t.Errorf("%d notices were refused", len(refused))
	}
	if all := len(n.entries()); all != 1+forged+100 {
		t.Errorf("%d messages are in the spool", all)
	}
}

// TestRing lets relaykeep be its own upstream: the mail goes round until the hop
// limit, its sender is told once, and the notice ends the same way, untold; also
// behind a provider that refuses the null sender, so that the notice comes back
// with an address.
func TestRing(t *testing.T) {
	t.Parallel()
	for provider, sender := range map[string]string{"generic": "", "ses": "bounces@example.org"} {
		t.Run(provider, func(t *testing.T) {
			addr := quietAddress(t)
			n := newNode(t, settings{address: addr, rest: `bounce { from = "bounces@example.org" }`},
				upstreamBlock("self", addr, fmt.Sprintf("provider = %q", provider)))
			p := n.start()
			p.post(letter())
			if _, ok := p.log.wait(patience(t), func(l line) bool {
				from, said := l["from"].(string)
				return l.text("event") == "bounced" && said && from == sender
			}); !ok {
				t.Fatal("the notice does not end")
			}
			p.stop()
			if told := n.accepted(p, "tells that "); len(told) != 1 {
				t.Errorf("the sender is told by %v", told)
			}
		})
	}
}

// TestOneNoticeThroughCrashes kills the daemon again and again while what
// clients send is refused: in the end each recipient is told of once.
func TestOneNoticeThroughCrashes(t *testing.T) {
	t.Parallel()
	const kills = 8
	out := newProvider(t, "out")
	out.misbehave = func(s *upstreamtest.Server) {
		s.On(upstreamtest.Rcpt, func(s upstreamtest.Step) upstreamtest.Act {
			if strings.HasPrefix(s.Address, "no") {
				return upstreamtest.Reply("550 5.1.1 No such user")
			}
			return upstreamtest.Act{}
		})
	}
	n := newNode(t, settings{}, upstreamBlock("out", out.addr, ""))
	l := newLedger()
	out.open()
	for round := range kills {
		p := n.start()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			sendRefused(p, l, round)
		}()
		bounced := 0
		p.log.wait(patience(t), func(l line) bool { // the crash comes amid the bounces
			if l.text("event") == "bounced" {
				bounced++
			}
			return bounced > 5+7*round
		})
		p.kill()
		<-sent
	}
	p := n.start()
	awaitEnd(p, n.everything(p))
	p.stop()
	n.inspect(func(store *bolt.Store) { checkNotices(t, store, l) })
}

// sendRefused sends messages of three recipients, two of whom are refused, until
// the daemon is gone. Each has its own sender, so that none gets too many
// notices.
func sendRefused(p *process, l *ledger, round int) {
	for i := 0; ; i++ {
		m := l.compose([]string{"no1@example.com", "yes@example.com", "no2@example.com"}, []byte("small\r\n"))
		m.from = fmt.Sprintf("sender.%d.%d@example.org", round, i)
		id, err := p.tryPost(m)
		if err != nil {
			return
		}
		l.accepted(id, m.to)
	}
}

// checkNotices counts the notices of each message that is in the store.
func checkNotices(t *testing.T, store *bolt.Store, l *ledger) {
	t.Helper()
	told := make(map[string]int)
	originals := 0
	for _, e := range everything(t, store) {
		whole, err := store.Get(context.Background(), e.Message.ID)
		if err != nil {
			t.Fatal(err)
		}
		if e.Message.From != "" {
			originals++
			told[string(e.Message.ID)] += 0
			checkTold(t, whole)
			continue
		}
		for _, event := range whole.Events {
			if about, ok := strings.CutPrefix(event.Detail, "tells that "); ok {
				told[about[:26]]++
			}
		}
	}
	for id, n := range told {
		if n != 1 {
			t.Errorf("%d notices tell of %s", n, id)
		}
	}
	if originals < len(l.acked) {
		t.Errorf("%d of %d messages are in the spool", originals, len(l.acked))
	}
	t.Logf("%d messages acknowledged, %d in the spool, each told of once", len(l.acked), originals)
}

// checkTold checks that a message knows of its one notice.
func checkTold(t *testing.T, e spool.Entry) {
	t.Helper()
	n := 0
	for _, event := range e.Events {
		if event.Kind == relay.EventAccepted && strings.HasPrefix(event.Detail, "notice ") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s knows of %d notices", e.Message.ID, n)
	}
}

// everything asks a running daemon for what is unfinished, as awaitEnd wants
// it.
func (n *node) everything(p *process) (all []spool.Entry) {
	n.t.Helper()
	r := n.run("spool", "list", "--json")
	if r.status != 0 {
		n.t.Fatalf("spool list: %s", r.err)
	}
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); {
		var m struct {
			ID         relay.ID
			Recipients []struct {
				Address string
				State   relay.State
			}
		}
		if err := d.Decode(&m); err != nil {
			n.t.Fatal(err)
		}
		e := spool.Entry{Message: relay.Message{ID: m.ID}}
		for _, r := range m.Recipients {
			e.Recipients = append(e.Recipients, relay.Recipient{Address: r.Address, State: r.State})
		}
		all = append(all, e)
	}
	return all
}
