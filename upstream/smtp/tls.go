package smtp

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"slices"
)

// trust says what a server's certificate must show.
type trust struct {
	mode  TLSMode
	roots *x509.CertPool // nil: the system's
	name  string
	skip  bool
	pins  [][32]byte
}

func newTrust(o Options, host string) trust {
	t := trust{mode: o.TLS, roots: o.RootCAs, name: o.ServerName, skip: o.SkipVerify, pins: o.PinSHA256}
	if t.name == "" {
		t.name = host
	}
	return t
}

// config is the TLS configuration of one connection. verified is set during
// the handshake: the certificate was verified, or pinned.
//
// With verification on, the chain is verified and one certificate of a
// verified chain must be pinned where there are pins. With SkipVerify the pins
// alone decide. Opportunistic takes any certificate, except that pins must
// hold there, too.
func (t trust) config(verified *bool) *tls.Config {
	return &tls.Config{
		ServerName: t.name,
		RootCAs:    t.roots,
		MinVersion: tls.VersionTLS12,
		// The chain is verified here, see check, so that one place decides.
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			ok, err := t.check(cs.PeerCertificates)
			*verified = ok
			return err
		},
	}
}

// check judges a chain, leaf first.
func (t trust) check(chain []*x509.Certificate) (verified bool, err error) {
	if len(chain) == 0 {
		return false, &SecurityError{"the server sent no certificate"}
	}
	candidates := path(chain)
	if !t.skip {
		chains, err := t.verify(chain)
		if err != nil && t.mode != Opportunistic {
			return false, err
		}
		verified = err == nil
		if verified {
			candidates = slices.Concat(chains...)
		}
	}
	if len(t.pins) == 0 {
		return verified, nil
	}
	if !t.pinned(candidates) {
		return false, &SecurityError{"no certificate of the server has a pinned key"}
	}
	return true, nil
}

// verify is what crypto/tls would do by itself.
func (t trust) verify(chain []*x509.Certificate) ([][]*x509.Certificate, error) {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	chains, err := chain[0].Verify(x509.VerifyOptions{Roots: t.roots, DNSName: t.name, Intermediates: intermediates})
	if err != nil {
		return nil, &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return chains, nil
}

func (t trust) pinned(certs []*x509.Certificate) bool {
	return slices.ContainsFunc(certs, func(c *x509.Certificate) bool {
		return slices.Contains(t.pins, sha256.Sum256(c.RawSubjectPublicKeyInfo))
	})
}

// path is the part of an unverified chain in which each certificate is signed
// by the next: a pinned certificate counts only there, since anybody can send
// somebody else's certificate along with his own.
func path(chain []*x509.Certificate) []*x509.Certificate {
	for i := 1; i < len(chain); i++ {
		if chain[i-1].CheckSignatureFrom(chain[i]) != nil {
			return chain[:i]
		}
	}
	return chain
}
