package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// checkSame compares by Python's parser what two messages say, however they
// are encoded: pairs of what was sent and what arrived, by name.
func checkSame(t *testing.T, pairs map[string][2][]byte) {
	t.Helper()
	dir := t.TempDir()
	for name, pair := range pairs {
		writeFile(t, dir, name+".sent", pair[0])
		writeFile(t, dir, name+".arrived", pair[1])
	}
	r := runCommand(t, "/usr/bin/python3", "testdata/verify/same.py", dir)
	if r.status != 0 {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	compared := 0
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); compared++ {
		var m struct {
			Name        string
			Differences []string
		}
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		for _, difference := range m.Differences {
			t.Errorf("%s: %s", m.Name, difference)
		}
	}
	if compared != len(pairs) {
		t.Errorf("%d of %d messages were compared", compared, len(pairs))
	}
}
