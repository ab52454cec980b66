package dkim

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
)

// signatureVersion counts the changes of this package after which the same
// content and keys get another signature.
const signatureVersion = "relaykeep dkim 1"

// Fingerprint names the signature that a content gets from this Signer: content
// is the SHA-256 of the message as it is stored, changes tell what is done to it
// before it is signed. The order of changes counts; none is none.
//
// It covers the domains, the selectors, the public keys and the names of the
// fields that are signed: whatever Sign may look at. So a signature that was
// kept under it is as good as a new one, and what the fingerprint is can be told
// without the content.
func (s *Signer) Fingerprint(content [32]byte, changes ...string) [32]byte {
	h := sha256.New()
	h.Write(s.identity[:])
	h.Write(content[:])
	addAll(h, changes)
	return [32]byte(h.Sum(nil))
}

// identityOf tells one Signer from another.
func identityOf(domains []Domain, fields []signedField) ([32]byte, error) {
	h := sha256.New()
	addAll(h, []string{signatureVersion})
	var names []string
	for _, f := range fields {
		names = append(names, fmt.Sprint(f.name, f.absent))
	}
	addAll(h, names)
	domains = slices.SortedFunc(slices.Values(domains), func(a, b Domain) int { return cmp.Compare(a.Name, b.Name) })
	for _, d := range domains {
		parts := []string{d.Name}
		for _, k := range d.Keys {
			public, err := x509.MarshalPKIXPublicKey(k.Private.Public())
			if err != nil {
				return [32]byte{}, fmt.Errorf("dkim: selector %q of %q: %w", k.Selector, d.Name, err)
			}
			parts = append(parts, k.Selector, string(public))
		}
		addAll(h, parts)
	}
	return [32]byte(h.Sum(nil)), nil
}

// addAll adds texts in a form that no other texts have.
func addAll(h hash.Hash, texts []string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(texts)))
	h.Write(n[:])
	for _, t := range texts {
		binary.BigEndian.PutUint64(n[:], uint64(len(t)))
		h.Write(n[:])
		h.Write([]byte(t))
	}
}
