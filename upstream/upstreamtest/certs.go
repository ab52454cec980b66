package upstreamtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CA is a certificate authority made for one run.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Cert says what certificate to issue. The zero value is a good one for
// localhost, 127.0.0.1 and ::1.
type Cert struct {
	Names     []string // DNS names and IP addresses; nil: those above
	NotBefore time.Time
	NotAfter  time.Time // zero: in 90 days
}

// NewCA makes an authority with a fresh key.
func NewCA() (*CA, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := newTemplate("relaykeep test CA", time.Time{}, time.Time{})
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign
	cert, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	return &CA{cert: cert, key: key}, nil
}

// Pool is a pool that trusts the authority and nobody else.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// PEM is the authority's certificate, as for a CA file.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// Issue makes a certificate for a fresh key, with the authority's own behind
// it in the chain.
func (ca *CA) Issue(c Cert) (*tls.Certificate, error) {
	return issue(c, ca.cert, ca.key)
}

// Expired issues a certificate that ended yesterday.
func (ca *CA) Expired() (*tls.Certificate, error) {
	now := time.Now()
	return ca.Issue(Cert{NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(-24 * time.Hour)})
}

// WrongName issues a certificate for another host.
func (ca *CA) WrongName() (*tls.Certificate, error) {
	return ca.Issue(Cert{Names: []string{"other.test"}})
}

// SelfSigned makes a certificate that no authority stands behind.
func SelfSigned() (*tls.Certificate, error) { return issue(Cert{}, nil, nil) }

// Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo.
func Pin(c *tls.Certificate) [32]byte { return sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo) }

// Pin is the SHA-256 of the authority's own SubjectPublicKeyInfo.
func (ca *CA) Pin() [32]byte { return sha256.Sum256(ca.cert.RawSubjectPublicKeyInfo) }

// issue signs with the parent's key, or with its own where there is no parent.
func issue(c Cert, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*tls.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	names := c.Names
	if names == nil {
		names = []string{"localhost", "127.0.0.1", "::1"}
	}
	template := newTemplate(names[0], c.NotBefore, c.NotAfter)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, n)
		}
	}
	chain := [][]byte{nil}
	if parent == nil {
		parent, parentKey = template, key
	} else {
		chain = append(chain, parent.Raw)
	}
	cert, err := sign(template, parent, key, parentKey)
	if err != nil {
		return nil, err
	}
	chain[0] = cert.Raw
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: cert}, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, nil
}

func newTemplate(name string, notBefore, notAfter time.Time) *x509.Certificate {
	now := time.Now()
	if notBefore.IsZero() {
		notBefore = now.Add(-time.Hour)
	}
	if notAfter.IsZero() {
		notAfter = now.Add(90 * 24 * time.Hour)
	}
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, fmt.Errorf("create a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("create a certificate: %w", err)
	}
	return cert, nil
}
