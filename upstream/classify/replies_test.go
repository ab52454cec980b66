package classify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relaykeep/relay"
)

// brief writes what is to be done, as testdata/replies has it.
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

// TestReplies holds the packs to a table of real replies, a file for each
// provider.
func TestReplies(t *testing.T) {
	c := newClassifier(t)
	total := 0
	for _, provider := range Providers() {
		t.Run(provider, func(t *testing.T) {
			n := checkReplies(t, c, provider)
			if n < 10 {
				t.Errorf("only %d replies were read", n)
			}
			total += n
		})
	}
	if total < 300 {
		t.Errorf("only %d replies were read", total)
	}
}

// checkReplies checks the file of a provider and tells how many replies are in
// it.
func checkReplies(t *testing.T, c *Classifier, provider string) (n int) {
	text, err := os.ReadFile(filepath.Join("testdata", "replies", provider+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	seen := make(map[string]bool)
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
		if source == "" {
			t.Errorf("%q has no source", reply)
		}
		if !seen[reply] {
			n++
		}
		seen[reply] = true
		a := parseExample(t, strings.ReplaceAll(reply, `\n`, "\n"))
		a.Provider = provider
		v := c.Classify(a)
		if got := brief(v); got != want {
			t.Errorf("%s: %q\n\tgot  %s (rule %s)\n\twant %s", source, reply, got, v.Rule, want)
		}
	}
	return n
}
