package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsAreTested: the tests that docs/faults.md names exist where it says.
func TestFaultsAreTested(t *testing.T) {
	const root = "../../.."
	text, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]string) // what the test files of a package hold
	faults := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || cells[0] == "| fault" {
			continue
		}
		faults++
		for held := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(cells[2]), " |"), "; ") {
			folder, tests, _ := strings.Cut(held, " ")
			if folder == "e2e" {
				folder = "cmd/relaykeep/e2e"
			}
			if there[folder] == "" {
				there[folder] = testsIn(t, filepath.Join(root, folder))
			}
			for name := range strings.SplitSeq(tests, ", ") {
				if !strings.Contains(there[folder], " "+name+" ") {
					t.Errorf("%s: there is no %s in %s", cells[0], name, folder)
				}
			}
		}
	}
	if faults < 30 {
		t.Errorf("only %d faults were read", faults)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testsIn names the tests of a package, with a blank around each.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests are in %s: %v", folder, err)
	}
	names := " "
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
			names += m[1] + " "
		}
	}
	return names
}
