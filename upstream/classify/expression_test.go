package classify

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNeeds(t *testing.T) {
	for _, tt := range []struct {
		expression string
		want       string // of each alternative: words by |, sets by &
	}{
		{`relay (access )?denied`, "relay  & denied"},
		{`\bIP\b.*(block|refus)`, "ip & block|refus"},
		{`too (big|large)|no (room|space)`, "too  & big|large ; no  & room|space"},
		{`(a|b*)c`, "c"},
		{`(abc)+x{2,3}y{0,4}`, "abc & x"},
		{`.*`, ""},
		{`(spam(haus|cop)|sorbs)+`, "s & pam|orbs"},
		{`[0-9]+ per day`, " per day"},
	} {
		e, err := compileExpression(tt.expression)
		if err != nil {
			t.Fatal(err)
		}
		var alternatives []string
		for _, a := range e {
			var sets []string
			for _, words := range a.needs {
				sets = append(sets, strings.Join(words, "|"))
			}
			alternatives = append(alternatives, strings.Join(sets, " & "))
		}
		if got := strings.Join(alternatives, " ; "); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.expression, got, tt.want)
		}
	}
}

// TestExpressionsAgree compares the expressions of the packs with the
// plain ones: on the examples of their own rule, which they match, and on every
// tenth reply of the table, since the plain ones are slow.
func TestExpressionsAgree(t *testing.T) {
	replies, err := os.ReadFile("testdata/replies/generic.txt")
	if err != nil {
		t.Fatal(err)
	}
	packs, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for i, line := range strings.Split(string(replies), "\n") {
		if i%10 == 0 {
			others = append(others, line)
		}
	}
	for _, p := range packs {
		for _, r := range p.Rules {
			for _, s := range r.TextRegex {
				checkAgreement(t, r, s, others)
			}
		}
	}
}

// checkAgreement compares an expression of a rule with the plain one.
func checkAgreement(t *testing.T, r Rule, s string, others []string) {
	plain := regexp.MustCompile("(?i:" + s + ")")
	fast, err := compileExpression(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range slices.Concat(r.Examples, others) {
		line = folded(line)
		if got, want := fast.match(line), plain.MatchString(line); got != want {
			t.Errorf("rule %q, %q on %q: %v, want %v", r.Name, s, line, got, want)
		}
	}
}

// TestAnyExpressionAgrees does so for expressions and texts at random, over an
// alphabet so small that they meet.
func TestAnyExpressionAgrees(t *testing.T) {
	pieces := []string{"a", "B", "ab", "cb", "(a|b)", "(ab|c)", "|", "a?", "b*", "c+", ".", "[ab]", "(b|c?)", "(a|bc){1,2}", "a{0,2}", "^", "$", `\b`, " "}
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 8).Draw(t, "expression"), "")
		plain, err := regexp.Compile("(?i:" + s + ")")
		if err != nil {
			return
		}
		fast, err := compileExpression(s)
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abc ")), 0, 8, -1).Draw(t, "text")
		if got, want := fast.match(text), plain.MatchString(text); got != want {
			t.Fatalf("%q on %q: %v, want %v", s, text, got, want)
		}
	})
}

func TestBrokenExpression(t *testing.T) {
	for _, s := range []string{"(", "a{1001}", `\8`, "[b-a]"} {
		if _, err := compileExpression(s); err == nil {
			t.Errorf("%q was compiled", s)
		}
	}
}
