package classify

import (
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
)

func TestParsePack(t *testing.T) {
	p, err := ParsePack("own", "own.hcl", []byte(`
version   = 3
providers = ["gmail"]

rule "quota" {
  stage      = "rcpt"
  code       = ["550", "4xx"]
  enhanced   = "5.4.5"
  text       = "daily user sending"
  text_regex = "\\d+"
  action     = "park"
  then       = "retry"
  scope      = "upstream"
  delay      = "1d"
  free       = false
  meaning    = "m"
  source     = "s"
  examples   = ["e"]
}
`))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "own" || p.Version != 3 || len(p.Providers) != 1 || len(p.Rules) != 1 {
		t.Fatalf("got %+v", p)
	}
	r := p.Rules[0]
	if r.Name != "quota" || r.Position != "own.hcl:5" || r.Stages[0] != relay.StageRcpt || len(r.Codes) != 2 ||
		r.Enhanced[0] != "5.4.5" || r.Text[0] != "daily user sending" || r.TextRegex[0] != `\d+` ||
		r.Action != relay.ActionPark || r.Then != relay.ActionRetry || r.Scope != relay.ScopeUpstream ||
		r.Delay != 24*time.Hour || r.Free == nil || *r.Free {
		t.Errorf("got %+v", r)
	}
}

func TestParsePackFaults(t *testing.T) {
	const head = "version = 1\nrule \"r\" {\n  meaning = \"m\"\n  source = \"s\"\n  examples = [\"e\"]\n"
	for _, tt := range []struct{ src, want string }{
		{"version = ", "own.hcl:1,"},
		{"", "version"},
		{head + "  action = \"retry\"\n  colour = \"red\"\n}", "own.hcl:7,3-9: "},
		{head + "  action = \"explode\"\n}", `own.hcl:6,12-21: Invalid action; unknown action "explode"`},
		{head + "  action = [\"retry\", \"slow\"]\n}", "Invalid action; one string is wanted"},
		{head + "  action = 7\n}", "Invalid action"},
		{head + "  action = \"\"\n}", "Invalid action"},
		{head + "  action = null\n}", "Invalid action"},
		{head + "  action = \"retry\"\n  code = [550]\n}", "own.hcl:7,10-15: Invalid code"},
		{head + "  action = \"retry\"\n  code = []\n}", "Invalid code"},
		{head + "  action = \"retry\"\n  stage = \"lunch\"\n}", `unknown stage "lunch"`},
		{head + "  action = \"retry\"\n  error = \"lunch\"\n}", `unknown kind of error "lunch"`},
		{head + "  action = \"retry\"\n  delay = \"soon\"\n}", `"soon" is not a duration`},
		{head + "  action = \"retry\"\n  text = foo\n}", "own.hcl:7,"},
	} {
		_, err := ParsePack("own", "own.hcl", []byte(tt.src))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.src, err, tt.want)
		}
	}
}
