package classify

import (
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

var success = upstream.Answer{Provider: "ses", Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok: queued as 4ZxY1a2b3c", DotSent: true}

func TestSuccessAllocatesNothing(t *testing.T) {
	c := newClassifier(t)
	if n := testing.AllocsPerRun(100, func() { c.Classify(success) }); n != 0 {
		t.Errorf("a 250 allocates %v times", n)
	}
}

func BenchmarkClassify(b *testing.B) {
	c := newClassifier(b)
	for _, bb := range []struct {
		name   string
		answer upstream.Answer
	}{
		{"250", success},
		{"greylisted", parseExample(b, "rcpt 450 4.2.0 <bob@example.com>: Recipient address rejected: Greylisted, see http://postgrey.example.com/help")},
		{"unknown user", parseExample(b, "rcpt 550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in virtual mailbox table")},
		{"closed", parseExample(b, "body !closed")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(bb.answer)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
