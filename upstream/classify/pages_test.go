package classify

import (
	"os"
	"strings"
	"testing"
)

// TestProviderPages: the page of a provider tells of every rule of its pack, in
// the pack's words, and of no other.
func TestProviderPages(t *testing.T) {
	packs, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packs {
		if p.Name == "generic" {
			continue
		}
		page, err := os.ReadFile("../../docs/providers/" + p.Name + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		rows := strings.Count(string(page), "\n| `"+p.Name+"-")
		if rows != len(p.Rules) {
			t.Errorf("the page of %s has %d rules, the pack %d", p.Name, rows, len(p.Rules))
		}
		for _, r := range p.Rules {
			row := "| `" + r.Name + "` | " + r.Meaning + " | "
			if !strings.Contains(string(page), row) {
				t.Errorf("the page of %s lacks %q", p.Name, row)
			}
		}
	}
}
