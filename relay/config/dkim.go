package config

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"relaykeep/relay/message/dkim"
)

// DKIM is a domain whose mail is signed.
type DKIM struct {
	Domain string    // in lower case
	Keys   []DKIMKey // at least one
}

// DKIMKey is a key of a domain. Private is there where LoadOptions.Secrets was
// set, File where no secret is needed for it or that was.
type DKIMKey struct {
	dkim.Key
	File string
}

// Signing gives what signs the mail that goes to an upstream. Without domains
// in it, nothing does. It wants a Config that was loaded with secrets.
func (c *Config) Signing(u Upstream) dkim.Options {
	o := dkim.Options{Unsigned: u.Unsigned}
	if !u.Sign {
		return o
	}
	for _, d := range c.DKIM {
		keys := make([]dkim.Key, 0, len(d.Keys))
		for _, k := range d.Keys {
			keys = append(keys, k.Key)
		}
		o.Domains = append(o.Domains, dkim.Domain{Name: d.Domain, Keys: keys})
	}
	return o
}

// readDKIM reads the blocks dkim.
func readDKIM(s *section, upstreams []Upstream) []DKIM {
	var domains []DKIM
	lines := map[string]int{}
	for _, b := range s.named("dkim") {
		d := DKIM{Domain: strings.ToLower(b.name)}
		if _, err := domain(d.Domain); err != nil {
			b.errorAt(b.header, "%s: the name is that of a domain; write dkim \"example.com\" { … }", b.title)
		}
		if line, ok := lines[d.Domain]; ok && d.Domain != b.name {
			b.errorAt(b.header, "%s is the domain of line %d; put both into one", b.title, line)
		}
		lines[d.Domain] = b.header.Start.Line
		d.Keys = readDKIMKeys(b, d.Domain)
		warnIdle(b, upstreams)
		b.end()
		domains = append(domains, d)
	}
	return domains
}

// readDKIMKeys reads the keys of a domain.
func readDKIMKeys(s *section, domain string) []DKIMKey {
	sections := s.unnamed("key")
	if len(sections) == 0 {
		s.errorAt(s.header, "%s: there is no key; write key { selector = \"s1\" and file = \"…\" } in it", s.title)
	}
	var keys []DKIMKey
	lines := map[string]int{}
	for _, k := range sections {
		var key DKIMKey
		key.Selector = needed(k, "selector", `"s1"`, selectorOf(domain))
		if line, ok := lines[key.Selector]; ok && key.Selector != "" {
			k.fault("selector", "%q is on line %d already; give each key its own", key.Selector, line)
		}
		lines[key.Selector] = k.at("selector").Start.Line
		key.File = absolute(s.d.folder, needed(k, "file", `"/etc/relaykeep/dkim/s1.pem"`, nonEmpty))
		if key.File != "" && s.d.secrets {
			readKey(k, &key)
		}
		k.end()
		keys = append(keys, key)
	}
	return keys
}

// readKey reads the file of a key.
func readKey(s *section, key *DKIMKey) {
	private, err := dkim.ReadKeyFile(key.File)
	if err != nil {
		s.fault("file", "cannot use %s: %v", s.shown("file", key.File), err)
		return
	}
	key.Private = private
	if p, ok := private.Public().(*rsa.PublicKey); ok && p.N.BitLen() < dkim.GoodRSA {
		s.warn("file", "its RSA key has %d bits only, which verifiers may ignore; make one of %d with relaykeep dkim keygen", p.N.BitLen(), dkim.GoodRSA)
	}
}

// selectorOf takes what may stand before ._domainkey and a domain.
func selectorOf(of string) func(string) (string, error) {
	return func(v string) (string, error) {
		if _, err := domain(v); err != nil {
			return "", errors.New(`is not a selector; write one like "s1"`)
		}
		if len(dkim.RecordName(v, of)) > maxName {
			return "", errors.New("is too long; the name of its DNS record may have 253 characters")
		}
		return v, nil
	}
}

// warnIdle tells of keys that no mail is signed with.
func warnIdle(s *section, upstreams []Upstream) {
	for _, u := range upstreams {
		if u.Sign {
			return
		}
	}
	if len(upstreams) > 0 {
		s.d.add(true, s.header, "%s: it signs nothing, for every upstream has dkim = false", s.title)
	}
}

// CheckKeyName tells in one line why a key cannot have this selector at this
// domain.
func CheckKeyName(of, selector string) error {
	if _, err := domain(of); err != nil {
		return fmt.Errorf("the domain %q %w", cut(of), err)
	}
	if _, err := selectorOf(of)(selector); err != nil {
		return fmt.Errorf("the selector %q %w", cut(selector), err)
	}
	return nil
}
