package dkim

import (
	"strings"
	"testing"
)

// TestDomains: the longest configured domain signs, and nobody else's mail is
// signed.
func TestDomains(t *testing.T) {
	domains := []Domain{
		{"example.com", twoKeys()},
		{"otp.example.com", []Key{{"o1", edKey()}}},
	}
	s := newSigner(t, Options{Domains: domains})
	lookup := publish(t, domains...)
	for from, want := range map[string]string{ // selectors@domain
		"ann@example.com":                      "s1 s2@example.com",
		"ann@news.example.com":                 "s1 s2@example.com",
		"ann@otp.example.com":                  "o1@otp.example.com",
		"ann@a.b.otp.example.com":              "o1@otp.example.com",
		"ann@notexample.com":                   "",
		"ann@com":                              "",
		"bob@example.org, ann@example.com":     "",
		"ann@example.com, bob@example.org":     "s1 s2@example.com",
		"ann@example.com\r\nFrom: b@elsewhere": "s1 s2@example.com",
	} {
		content := "From: " + from + "\r\n\r\ntext\r\n"
		fields, err := s.Sign(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		var selectors []string
		domain := ""
		for _, part := range strings.Split(strings.ReplaceAll(fields, crlf, ""), ";") {
			part = strings.TrimSpace(part)
			if v, ok := strings.CutPrefix(part, "s="); ok {
				selectors = append(selectors, v)
			}
			if v, ok := strings.CutPrefix(part, "d="); ok {
				domain = "@" + v
			}
		}
		if got := strings.Join(selectors, " ") + domain; got != want {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
		if fields != "" {
			verify(t, fields+content, lookup)
		}
	}
	if fields, err := s.Sign(strings.NewReader("Subject: x\r\n\r\ntext\r\n")); fields != "" || err != nil {
		t.Errorf("without From: %q, %v", fields, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no key":      {Domains: []Domain{{Name: "example.com"}}},
		"twice":       {Domains: []Domain{{"example.com", twoKeys()}, {"example.com", twoKeys()}}},
		"no selector": {Domains: []Domain{{"example.com", []Key{{"", edKey()}}}}},
	} {
		if s, err := New(o); s != nil || err == nil {
			t.Errorf("%s: got %v, %v", name, s, err)
		}
	}
}

// TestFingerprint: whatever a signature depends on is in its fingerprint, and
// nothing else.
func TestFingerprint(t *testing.T) {
	other := must(GenerateEd25519())
	base := func() Options {
		return Options{Domains: []Domain{{"example.com", twoKeys()}, {"example.org", twoKeys()}}, Unsigned: []string{"Date"}}
	}
	content := [32]byte{1}
	original := newSigner(t, base()).Fingerprint(content, "a", "b")
	same := base()
	same.Domains[0], same.Domains[1] = same.Domains[1], same.Domains[0]
	same.Unsigned = []string{"DATE", "X-Other"}
	if newSigner(t, same).Fingerprint(content, "a", "b") != original {
		t.Error("the order of domains counts, or what is never signed")
	}
	seen := map[[32]byte]string{original: "base"}
	for name, change := range map[string]func(*Options){
		"selector":    func(o *Options) { o.Domains[0].Keys[0].Selector = "s3" },
		"key":         func(o *Options) { o.Domains[0].Keys[1].Private = other },
		"one key":     func(o *Options) { o.Domains[0].Keys = o.Domains[0].Keys[:1] },
		"domain":      func(o *Options) { o.Domains[0].Name = "example.net" },
		"one domain":  func(o *Options) { o.Domains = o.Domains[:1] },
		"all fields":  func(o *Options) { o.Unsigned = nil },
		"less fields": func(o *Options) { o.Unsigned = []string{"Date", "To"} },
	} {
		o := base()
		change(&o)
		got := newSigner(t, o).Fingerprint(content, "a", "b")
		if was, ok := seen[got]; ok {
			t.Errorf("%s has the fingerprint of %s", name, was)
		}
		seen[got] = name
	}
	for _, changes := range [][]string{nil, {"a"}, {"ab"}, {"a", "b", ""}, {"b", "a"}} {
		got := newSigner(t, base()).Fingerprint(content, changes...)
		if was, ok := seen[got]; ok {
			t.Errorf("%q has the fingerprint of %s", changes, was)
		}
		seen[got] = "changes"
	}
	if _, ok := seen[newSigner(t, base()).Fingerprint([32]byte{2}, "a", "b")]; ok {
		t.Error("the content does not count")
	}
}
