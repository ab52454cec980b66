package dkim

import "testing"

func TestFromDomain(t *testing.T) {
	for value, want := range map[string]string{
		"ann@example.com":                               "example.com",
		"Ann <ann@Example.COM>":                         "example.com",
		"ann@example.com (Ann)":                         "example.com",
		"(eve@example.org) ann@example.com":             "example.com",
		"Ann (a (b) <c@example.org>) <ann@example.com>": "example.com",
		`"Ann <eve@example.org>" <ann@example.com>`:     "example.com",
		`"Ann \" <eve@example.org>" <ann@example.com>`:  "example.com",
		`"ann@home"@example.com`:                        "example.com",
		`"ann,<x>"@example.com`:                         "example.com",
		"Ann, Inc. <ann@example.com>":                   "example.com",
		"ann@example.com, bob@example.net":              "example.com",
		"Ann <ann@example.com>, Bob <bob@example.net>":  "example.com",
		"eve@example.org <ann@example.com>":             "example.com",
		"Friends: ann@example.com, bob@example.net;":    "example.com",
		"Friends: Ann <ann@example.com>;":               "example.com",
		"Nobody:;":                                      "",
		", ann@example.com":                             "example.com",
		"<@a.example,@b.example:ann@example.com>":       "example.com",
		"ann@example.com.":                              "example.com",
		"ann @ example . com":                           "example.com",
		"ann@ example.com":                              "example.com",
		"=?utf-8?q?=C3=A4?= <ann@example.com>":          "example.com",
		"\xe4\xf6 <ann@example.com>":                    "example.com",
		"ä <ann@bücher.example>":                        "xn--bcher-kva.example",
		"ann@xn--bcher-kva.example":                     "xn--bcher-kva.example",
		"ann@mail_host.example.com":                     "mail_host.example.com",
		"ann@[192.0.2.1]":                               "[192.0.2.1]",
		"ann":                                           "",
		"":                                              "",
		"@":                                             "",
		"<":                                             "",
		"((((":                                          "",
		`"`:                                             "",
		`\`:                                             "",
		"ann@ä\u202e.example":                           "",
		"Ann <ann@example.com":                          "example.com",
	} {
		if got := fromDomain(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
