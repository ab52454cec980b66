package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"relaykeep/relay"
)

// maxDetail bounds what is told of one step, in bytes.
const maxDetail = 2048

func describeAddrs(host string, addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return escape(host+" is "+strings.Join(texts, ", "), maxDetail)
}

func describeExtensions(e extensions) string {
	if len(e.lines) == 0 {
		return "no extensions"
	}
	return escape(strings.Join(e.lines, ", "), maxDetail)
}

func describeTLS(cs tls.ConnectionState, verified bool) string {
	trusted := "not verified"
	if verified {
		trusted = "verified"
	}
	return fmt.Sprintf("%s, %s, %s, %s", tls.VersionName(cs.Version), tls.CipherSuiteName(cs.CipherSuite),
		describeCert(cs.PeerCertificates, time.Now()), trusted)
}

// describeCert names the certificate of the server and how long it is good.
func describeCert(chain []*x509.Certificate, now time.Time) string {
	if len(chain) == 0 {
		return "no certificate"
	}
	leaf := chain[0]
	name := leaf.Subject.String()
	if len(leaf.DNSNames) > 0 {
		name += " for " + strings.Join(leaf.DNSNames, " ")
	}
	days := int(leaf.NotAfter.Sub(now).Hours() / 24)
	left := fmt.Sprintf("%d days left", days)
	if now.After(leaf.NotAfter) {
		left = "expired"
	}
	return escape(fmt.Sprintf("certificate %s until %s (%s)", name, leaf.NotAfter.UTC().Format(time.DateOnly), left), maxDetail)
}

// detail says in words what a failure is about; of a certificate that was
// refused also which.
func (f *failure) detail(v relay.Verdict) string {
	var refused *tls.CertificateVerificationError
	if errors.As(f.answer.Err, &refused) {
		return v.Text + "; " + describeCert(refused.UnverifiedCertificates, time.Now())
	}
	return v.Text
}
