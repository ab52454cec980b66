package ingress

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func newDialogue(t testing.TB, c net.Conn) *dialogue {
	return &dialogue{t: t, Conn: c, r: bufio.NewReader(c)}
}

// withTLS gives a listener a certificate.
func withTLS(t testing.TB) func(*Options, *Deps, *recorder) {
	dir := t.TempDir()
	o := TLSOptions{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	writePair(t, o, "relay.example")
	return func(opts *Options, _ *Deps, _ *recorder) {
		copied := o
		opts.TLS = &copied
	}
}

// writePair writes a new self-signed certificate for a name.
func writePair(t testing.TB, o TLSOptions, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, o.CertFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	writeFile(t, o.KeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// usersFile writes users given as name:password[:globs], with hashes that are
// cheap to check.
func usersFile(t testing.TB, users ...string) string {
	t.Helper()
	var b strings.Builder
	for _, u := range users {
		parts := strings.SplitN(u, ":", 3)
		hash, err := bcrypt.GenerateFromPassword([]byte(parts[1]), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		parts[1] = string(hash)
		b.WriteString(strings.Join(parts, ":") + "\n")
	}
	path := filepath.Join(t.TempDir(), "users")
	writeFile(t, path, b.String())
	return path
}

// withUsers gives a listener users.
func withUsers(t testing.TB, users ...string) func(*Options, *Deps, *recorder) {
	path := usersFile(t, users...)
	return func(o *Options, _ *Deps, _ *recorder) { o.Auth = &AuthOptions{UsersFile: path} }
}

func plain(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + password))
}

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// settled waits until so many connections are left at the doors: a client sees
// the end of its connection a moment before its place is free.
func (w *world) settled(n int) {
	for {
		d := w.srv.lns[0].doors
		d.mu.Lock()
		all := d.all
		d.mu.Unlock()
		if all == n {
			return
		}
		runtime.Gosched()
	}
}
