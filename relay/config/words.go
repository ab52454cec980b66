package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// oneOf takes one of some words, as it is.
func oneOf(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		return "", fmt.Errorf("is not one of %s%s", strings.Join(quoted(words), ", "), suggest(s, words))
	}
}

func quoted(words []string) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = fmt.Sprintf("%q", w)
	}
	return list
}

// optional takes "" for the zero value, and anything else to parse.
func optional[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(s string) (T, error) {
		var zero T
		if s == "" {
			return zero, nil
		}
		return parse(s)
	}
}

var errEmpty = errors.New("is empty")

// nonEmpty takes any text but "".
func nonEmpty(s string) (string, error) {
	if s == "" {
		return "", errEmpty
	}
	return s, nil
}

var errGlob = errors.New(`is not a pattern; * stands for anything, ? for one character, [a-z] for one of a set`)

// glob takes a pattern of spool.Glob. "<>" is how mail people write the null
// sender; it is stored as "".
func glob(s string) (string, error) {
	if _, err := path.Match(strings.ReplaceAll(s, "/", "\x01"), ""); err != nil {
		return "", errGlob
	}
	if s == "<>" {
		return "", nil
	}
	return s, nil
}

var errPrefix = errors.New(`is not a network; write one like "10.0.0.0/8", "fd00::/8" or a single address`)

// network takes a network in CIDR form, or a single address.
func network(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errPrefix
	}
	if p.Masked() != p {
		return netip.Prefix{}, fmt.Errorf("has bits beyond /%d; take off what is beyond the network", p.Bits())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}

var errURL = errors.New(`is not a URL; write one like "https://example.com/path"`)

// webURL takes an absolute URL, https except on this machine.
func webURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", errURL
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "", errors.New("goes over the network in clear; write https://")
	}
	return s, nil
}

var errAddress = errors.New(`is not a mail address; write one like "postmaster@example.com"`)

// mailAddress takes a bare address.
func mailAddress(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		return "", errAddress
	}
	return s, nil
}

var errField = errors.New(`is not the name of a header field; write one like "X-Mail-Class"`)

// fieldName takes the name of a header field: RFC 5322 section 3.6.8.
func fieldName(s string) (string, error) {
	if s == "" || len(s) > 100 {
		return "", errField
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return "", errField
		}
	}
	return s, nil
}
