package config

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relaykeep/relay/message/dkim"
)

// filesFolder makes a folder with the files that configurations name: good.pem
// with good.key, other.key, users, and of DKIM dkim.pem, open.pem, which anybody
// may read, and short.pem.
func filesFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	good, other := newKey(t), newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"relay.example.com"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &good.PublicKey, good)
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "good.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, folder, "good.key", keyPEM(t, good))
	write(t, folder, "other.key", keyPEM(t, other))
	write(t, folder, "users", []byte("app:$2y$05$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"))
	write(t, folder, "hashes", []byte("$2y$05$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"))
	ed25519, err := dkim.GenerateEd25519()
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, dkim.MinRSA)
	if err != nil {
		t.Fatal(err)
	}
	write(t, folder, "dkim.pem", keyPEM(t, ed25519))
	write(t, folder, "short.pem", keyPEM(t, short))
	if err := os.Chmod(write(t, folder, "open.pem", keyPEM(t, ed25519)), 0o644); err != nil {
		t.Fatal(err)
	}
	return folder
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyPEM(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func write(t *testing.T, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
