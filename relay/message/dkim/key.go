package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
)

// Key is a private key with the selector that its public half is found by.
type Key struct {
	Selector string
	Private  crypto.Signer // *rsa.PrivateKey or ed25519.PrivateKey; see ReadKeyFile
}

// The lengths of RSA keys, in bits. RFC 8301 3.2: verifiers do not look at
// shorter ones than MinRSA, and signers should use GoodRSA at least.
const (
	MinRSA  = 1024
	GoodRSA = 2048
)

func (k Key) check() error {
	if k.Selector == "" {
		return errors.New("the selector is empty")
	}
	return checkPublic(k.Private.Public())
}

// checkPublic refuses keys that no verifier would take.
func checkPublic(public crypto.PublicKey) error {
	switch p := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if p.N.BitLen() < MinRSA {
			return fmt.Errorf("an RSA key of %d bits is too short: verifiers ignore it; make one of %d", p.N.BitLen(), GoodRSA)
		}
		return nil
	}
	return fmt.Errorf("a key of type %T cannot sign; take RSA or Ed25519", public)
}
