package bolt

import (
	"testing"

	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// A line of mail that always has more than its lane can take does not keep another
// line of that lane waiting.
func TestNoChainStarvesAnother(t *testing.T) {
	s := openTest(t, Options{})
	s.Open("a", true)
	for range 300 {
		spooltest.Accept(t, s, "x", spooltest.Recipients("a", "r@example.com")...)
		spooltest.Accept(t, s, "x", spooltest.Recipients("b,a", "r@example.com")...)
	}
	got := make(map[string]int)
	for range 60 {
		due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 2, Recipients: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range due {
			got[due[i].Recipients[0].Eligible[0]]++
		}
	}
	if got["a"] < 20 || got["b"] < 20 {
		t.Errorf("claimed of each line: %v", got)
	}
}
