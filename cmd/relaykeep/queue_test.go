package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhoMay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := whoMay(path); !strings.HasPrefix(got, "run this as the user ") || strings.Contains(got, "group") {
		t.Errorf("of a private socket: %s", got)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	if got := whoMay(path); !strings.Contains(got, ", or as a member of the group ") {
		t.Errorf("of a shared socket: %s", got)
	}
	if got := whoMay(filepath.Join(path, "x", "y")); got != "run this as root" {
		t.Errorf("of what cannot be seen: %s", got)
	}
}
