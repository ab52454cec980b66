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

var errNoAlgorithm = errors.New("its key is of neither RSA nor Ed25519, which DKIM knows; make one with relaykeep dkim keygen")

// checkPublic refuses keys that no verifier would take.
func checkPublic(public crypto.PublicKey) error {
	switch p := public.(type) {
	case ed25519.PublicKey:
		return nil
	case *rsa.PublicKey:
		if p.N.BitLen() < MinRSA {
			return fmt.Errorf("its RSA key of %d bits is too short, verifiers ignore it; make one of %d with relaykeep dkim keygen", p.N.BitLen(), GoodRSA)
		}
		return nil
	}
	return errNoAlgorithm
}

// Algorithm names the algorithm of a public key as a DNS record does: "rsa" or
// "ed25519"; bits is the length of an RSA key, else 0.
func Algorithm(public crypto.PublicKey) (name string, bits int) {
	if p, ok := public.(*rsa.PublicKey); ok {
		return "rsa", p.N.BitLen()
	}
	return "ed25519", 0
}
