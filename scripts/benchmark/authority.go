package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"

	"relaykeep/upstream/upstreamtest"
)

// authority is a certificate for 127.0.0.1 and who vouches for it, in files.
type authority struct {
	certFile, keyFile, caFile string
	certificate               *tls.Certificate
	pool                      *x509.CertPool
}

func newAuthority(folder string) (*authority, error) {
	ca, err := upstreamtest.NewCA()
	if err != nil {
		return nil, err
	}
	a := &authority{
		certFile: filepath.Join(folder, "cert.pem"), keyFile: filepath.Join(folder, "key.pem"),
		caFile: filepath.Join(folder, "ca.pem"), pool: ca.Pool(),
	}
	if a.certificate, err = ca.Issue(upstreamtest.Cert{}); err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.certificate.PrivateKey)
	if err != nil {
		return nil, err
	}
	for file, content := range map[string][]byte{
		a.certFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Leaf.Raw}),
		a.keyFile:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		a.caFile:   ca.PEM(),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return nil, err
		}
	}
	return a, nil
}
