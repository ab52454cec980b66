package e2e

import (
	"bytes"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// TestCorpus sends messages of every shape to a provider that takes them as
// they are: what arrives is what was sent, but for what is documented.
func TestCorpus(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	n := newNode(t, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	samples := corpus(t)
	arrived := relayCorpus(t, p, out, samples)
	recoded := make(map[string][2][]byte)
	for _, s := range samples {
		a := dissect(t, &s, arrived[s.name])
		checkUnchanged(t, &s, a)
		if s.recoded {
			recoded[s.name] = [2][]byte{s.want(), a.rest}
			checkLines(t, &s, a.rest)
		}
	}
	checkSame(t, recoded)
	p.stop()
}

// checkLines finds lines that are longer than RFC 5321 allows.
func checkLines(t *testing.T, s *sample, body []byte) {
	t.Helper()
	for line := range bytes.SplitSeq(body, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("%s: a line of %d bytes arrived", s.name, len(line))
			return
		}
	}
}

// relayCorpus sends samples through a daemon and gives what arrived by name.
func relayCorpus(t *testing.T, p *process, out *upstreamtest.Server, samples []sample) map[string][]byte {
	t.Helper()
	c, err := dial(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	names := make(map[string]string)
	for _, s := range samples {
		send := c.send
		if s.chunks {
			send = c.sendChunks
		}
		names[s.recipient()] = s.name
		if _, err := send(mail{from: "sender@example.org", to: []string{s.recipient()}, params: s.params, body: s.content}); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	taken, err := out.WaitMessages(patience(t), len(samples))
	if err != nil {
		t.Fatalf("%d of %d messages arrived", len(out.Messages()), len(samples))
	}
	arrived := make(map[string][]byte)
	for _, m := range taken {
		name := names[m.To[0].Address]
		if arrived[name] != nil {
			t.Errorf("%s arrived twice", name)
		}
		arrived[name] = m.Body
	}
	return arrived
}

// checkUnchanged compares a sample with what arrived of it, byte for byte.
func checkUnchanged(t *testing.T, s *sample, a arrival) {
	t.Helper()
	if !sameNames(a.added, s.added) {
		t.Errorf("%s: the fields %q were added; want %q", s.name, a.added, s.added)
	}
	if s.recoded {
		return // compared by what it says
	}
	if want := s.want(); !bytes.Equal(a.rest, want) {
		at := firstDifference(a.rest, want)
		t.Errorf("%s: from byte %d on arrived\n%.200q\nand was expected\n%.200q", s.name, at, a.rest[at:], want[at:])
	}
}

// sameNames compares names of header fields in any order.
func sameNames(a, b []string) bool {
	count := make(map[string]int)
	for _, name := range a {
		count[name]++
	}
	for _, name := range b {
		count[name]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
