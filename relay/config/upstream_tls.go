package config

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"strconv"
	"strings"

	"relaykeep/upstream/smtp"
)

// tlsModes are the values of the key tls of an upstream.
var tlsModes = map[string]smtp.TLSMode{
	"starttls":      smtp.STARTTLS,
	"implicit":      smtp.Implicit,
	"opportunistic": smtp.Opportunistic,
	"none":          smtp.NoTLS,
}

// readUpstreamTLS reads the keys tls… of an upstream.
func readUpstreamTLS(s *section, o *smtp.Options) {
	fallback := "starttls"
	if _, p, _ := net.SplitHostPort(o.Address); p == strconv.Itoa(submissionsPort) {
		fallback = "implicit"
	}
	mode := s.choice("tls", fallback, "starttls", "implicit", "opportunistic", "none")
	o.TLS = tlsModes[mode]
	o.ServerName = read(s, "tls_server_name", "", optional(domain))
	o.SkipVerify = s.boolean("tls_skip_verify", false)
	o.PinSHA256 = readList(s, "tls_pin_sha256", nil, pin)
	if file := s.file("tls_ca_file", ""); file != "" && s.d.secrets {
		o.RootCAs = readRoots(s, file)
	}
	if o.TLS != smtp.Opportunistic && o.TLS != smtp.NoTLS {
		return
	}
	for _, key := range []string{"tls_ca_file", "tls_server_name", "tls_pin_sha256"} {
		if s.filled(key) {
			s.fault(key, "has no effect with tls = %q, which verifies nobody; take one of them out", mode)
		}
	}
	if o.SkipVerify {
		s.fault("tls_skip_verify", "has no effect with tls = %q, which verifies nobody; take it out", mode)
	}
}

// readRoots reads the certificates that an upstream's one must come from,
// instead of the system's.
func readRoots(s *section, file string) *x509.CertPool {
	pem, err := readBounded(file)
	if err != nil {
		s.fault("tls_ca_file", "cannot read %s: %v", s.shown("tls_ca_file", file), err)
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		s.fault("tls_ca_file", "there is no certificate in %s; it wants PEM", s.shown("tls_ca_file", file))
		return nil
	}
	return pool
}

var errPin = errors.New("is not a SHA-256 pin; write the 64 hexadecimal or 44 base64 characters of the public key's hash")

// pin takes the SHA-256 of a SubjectPublicKeyInfo in hexadecimal or base64,
// with or without "sha256:" or curl's "sha256//" before it.
func pin(s string) (sum [sha256.Size]byte, err error) {
	for _, prefix := range []string{"sha256//", "sha256:"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			s = rest
			break
		}
	}
	decoded, err := hex.DecodeString(s)
	if err != nil {
		decoded, err = base64.StdEncoding.DecodeString(s)
	}
	if err != nil || len(decoded) != len(sum) {
		return sum, errPin
	}
	return [sha256.Size]byte(decoded), nil
}

// warnWeakUpstream tells what somebody on the way could see or change. A
// password in clear is what tls = "none" says; nobody writes that by accident.
func warnWeakUpstream(s *section, o smtp.Options) {
	h, _, _ := net.SplitHostPort(o.Address)
	if isLoopback(h) || s.faulty {
		return
	}
	login := o.Auth != nil
	switch {
	case o.TLS == smtp.NoTLS && login:
		s.warn("tls", "the password and all mail go over the network in clear")
	case o.TLS == smtp.Opportunistic && login:
		s.warn("tls", "the password goes to whoever answers, for no certificate is verified")
	case o.SkipVerify && o.TLS != smtp.NoTLS && len(o.PinSHA256) == 0:
		s.warn("tls_skip_verify", "anybody on the way can pose as this upstream; use tls_ca_file or tls_pin_sha256 instead")
	}
}
