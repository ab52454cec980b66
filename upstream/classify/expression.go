package classify

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// expression is a regular expression on folded text. It is cut at its outermost
// alternatives, and each is run only where the words that it cannot do without
// are in the text: looking for a word costs a thousandth of running a long
// expression, and most texts have none of the words of most rules.
type expression []alternative

type alternative struct {
	needs  [][]string // of each set, one word at least must be there
	regexp func() *regexp.Regexp
}

func compileExpression(s string) (expression, error) {
	tree, err := syntax.Parse(s, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, err
	}
	if _, err := syntax.Compile(tree.Simplify()); err != nil {
		return nil, err
	}
	branches := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpAlternate {
		branches = tree.Sub
	}
	var e expression
	for _, branch := range branches {
		e = append(e, alternative{needs(branch), sync.OnceValue(func() *regexp.Regexp { return partOf(s, branch) })})
	}
	return e, nil
}

// partOf compiles a branch of the expression s when a text first gets so far: it
// takes a millisecond, and most never do. The whole stands in for a branch that
// cannot be written by itself.
func partOf(s string, branch *syntax.Regexp) *regexp.Regexp {
	re, err := regexp.Compile(branch.String())
	if err != nil {
		return regexp.MustCompile("(?i:" + s + ")") // syntax.Parse has taken it
	}
	return re
}

// match reports whether the expression matches somewhere in a folded text.
func (e expression) match(text string) bool {
	for i := range e {
		if e[i].possible(text) && e[i].regexp().MatchString(text) {
			return true
		}
	}
	return false
}

func (a *alternative) possible(text string) bool {
	for _, words := range a.needs {
		if !containsAny(text, words) {
			return false
		}
	}
	return true
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// needs gives sets of words; a text that the expression matches has one of
// each. No sets say nothing.
func needs(re *syntax.Regexp) [][]string {
	switch re.Op {
	case syntax.OpLiteral:
		word := strings.Map(unicode.ToLower, string(re.Rune))
		return [][]string{{word}}
	case syntax.OpCapture, syntax.OpPlus:
		return needs(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needs(re.Sub[0])
		}
	case syntax.OpConcat:
		var all [][]string
		for _, sub := range re.Sub {
			all = append(all, needs(sub)...)
		}
		return all
	case syntax.OpAlternate:
		var union []string
		for _, sub := range re.Sub {
			sets := needs(sub)
			if len(sets) == 0 {
				return nil
			}
			union = append(union, rarest(sets)...)
		}
		return [][]string{union}
	}
	return nil
}

// rarest gives the set that fewest texts will satisfy: the one whose shortest
// word is the longest.
func rarest(sets [][]string) []string {
	shortest := func(words []string) int {
		n := len(words[0])
		for _, w := range words[1:] {
			n = min(n, len(w))
		}
		return n
	}
	return slices.MaxFunc(sets, func(a, b []string) int { return shortest(a) - shortest(b) })
}
