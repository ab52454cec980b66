package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Status is what the DNS makes of a key.
type Status string

// The statuses.
const (
	StatusOK      Status = "ok"
	StatusMissing Status = "missing" // there is no record
	StatusDiffers Status = "differs" // the record is of another key, or no verifier takes it
	StatusRevoked Status = "revoked" // the record says that the key is not good any more
)

// Finding is what the DNS makes of a key, and why. Detail is one line; it may
// repeat what stands in the DNS, "" where there is nothing to add.
type Finding struct {
	Status Status
	Detail string
}

// Judge compares the records at RecordName, each with its strings joined, with
// our public key, as a verifier would (RFC 6376 3.6.1).
func Judge(records []string, public crypto.PublicKey) Finding {
	switch len(records) {
	case 0:
		return Finding{StatusMissing, "publish the record that relaykeep dkim record shows"}
	case 1:
		return judge(records[0], public)
	}
	return Finding{StatusDiffers, fmt.Sprintf("there are %d TXT records where one may be; verifiers take any of them", len(records))}
}

func judge(record string, public crypto.PublicKey) Finding {
	tags, err := parseTags(record)
	if err != nil {
		return Finding{StatusDiffers, err.Error()}
	}
	if v, ok := tags.get("v"); ok && (v != "DKIM1" || tags[0].name != "v") {
		return Finding{StatusDiffers, "this is no DKIM record: it does not begin with v=DKIM1"}
	}
	p, ok := tags.get("p")
	p = unspaced(p)
	algorithm, _ := Algorithm(public)
	switch {
	case !ok:
		return Finding{StatusDiffers, "the record has no key: p= is missing"}
	case p == "":
		return Finding{StatusRevoked, "p= is empty: verifiers refuse every signature of this selector"}
	case tags.or("k", "rsa") != algorithm:
		return Finding{StatusDiffers, fmt.Sprintf("k= says %s, but our key is %s", tags.or("k", "rsa"), algorithm)}
	case !tags.lists("h", "sha256"):
		return Finding{StatusDiffers, "h= leaves out sha256, which signatures are made with"}
	case !tags.lists("s", "email") && !tags.lists("s", "*"):
		return Finding{StatusDiffers, "s= says that the key is not for mail"}
	case !sameKey(p, public):
		return Finding{StatusDiffers, "p= is another key than ours"}
	case tags.has("t") && tags.lists("t", "y"):
		return Finding{StatusOK, "t=y: verifiers take the domain for testing only; take it out when all is well"}
	}
	return Finding{Status: StatusOK}
}

// sameKey compares p= with our key. An RSA key may stand there in the form that
// RFC 6376 3.6.1 names, or in that of its examples.
func sameKey(p string, public crypto.PublicKey) bool {
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return false
	}
	if ours, ok := public.(ed25519.PublicKey); ok {
		return bytes.Equal(der, ours)
	}
	var theirs any
	if theirs, err = x509.ParsePKIXPublicKey(der); err != nil {
		if theirs, err = x509.ParsePKCS1PublicKey(der); err != nil {
			return false
		}
	}
	ours, ok := public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && ours.Equal(theirs)
}

// tag is one of a tag list (RFC 6376 3.2).
type tag struct{ name, value string }

type tagList []tag

var errTags = errors.New("this is no DKIM record: it is no list of name=value")

// parseTags reads a tag list. A name that comes twice makes it invalid.
func parseTags(s string) (tagList, error) {
	var tags tagList
	for part := range strings.SplitSeq(s, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, errTags
		}
		if tags.has(name) {
			return nil, fmt.Errorf("the record has two of %s=", name)
		}
		tags = append(tags, tag{name, strings.TrimSpace(value)})
	}
	return tags, nil
}

func (l tagList) get(name string) (value string, ok bool) {
	for _, t := range l {
		if t.name == name {
			return t.value, true
		}
	}
	return "", false
}

func (l tagList) has(name string) bool {
	_, ok := l.get(name)
	return ok
}

// or gives a value, or what stands for one that is not there.
func (l tagList) or(name, fallback string) string {
	if v, ok := l.get(name); ok {
		return v
	}
	return fallback
}

// lists reports whether a value in colons holds a word. A tag that is not there
// holds all.
func (l tagList) lists(name, word string) bool {
	v, ok := l.get(name)
	return !ok || slices.Contains(strings.Split(unspaced(v), ":"), word)
}

// unspaced takes out white space, which a value may have anywhere.
func unspaced(s string) string { return strings.Join(strings.Fields(s), "") }
