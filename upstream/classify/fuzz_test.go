package classify

import (
	"errors"
	"testing"
	"unicode"
	"unicode/utf8"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// FuzzClassify: every answer gets a complete verdict that is safe to print.
func FuzzClassify(f *testing.F) {
	for _, example := range []string{
		"rcpt 550 5.1.1 User unknown", "dot 250 2.0.0 Ok", "dot !closed", "dial !dns-nxdomain",
		"rcpt 452 4.5.3 Too many", "mail 354 \x1b[2J\n\u202e\xff", "rcpt 550 4.1.1 x",
		"rcpt 450 Try again in 5 minutes", "dot 550 5.7.705 Access denied", "dot 451 DT:SPM",
	} {
		a := parseExample(f, example)
		message := ""
		if a.Err != nil {
			message = a.Err.Error()
		}
		for _, provider := range Providers() {
			f.Add(provider, uint8(a.Stage), a.Code, a.Enhanced, a.Text, message, a.DotSent)
		}
	}
	c := newClassifier(f, Pack{Name: "own", Providers: []string{"own"}})
	f.Fuzz(func(t *testing.T, provider string, stage uint8, code int, enhanced, text, message string, dotSent bool) {
		a := upstream.Answer{
			Provider: provider, Stage: relay.Stage(stage), Code: code,
			Enhanced: enhanced, Text: text, DotSent: dotSent,
		}
		if message != "" {
			a.Err = errors.New(message)
		}
		v := c.Classify(a)
		checkComplete(t, v)
		if v != c.Classify(a) {
			t.Error("the same answer got two verdicts")
		}
		if v.RetryAfter < 0 || v.RetryAfter > maxRetryAfter {
			t.Errorf("to be asked again after %v", v.RetryAfter)
		}
		if v.Code != code || v.Stage != a.Stage {
			t.Errorf("the verdict is of another answer: %+v", v)
		}
		if noReply := code == 0 && dotSent; noReply && v.Class != relay.ClassUnknown {
			t.Errorf("no reply after the dot is %v", v.Class)
		}
		if v.Class == relay.ClassDelivered && code/100 != 2 && code != 354 {
			t.Errorf("%d counts as delivered", code)
		}
		if v.Class == relay.ClassRejected && code/100 != 5 {
			t.Errorf("%d is permanent", code)
		}
	})
}

func checkComplete(t *testing.T, v relay.Verdict) {
	if v.Class == relay.ClassNone || v.Scope == relay.ScopeNone || v.Action == relay.ActionNone || v.Rule == "" {
		t.Errorf("the verdict is not complete: %+v", v)
	}
	if v.Class != relay.ClassUnknown && v.Class != classOf(v.Action, v.Then) {
		t.Errorf("class %v does not go with action %v", v.Class, v.Action)
	}
	if len(v.Text) > relay.MaxReplyText || !utf8.ValidString(v.Text) {
		t.Errorf("text of %d bytes: %q", len(v.Text), v.Text)
	}
	for _, r := range v.Text + v.Enhanced {
		if !unicode.IsPrint(r) {
			t.Errorf("text holds %U", r)
		}
	}
}

// FuzzParsePack: no pack, however broken, panics.
func FuzzParsePack(f *testing.F) {
	src, err := packFiles.ReadFile("packs/generic.hcl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src[:2000])
	f.Add([]byte("version = 1\nrule \"r\" {\n action = \"retry\"\n meaning = \"\"\n source = \"\"\n examples = []\n text_regex = \"(\"\n}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := ParsePack("p", "p.hcl", src)
		if err != nil {
			return
		}
		if _, err := compileAll(nil, []Pack{p}); err != nil {
			var broken *RuleError
			if !errors.As(err, &broken) {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
