package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checked is what a verifier found out about one DKIM-Signature.
type checked struct {
	Domain, Selector, Algorithm string

	Good bool
	Why  string
}

// verifier is a program of others that verifies DKIM signatures: all those of
// the messages in a folder, with the public keys given by the names of their
// DNS records.
type verifier struct {
	name   string
	verify func(t *testing.T, folder string, records map[string]string) map[string][]checked

	// blind names samples that it does not read as RFC 5322 and RFC 6376 want.
	blind []string
}

var verifiers = []verifier{
	{"dkimpy", dkimpy, []string{
		"obsolete",         // no blank may stand before its colon
		"header-form-feed", // takes a form feed for a blank
	}},
	{"mailauth", mailauth, []string{
		"utf8-header",      // takes the byte A0 for a blank
		"header-form-feed", // and a form feed
		"header-only",      // wants an empty line after the header
		"header-no-final-newline",
	}},
	{"opendkim", opendkim, []string{
		"obsolete",         // finds no From where a blank is before the colon
		"header-form-feed", // takes a form feed for a blank
		"nul",              // its test mode ends a line at a NUL
	}},
}

// dkimpy is Debian's python3-dkim.
func dkimpy(t *testing.T, folder string, records map[string]string) map[string][]checked {
	return readVerdicts(t, runCommand(t, "/usr/bin/python3", "testdata/verify/dkimpy.py", folder, keysFile(t, records)))
}

// mailauth comes from npm.
func mailauth(t *testing.T, folder string, records map[string]string) map[string][]checked {
	return readVerdicts(t, runCommand(t, program(t, "node"), "testdata/verify/mailauth.js", folder, keysFile(t, records)))
}

func keysFile(t *testing.T, records map[string]string) string {
	t.Helper()
	b, err := json.Marshal(records)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, t.TempDir(), "keys.json", b)
}

// readVerdicts reads a JSON object a message.
func readVerdicts(t *testing.T, r result) map[string][]checked {
	t.Helper()
	if r.status != 0 {
		t.Fatalf("status %d: %s (scripts/test installs what the tests need)", r.status, r.err)
	}
	found := make(map[string][]checked)
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); {
		var m struct {
			Name       string
			Signatures []checked
		}
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		found[m.Name] = m.Signatures
	}
	return found
}

var (
	opendkimMessage   = regexp.MustCompile(`(?m)^### INSHEADER: .* hname='Authentication-Results'`)
	opendkimSignature = regexp.MustCompile(`dkim=(\w+)(.*) header\.d=(\S+) .*header\.a=(\S+) header\.s=(\S+)`)
)

// opendkim is Debian's milter in its test mode, which tells about the messages
// in the order given.
func opendkim(t *testing.T, folder string, records map[string]string) map[string][]checked {
	t.Helper()
	dir := t.TempDir()
	var keys strings.Builder
	for _, name := range slices.Sorted(maps.Keys(records)) {
		fmt.Fprintf(&keys, "%s %s\n", name, records[name])
	}
	conf := fmt.Sprintf("Mode v\nSyslog no\nAlwaysAddARHeader yes\nMaximumHeaders 0\nOn-KeyNotFound accept\nTestPublicKeys %s\n", writeFile(t, dir, "keys", []byte(keys.String())))
	files, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	os.CopyFS("/tmp/v/od", os.DirFS(folder))
	os.CopyFS("/tmp/v/odc"+fmt.Sprint(os.Getpid()), os.DirFS(dir))
	r := runCommand(t, program(t, "opendkim"), "-x", writeFile(t, dir, "opendkim.conf", []byte(conf)), "-vv", "-t", strings.Join(files, ","))
	if r.status != 0 {
		t.Fatalf("opendkim ended with status %d: %.2000s", r.status, r.err)
	}
	starts := opendkimMessage.FindAllStringIndex(r.out, -1)
	if len(starts) != len(files) {
		t.Fatalf("opendkim told about %d of %d messages", len(starts), len(files))
	}
	found := make(map[string][]checked)
	for i, file := range files {
		end := len(r.out)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		found[name] = nil
		for _, m := range opendkimSignature.FindAllStringSubmatch(r.out[starts[i][0]:end], -1) {
			found[name] = append(found[name], checked{Domain: m[3], Algorithm: m[4], Selector: m[5], Good: m[1] == "pass", Why: m[2]})
		}
	}
	return found
}

func writeFile(t *testing.T, dir, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
