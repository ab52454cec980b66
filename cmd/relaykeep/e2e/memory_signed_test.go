package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

const (
	signedBody    = 25 << 20 // bytes
	signedAtOnce  = 4
	signedMemory  = 96 << 20
	signedMessage = "From: app@old.test\r\nSubject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
)

// TestMemoryOfSigning has large messages rewritten, encoded anew and signed at
// once, for a server that takes no 8-bit content: every pass that there is. The
// anonymous memory of the daemon stays bounded, and the sizes that it announces
// are exact.
func TestMemoryOfSigning(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{Extensions: []string{}, MaxSize: 256 << 20, Light: true})
	n := newNode(t, settings{}, upstreamBlock("old", out.Addr(), "rewrite { from = \"relay@new.test\" }\nmax_connections = 4"), signingBlock(t, "new.test"))
	p := n.start()
	rest := memorySampler(t, p)
	var clients sync.WaitGroup
	for range signedAtOnce {
		clients.Go(func() {
			if err := sendText(p, signedMessage, "Schöne Grüße, und 64 Bytes sind es in jeder Zeile: 0123456.\r\n", signedBody); err != nil {
				t.Error(err)
			}
		})
	}
	for len(out.Messages()) < signedAtOnce && !t.Failed() {
		rest.sample()
	}
	clients.Wait()
	t.Logf("%d messages of %d MiB signed at once: at most %d MiB of anonymous memory", signedAtOnce, signedBody>>20, rest.most>>20)
	if rest.most > signedMemory {
		t.Errorf("the daemon took %d MiB of anonymous memory; the limit is %d", rest.most>>20, signedMemory>>20)
	}
	for _, m := range out.Messages() {
		if want := fmt.Sprintf("SIZE=%d", m.Size); len(m.Params) != 1 || m.Params[0] != want {
			t.Errorf("MAIL has %q, want %q", m.Params, want)
		}
	}
	p.stop()
}

// signingBlock makes a key and gives the block that signs the mail of a domain
// with it.
func signingBlock(t *testing.T, domain string) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := writeFile(t, t.TempDir(), "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return fmt.Sprintf("dkim %q {\n  key {\n    selector = \"s1\"\n    file     = %q\n  }\n}\n", domain, file)
}

// sendText sends a header and a text of about size bytes, made of one line.
func sendText(p *process, header, line string, size int) error {
	c, err := dial(p.addr())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.envelope(letter()); err != nil {
		return err
	}
	if _, err := c.W.WriteString(header); err != nil {
		return err
	}
	part := strings.Repeat(line, 1<<14)
	for sent := 0; sent < size; sent += len(part) {
		if _, err := c.W.WriteString(part); err != nil {
			return err
		}
	}
	_, err = c.dot()
	return err
}
