package dkim

import (
	"crypto"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestParseKey reads keys as OpenSSL writes them.
func TestParseKey(t *testing.T) {
	for name, want := range map[string]string{ // the error, or the algorithm
		"pkcs1.pem":           "rsa",
		"pkcs8.pem":           "rsa",
		"rsa1024.pem":         "rsa",
		"ed25519.pem":         "ed25519",
		"rsa768.pem":          "768 bits is too short",
		"pkcs1-encrypted.pem": "passphrase",
		"pkcs8-encrypted.pem": "passphrase",
		"ec.pem":              "neither RSA nor Ed25519",
		"ec-pkcs8.pem":        "neither RSA nor Ed25519",
		"x25519.pem":          "neither RSA nor Ed25519",
		"public.pem":          "no private key in it, but a public key",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata/keys", name))
			if err != nil {
				t.Fatal(err)
			}
			key, err := ParseKey(text)
			if err != nil {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if got, _ := Algorithm(key.Public()); got != want {
				t.Errorf("got a key of %s, want %s", got, want)
			}
		})
	}
}

func TestParseKeyDamaged(t *testing.T) {
	for text, want := range map[string]string{
		"":       "no private key in it",
		"secret": "no private key in it",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n":                 "damaged",
		"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n":         "damaged",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n": `"OPENSSH PRIVATE KEY" is not understood`,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n":                 "but a certificate",
	} {
		if key, err := ParseKey([]byte(text)); err == nil || key != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %s", text, key, err, want)
		}
	}
}

// TestReadKeyFile: a key that anybody may read is refused, whoever we are.
func TestReadKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s1.pem")
	if err := WriteKeyFile(path, edKey()); err != nil {
		t.Fatal(err)
	}
	if err := WriteKeyFile(path, rsaKey()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the file was written again: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	for mode, good := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o640: true, 0o660: true,
		0o604: false, 0o644: false, 0o602: false, 0o601: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		key, err := ReadKeyFile(path)
		switch {
		case good && (err != nil || !edKey().Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public())):
			t.Errorf("%o: %v", mode, err)
		case !good && (err == nil || !strings.HasSuffix(err.Error(), "run chmod o= on it")):
			t.Errorf("%o: %v", mode, err)
		}
	}
	if _, err := ReadKeyFile(path + ".not"); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(os.Truncate(path, maxKeyFile+1), os.Chmod(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKeyFile(path); err == nil || !strings.Contains(err.Error(), "larger than 64 KiB") {
		t.Errorf("got %v", err)
	}
}
