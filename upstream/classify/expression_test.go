package classify

import (
	"os"
	"regexp"
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

// TestExpressionsAgree compares the expressions of the built-in packs with the
// plain ones, on the replies of the table.
func TestExpressionsAgree(t *testing.T) {
	replies, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		t.Fatal(err)
	}
	packs, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packs {
		for _, r := range p.Rules {
			m, err := compile(r)
			if err != nil {
				t.Fatal(err)
			}
			plain := regexp.MustCompile("(?i:" + strings.Join(r.TextRegex, "|") + ")")
			for line := range strings.Lines(string(replies)) {
				if len(r.TextRegex) == 0 {
					break
				}
				line = folded(line)
				if got, want := m.regex.match(line), plain.MatchString(line); got != want {
					t.Errorf("rule %q on %q: %v, want %v", r.Name, line, got, want)
				}
			}
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
