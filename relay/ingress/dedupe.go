package ingress

import (
	"crypto/sha256"
	stdhash "hash"
	"io"
	"slices"
	"time"

	"relaykeep/relay/message"
	"relaykeep/spool"
)

// Dedupe says how a message is known that comes a second time.
type Dedupe struct {
	Header string        // the field that holds the key
	Window time.Duration // how long a key is remembered
}

// digest gathers what a message is compared by. A nil one gathers nothing.
type digest struct {
	key   [32]byte
	until time.Time
	sum   stdhash.Hash
}

// begin makes the digest of a message that has a key; nil for any other. Keys
// are those of a user, or of a client where nobody has logged in.
func (d *Dedupe) begin(tx *transaction, h *message.Header) *digest {
	if d == nil {
		return nil
	}
	keys := h.Values(d.Header)
	if len(keys) == 0 || keys[0] == "" {
		return nil
	}
	m := &tx.message
	who := []string{"client", m.Client, keys[0]}
	if m.User != "" {
		who = []string{"user", m.User, keys[0]}
	}
	g := &digest{until: m.ReceivedAt.Add(d.Window), sum: sha256.New()}
	key := sha256.New()
	writeStrings(key, who...)
	key.Sum(g.key[:0])

	to := make([]string, len(tx.to))
	for i, r := range tx.to {
		to[i] = r.Address
	}
	slices.Sort(to)
	writeStrings(g.sum, append([]string{m.From}, to...)...)
	writeStrings(g.sum, "") // no recipient: here they end
	for _, f := range h.Fields() {
		if !madeAnew(f) {
			g.sum.Write(f.Raw())
		}
	}
	return g
}

// madeAnew reports whether a field differs each time that an app tries, though
// the mail is the same.
func madeAnew(f message.Field) bool {
	return f.Is("Date") || f.Is("Message-ID") || f.Is("Received")
}

// text gathers what follows the header.
func (g *digest) text(whole io.Reader, h *message.Header) io.Reader {
	if g == nil {
		return whole
	}
	return &summed{Reader: whole, sum: g.sum, skip: int64(h.Len())}
}

// end gives what the spool compares, nil where there is no key.
func (g *digest) end() *spool.Dedupe {
	if g == nil {
		return nil
	}
	d := &spool.Dedupe{Key: g.key, Until: g.until}
	g.sum.Sum(d.Digest[:0])
	return d
}

// summed passes on what it reads, and sums it up but for the beginning.
type summed struct {
	io.Reader
	sum  stdhash.Hash
	skip int64
}

// Read implements io.Reader.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	skipped := min(s.skip, int64(n))
	s.skip -= skipped
	s.sum.Write(p[skipped:n])
	return n, err
}

// writeStrings writes each string so that no two lists give the same bytes.
func writeStrings(w io.Writer, all ...string) {
	for _, s := range all {
		io.WriteString(w, s)
		w.Write([]byte{0})
	}
}
