package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxKeyFile bounds a key file, in bytes.
const maxKeyFile = 64 << 10

// ReadKeyFile reads a private key that is its owner's, and his group's, alone:
// PEM with PKCS#1 (RSA) or PKCS#8 (RSA, Ed25519), without a passphrase. Errors
// are one line that says what to do; they go on after "cannot use PATH: ", and
// hold neither the path nor anything of the content.
func ReadKeyFile(path string) (crypto.Signer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file, but a folder or the like")
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return nil, fmt.Errorf("its mode %04o lets everybody on this machine use the private key; run chmod o= on it", mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(text) > maxKeyFile {
		return nil, errors.New("it is no key file, but larger than 64 KiB")
	}
	return ParseKey(text)
}

// reason takes operation and path off an error, which the message has already.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// ParseKey reads the first private key of a PEM text, as ReadKeyFile does.
func ParseKey(text []byte) (crypto.Signer, error) {
	var instead string // what there is in place of a private key
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil && instead != "":
			return nil, fmt.Errorf("there is no private key in it, but a %s", instead)
		case block == nil:
			return nil, errors.New("there is no private key in it; that begins with -----BEGIN PRIVATE KEY-----")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return parseBlock(block)
		}
		instead, text = strings.ToLower(block.Type), rest
	}
}

// parseBlock reads a private key. PKCS#1 says who made it with a passphrase in a
// header, PKCS#8 in the type.
func parseBlock(block *pem.Block) (crypto.Signer, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("its key has a passphrase, which nobody could type; take it off: openssl pkey -in FILE -out NEWFILE")
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return nil, errNoAlgorithm
	default:
		return nil, fmt.Errorf("a key of the kind %q is not understood; write PKCS#8: openssl pkey -in FILE -out NEWFILE", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("its key is damaged: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errNoAlgorithm
	}
	return signer, checkPublic(signer.Public())
}

// GenerateRSA makes an RSA key of GoodRSA bits.
func GenerateRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, GoodRSA) }

// GenerateEd25519 makes an Ed25519 key (RFC 8463).
func GenerateEd25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// WriteKeyFile writes a private key as PKCS#8 in PEM to a new file that only its
// owner may read, to the disk. A file that is there is left alone: the error
// matches fs.ErrExist. Errors hold no path.
func WriteKeyFile(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return reason(err)
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
