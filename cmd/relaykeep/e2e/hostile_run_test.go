package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// hostileRelay is the one author that mail may be from behind the upstream of
// TestHostileMail.
const hostileRelay = "relay@example.org"

// TestHostileMail sends what attackers write through a daemon that rewrites,
// encodes anew and signs, each to one who gets it and one who does not exist.
// What arrives is from the one author that it may be from, signed, and without
// a field that somebody smuggled in; so is each notice.
func TestHostileMail(t *testing.T) {
	keys := newSigningKeys(t)
	out := startProvider(t, upstreamtest.Options{Extensions: []string{"PIPELINING", "ENHANCEDSTATUSCODES"}})
	out.On(upstreamtest.Rcpt, func(s upstreamtest.Step) upstreamtest.Act {
		if strings.HasPrefix(s.Address, "fail-") {
			return upstreamtest.Reply("550-5.1.1 no", "550 5.1.1 <"+injected+": 1> \xfc "+strings.Repeat("z", 400))
		}
		return upstreamtest.Act{}
	})
	n := newNode(t, settings{rest: keys.config}, upstreamBlock("out", out.Addr(),
		fmt.Sprintf("rewrite {\n from = %q\n envelope_from = %q\n}", hostileRelay, hostileRelay)))
	p := n.start()
	want := make(map[end]int)
	for _, a := range attacks() {
		want[a.end]++
		if err := a.send(p); (err != nil) != (a.end == atTheDoor) {
			t.Fatalf("%s: %v", a.name, err)
		}
	}
	messages := 2*want[relayed] + want[returned]
	taken, err := out.WaitMessages(patience(t), messages)
	if err != nil {
		t.Fatalf("%d messages arrived; want %d", len(out.Messages()), messages)
	}
	if left := n.unfinished(); left != int64(want[held]) {
		t.Errorf("%d messages are left in the spool; want the %d held ones", left, want[held])
	}
	p.stop()
	checkHostile(t, taken, keys.records, want)
}

// checkHostile looks at what arrived, as it is read by others.
func checkHostile(t *testing.T, taken []upstreamtest.Message, records map[string]string, want map[end]int) {
	t.Helper()
	arrived := make(map[string][]byte)
	var samples []sample
	for i, m := range taken {
		s := sample{name: fmt.Sprintf("%02d-%.20s", i, strings.Trim(m.To[0].Address, `"`))}
		s.name = strings.Map(func(r rune) rune {
			if strings.ContainsRune(` /:<>,"`, r) {
				return '_'
			}
			return r
		}, s.name)
		arrived[s.name] = m.Body
		samples = append(samples, s)
		checkLines(t, &s, m.Body)
	}
	notices := 0
	for name, m := range readMessages(t, arrived) {
		if m.Type == "multipart/report" {
			notices++
			checkNotice(t, name, m)
		}
		checkRead(t, name, m)
	}
	if wanted := want[relayed] + want[returned]; notices != wanted {
		t.Errorf("%d notices arrived; want %d", notices, wanted)
	}
	for _, v := range verifiers {
		if v.name == "opendkim" {
			continue // its test mode reads no field of 200 KB
		}
		for name, signatures := range v.run(t, samples, arrived, records, nil) {
			if len(signatures) != 2 || !signatures[0].Good || !signatures[1].Good {
				t.Errorf("%s, by %s: %+v", name, v.name, signatures)
			}
		}
	}
}

// checkRead wants one author, and nothing smuggled in.
func checkRead(t *testing.T, name string, m read) {
	t.Helper()
	if !slices.Equal(m.From, []string{hostileRelay}) {
		t.Errorf("%s is from %q", name, m.From)
	}
	authors := 0
	for _, block := range append(m.Reports, m.Fields) {
		for _, field := range block {
			switch {
			case strings.EqualFold(field[0], "From"):
				authors++
			case strings.EqualFold(field[0], injected):
				t.Errorf("%s: a field was smuggled in: %q", name, field)
			}
		}
	}
	if authors != 1 {
		t.Errorf("%s has %d From fields", name, authors)
	}
}

// checkNotice wants a notice as RFC 3464 has it, which no parser finds a fault
// with.
func checkNotice(t *testing.T, name string, m read) {
	t.Helper()
	if len(m.Defects) > 0 || len(m.Parts) != 3 || m.Parts[0] != "text/plain" || m.Parts[1] != "message/delivery-status" {
		t.Errorf("%s: a notice of %q, with %q", name, m.Parts, m.Defects)
	}
	if len(m.Reports) < 2 {
		t.Errorf("%s: a notice without a report: %q", name, m.Reports)
		return
	}
	for _, recipient := range m.Reports[1:] {
		fields := make(map[string]string)
		for _, f := range recipient {
			if fields[f[0]] != "" {
				t.Errorf("%s: %s comes twice", name, f[0])
			}
			fields[f[0]] = f[1]
		}
		if !strings.HasPrefix(fields["Final-Recipient"], "rfc822; ") || fields["Action"] != "failed" || !strings.HasPrefix(fields["Status"], "5.") {
			t.Errorf("%s: the report says %q", name, recipient)
		}
	}
}

// send sends the attack and gives the refusal.
func (a *attack) send(p *process) error {
	c, err := dial(p.addr())
	if err != nil {
		return err
	}
	defer c.Close()
	from := a.from
	if from == "" {
		from = "attacker@example.org"
	}
	if err := c.do(250, "MAIL FROM:<%s>%s", from, a.params); err != nil {
		return err
	}
	for _, to := range []string{"ok", "fail"} {
		if err := c.do(250, "RCPT TO:<%s-%s@rcpt.example.com>%s", to, a.name, a.rcpt); err != nil {
			return err
		}
	}
	if err := c.do(354, "DATA"); err != nil {
		return err
	}
	text := a.text
	if text == "" {
		text = "Hello.\r\n"
	}
	if _, err := c.W.Write(stuffed([]byte(a.header + "\r\n" + text))); err != nil {
		return err
	}
	_, err = c.dot()
	return err
}
