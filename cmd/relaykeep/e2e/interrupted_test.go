package e2e

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// TestClientDropsWithin lets clients hang up in the middle of a message, in
// every way that a careless server takes for its end: nothing is queued.
func TestClientDropsWithin(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	part := string(letter().body)
	dotted := string(stuffed(letter().body))
	for name, said := range map[string]string{
		"DATA, within a line":          "DATA\r\n" + dotted + "half a li",
		"DATA, at the end of a line":   "DATA\r\n" + dotted,
		"DATA, within the dot's line":  "DATA\r\n" + dotted + ".",
		"DATA, within the dot's end":   "DATA\r\n" + dotted + ".\r",
		"BDAT, within a chunk":         fmt.Sprintf("BDAT %d\r\n%s", len(part)+1, part),
		"BDAT LAST, within a chunk":    fmt.Sprintf("BDAT %d LAST\r\n%s", len(part)+1, part),
		"BDAT, after a chunk":          fmt.Sprintf("BDAT %d\r\n%s", len(part), part),
		"BDAT, after chunk and BDAT":   fmt.Sprintf("BDAT %d\r\n%sBDAT 10 LAST\r\n", len(part), part),
		"BDAT, within its second line": fmt.Sprintf("BDAT %d\r\n%sBDAT 10 LA", len(part), part),
	} {
		t.Log(name)
		p.sayAndDrop(said)
	}
	p.stop() // which waits until every session has ended
	if kept := n.entries(); len(kept) != 0 {
		t.Errorf("in the spool is %+v", kept)
	}
	if taken := out.Messages(); len(taken) != 0 {
		t.Errorf("%d messages were sent: %.200q", len(taken), taken[0].Body)
	}
}

// TestClientDropsAfterDot lets clients hang up before they hear what became of
// their message: it is kept and delivered.
func TestClientDropsAfterDot(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	body := string(letter().body)
	for i, said := range []string{
		"DATA\r\n" + string(stuffed([]byte(body))) + ".\r\n",
		fmt.Sprintf("BDAT %d LAST\r\n%s", len(body), body),
	} {
		p.sayAndDrop(said)
		taken, err := out.WaitMessages(patience(t), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(taken[i].Body), body) {
			t.Errorf("arrived %q", taken[i].Body)
		}
	}
	p.stop()
}

// sayAndDrop says this behind an envelope, and hangs up without hearing more.
func (p *process) sayAndDrop(said string) {
	p.t.Helper()
	c, m := p.client(), letter()
	err := cmp.Or(c.do(250, "MAIL FROM:<%s>", m.from), c.do(250, "RCPT TO:<%s>", m.to[0]))
	if err == nil {
		_, err = c.W.WriteString(said)
	}
	if err := cmp.Or(err, c.W.Flush(), c.Close()); err != nil {
		p.t.Fatal(err)
	}
}
