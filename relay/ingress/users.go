package ingress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"relaykeep/spool"
)

// The bounds of a users file.
const (
	maxUsersFile = 4 << 20 // bytes
	maxUserName  = 256     // bytes
)

// user is one who may log in.
type user struct {
	name    string
	hash    hash
	senders []string // globs; none: any sender
}

// maySend reports whether the user may send as this address. "<>" in the list
// stands for the null sender.
func (u *user) maySend(address string) bool {
	if len(u.senders) == 0 {
		return true
	}
	for _, g := range u.senders {
		if spool.Glob(g, address) || g == "<>" && address == "" {
			return true
		}
	}
	return false
}

// Users are those of a users file, by name.
type Users struct{ by map[string]*user }

// Len is the number of users.
func (u *Users) Len() int { return len(u.by) }

// LoadUsers reads a users file: a line per user, "name:hash" or
// "name:hash:glob,glob", where hash is argon2id in the PHC format or bcrypt, and
// the globs say which sender addresses the user may give ("<>" for the null
// sender). Empty lines and those that begin with # are skipped. The error names
// every bad line by its number, and never repeats a hash.
func LoadUsers(path string) (*Users, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("users file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxUsersFile+1))
	if err != nil {
		return nil, fmt.Errorf("users file %s: %w", path, err)
	}
	if len(b) > maxUsersFile {
		return nil, fmt.Errorf("users file %s is over %d bytes", path, maxUsersFile)
	}
	users, err := parseUsers(b)
	if err != nil {
		return nil, fmt.Errorf("users file %s: %w", path, err)
	}
	return users, nil
}

// CheckUsers reports what is wrong with the lines of a users file, without its
// name; nil for nothing.
func CheckUsers(path string) error {
	b, err := os.ReadFile(path)
	if err == nil {
		_, err = parseUsers(b)
	}
	return err
}

// parseUsers reads the lines of a users file. It reports all faults together.
func parseUsers(b []byte) (*Users, error) {
	users := &Users{by: make(map[string]*user)}
	var faults []error
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		u, err := parseUser(text)
		if err == nil && users.by[u.name] != nil {
			err = errors.New("this user stands there twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		users.by[u.name] = u
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, fmt.Errorf("a line is too long: %w", err))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return users, nil
}

func parseUser(text string) (*user, error) {
	name, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, errors.New("want name:hash")
	}
	switch {
	case name == "":
		return nil, errors.New("the name is empty")
	case len(name) > maxUserName:
		return nil, fmt.Errorf("the name is over %d bytes", maxUserName)
	case !clean([]byte(name)) || !utf8.ValidString(name) || strings.ContainsRune(name, '\t'):
		return nil, errors.New("the name holds a control character")
	}
	text, globs, _ := strings.Cut(rest, ":")
	h, err := parseHash(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	u := &user{name: name, hash: h}
	for g := range strings.SplitSeq(globs, ",") {
		if g = strings.TrimSpace(g); g != "" {
			u.senders = append(u.senders, g)
		}
	}
	if strings.TrimSpace(globs) != "" && len(u.senders) == 0 {
		return nil, errors.New("the list of senders is empty")
	}
	return u, nil
}
