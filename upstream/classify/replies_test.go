package classify

import (
	"os"
	"strings"
	"testing"

	"relaykeep/relay"
)

// brief writes what is to be done, as testdata/replies.txt has it.
func brief(v relay.Verdict) string {
	s := v.Class.String() + " " + v.Scope.String() + " " + v.Action.String()
	if v.Then != relay.ActionNone {
		s += ">" + v.Then.String()
	}
	if v.Free {
		s += "+free"
	}
	return s
}

func TestReplies(t *testing.T) {
	text, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		t.Fatal(err)
	}
	c := newClassifier(t)
	source, n := "", 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if s, ok := strings.CutPrefix(line, "## "); ok {
			source = s
			continue
		}
		want, reply, ok := strings.Cut(line, "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		v := c.Classify(parseExample(t, strings.ReplaceAll(reply, `\n`, "\n")))
		if got := brief(v); got != want {
			t.Errorf("%s: %q\n\tgot  %s (rule %s)\n\twant %s", source, reply, got, v.Rule, want)
		}
	}
	if n < 200 {
		t.Errorf("only %d replies were read", n)
	}
}
