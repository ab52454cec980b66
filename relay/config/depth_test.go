package config

import (
	"strings"
	"testing"
)

// TestDepth: what would overflow the parser's stack is refused before it.
func TestDepth(t *testing.T) {
	const many = 2 * maxOperators
	for name, source := range map[string]string{
		"lists":      "a = " + strings.Repeat("[", many),
		"parens":     "a = " + strings.Repeat("(", many),
		"maps":       "a = " + strings.Repeat("{a=", many),
		"calls":      "a = " + strings.Repeat("f(", many),
		"blocks":     strings.Repeat("a {\n", many),
		"templates":  "a = " + strings.Repeat(`"${`, many),
		"conditions": "a = " + strings.Repeat("1?", many),
		"operators":  "a = " + strings.Repeat("-", many),
		"nots":       "a = " + strings.Repeat("!", many),
		"mixed":      "a = " + strings.Repeat("[-(!{a=", many),
		"controls":   "a = \"" + strings.Repeat("%{if ", many),
	} {
		_, err := Parse("config.hcl", []byte(source), LoadOptions{Secrets: true})
		if err == nil || !strings.Contains(err.Error(), "nested too deep") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	fine := "log {\n level = " + strings.Repeat("(", 90) + `"info"` + strings.Repeat(")", 90) + "\n}\n" + smallest
	mustParse(t, fine, LoadOptions{Secrets: true})
}
