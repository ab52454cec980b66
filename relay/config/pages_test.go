package config

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestProviderPages: what the pages of the providers say to type is right.
func TestProviderPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/providers/*.md")
	if err != nil || len(pages) < 9 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	block := regexp.MustCompile("(?s)```hcl\n(.*?)```")
	secret := func(string) (string, bool) { return "secret", true }
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := block.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s says nothing to type", page)
		}
		for _, b := range found {
			if _, err := Parse(page, []byte(b[1]), LoadOptions{Secrets: true, LookupEnv: secret}); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
