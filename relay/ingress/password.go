package ingress

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What HashPassword asks of argon2id: the second recommendation of OWASP,
// 19 MiB, as two logins may be under way at once.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// The bounds of what a users file may ask of us at each login.
const (
	maxArgonMemory  = 128 << 10 // KiB
	maxArgonTime    = 16
	maxArgonThreads = 16
	maxArgonBytes   = 64 // of salt and key
	maxBcryptCost   = 15
)

// hash is a password hash that was checked when it was read.
type hash struct {
	text string // as it stands in the file

	// argon2id; without a key it is bcrypt
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// HashPassword gives the argon2id line of a password, for a users file: the PHC
// string format, with a random salt.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty")
	}
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// parseHash reads a hash and refuses one that is unknown, or that would cost
// too much to check.
func parseHash(text string) (hash, error) {
	switch {
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		cost, err := bcrypt.Cost([]byte(text))
		switch {
		case err != nil || len(text) != 60:
			return hash{}, errors.New("malformed bcrypt hash")
		case cost > maxBcryptCost:
			return hash{}, fmt.Errorf("bcrypt cost over %d", maxBcryptCost)
		}
		return hash{text: text}, nil
	}
	return hash{}, errors.New("unknown hash, want argon2id or bcrypt (relaykeep user hash makes one)")
}

func parseArgon(text string) (hash, error) {
	bad := errors.New("malformed argon2id hash")
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return hash{}, bad
	}
	h := hash{text: text}
	var version int
	if n, err := fmt.Sscanf(parts[2]+"\n", "v=%d\n", &version); n != 1 || err != nil {
		return hash{}, bad
	}
	if n, err := fmt.Sscanf(parts[3]+"\n", "m=%d,t=%d,p=%d\n", &h.memory, &h.time, &h.threads); n != 3 || err != nil {
		return hash{}, bad
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case err1 != nil, err2 != nil, len(h.salt) < 8, len(h.key) < 16:
		return hash{}, bad
	case version != argon2.Version:
		return hash{}, fmt.Errorf("argon2id version is not %d", argon2.Version)
	case h.time < 1, h.threads < 1, h.memory < 8*uint32(h.threads):
		return hash{}, bad
	case h.memory > maxArgonMemory, h.time > maxArgonTime, h.threads > maxArgonThreads,
		len(h.salt) > maxArgonBytes, len(h.key) > maxArgonBytes:
		return hash{}, fmt.Errorf("argon2id parameters over m=%d,t=%d,p=%d or %d bytes",
			maxArgonMemory, maxArgonTime, maxArgonThreads, maxArgonBytes)
	}
	return h, nil
}

// verify reports whether the password is the one of the hash.
func (h hash) verify(password string) bool {
	if h.key == nil {
		return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil
	}
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}
