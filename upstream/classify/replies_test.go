package classify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// brief writes what is to be done, as testdata/replies has it.
func brief(v relay.Verdict) string {
	s := v.Class.String() + " " + v.Scope.String() + " " + v.Action.String()
	if v.Then != relay.ActionNone {
		s += ">" + v.Then.String()
	}
	if v.Free {
		s += "+free"
	}
	return s
}

// TestReplies holds the packs to a table of real replies, a file for each
// provider.
func TestReplies(t *testing.T) {
	c := newClassifier(t)
	total := 0
	for _, provider := range Providers() {
		t.Run(provider, func(t *testing.T) {
			n := checkReplies(t, c, provider)
			if n < 10 {
				t.Errorf("only %d replies were read", n)
			}
			total += n
		})
	}
	if total < 300 {
		t.Errorf("only %d replies were read", total)
	}
}

// checkReplies checks the file of a provider and tells how many replies are in
// it.
func checkReplies(t *testing.T, c *Classifier, provider string) (n int) {
	seen := make(map[string]bool)
	for _, r := range readReplies(t, provider) {
		if r.source == "" {
			t.Errorf("%q has no source", r.text)
		}
		if !seen[r.text] {
			n++
		}
		seen[r.text] = true
		v := c.Classify(r.answer)
		if got := brief(v); got != r.want {
			t.Errorf("%s: %q\n\tgot  %s (rule %s)\n\twant %s", r.source, r.text, got, v.Rule, r.want)
		}
	}
	return n
}

// reply is a line of the table.
type reply struct {
	source, want, text string
	answer             upstream.Answer
}

// readReplies reads the file of a provider.
func readReplies(t *testing.T, provider string) (replies []reply) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "replies", provider+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if s, ok := strings.CutPrefix(line, "## "); ok {
			source = s
			continue
		}
		want, text, ok := strings.Cut(line, "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		a := parseExample(t, strings.ReplaceAll(text, `\n`, "\n"))
		a.Provider = provider
		replies = append(replies, reply{source, want, text, a})
	}
	return replies
}

// evilAddresses have words in them that decide where a server says them.
var evilAddresses = []string{
	"dmarc@example.com", "spf@example.com", "bob@dkim.example.com", "sendas@example.com",
	"rate-limit@example.com", "bob@throttle.example", "too.frequently@example.com",
	"blacklist@example.com", "bob@spamcop.net", "bob@barracuda.com", "rbl@zen.spamhaus.org",
	"quota@example.com", "over-quota@example.com", "daily.quota@per-hour.example",
	"login@example.com", "authentication-required@example.com", "suspended@example.com",
	"relay@example.com", "no-relaying@example.com", "helo@example.com", "greylisted@example.com",
	"size-limit@example.com", "ipcheck.x@example.com", "reputation@example.com",
	"hl:icc@example.com", "bounce+dt-spm=rp.frl=spf.example@example.com",
	`"your account is suspended"@example.com`, "spf.failed@example.com",
}

var plainAddress = regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+`)

// TestAddressesDecideNothing: whatever address a reply of the table echoes, the
// rule that decides is the same.
func TestAddressesDecideNothing(t *testing.T) {
	c := newClassifier(t)
	echoed := 0
	for _, provider := range Providers() {
		for _, r := range readReplies(t, provider) {
			if !plainAddress.MatchString(r.answer.Text) {
				continue
			}
			echoed++
			want := c.Classify(r.answer).Rule
			for _, address := range evilAddresses {
				a := r.answer
				a.Text = plainAddress.ReplaceAllLiteralString(a.Text, address)
				if got := c.Classify(a).Rule; got != want {
					t.Errorf("%s: %q is taken by %s, want %s", provider, a.Text, got, want)
				}
			}
		}
	}
	if echoed < 100 {
		t.Errorf("only %d replies have an address", echoed)
	}
}

// TestBadRecipientsStayBad: no recipient that is refused becomes the sender's or
// the upstream's fault by its address, wherever the server puts it.
func TestBadRecipientsStayBad(t *testing.T) {
	c := newClassifier(t)
	bad := 0
	for _, provider := range Providers() {
		for _, r := range readReplies(t, provider) {
			if r.answer.Stage != relay.StageRcpt || r.want != "rejected recipient bounce" {
				continue
			}
			bad++
			for _, address := range evilAddresses {
				for _, form := range []string{"<%>: $", "<%>... $", "% $", "$ (%)", "$: %", "$ <%>", "$ to %", "$ for <%>."} {
					a := r.answer
					a.Text = strings.NewReplacer("%", address, "$", a.Text).Replace(form)
					if v := c.Classify(a); brief(v) != r.want {
						t.Errorf("%s: %q is %s by %s, want %s", provider, a.Text, brief(v), v.Rule, r.want)
					}
				}
			}
		}
	}
	if bad < 100 {
		t.Errorf("only %d bad recipients were tried", bad)
	}
}
