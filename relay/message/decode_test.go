package message

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
)

// part is a leaf as a receiver decodes it.
type part struct{ Type, Content string }

// leaves decodes a message with go-message.
func leaves(r io.Reader) ([]part, error) {
	e, err := gomessage.Read(r)
	if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
		return nil, err
	}
	return entityLeaves(e)
}

func entityLeaves(e *gomessage.Entity) ([]part, error) {
	media, _, _ := e.Header.ContentType()
	if mr := e.MultipartReader(); mr != nil {
		var all []part
		for {
			p, err := mr.NextPart()
			if err == io.EOF {
				return all, nil
			}
			if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
				return all, err
			}
			if media == "multipart/digest" && p.Header.Get("Content-Type") == "" {
				p.Header.SetContentType("message/rfc822", nil)
			}
			under, err := entityLeaves(p)
			all = append(all, under...)
			if err != nil {
				return all, err
			}
		}
	}
	if media == "message/rfc822" {
		return leaves(e.Body)
	}
	b, err := io.ReadAll(e.Body)
	return []part{{media, string(b)}}, err
}

// sameLeaves wants go-message to decode the same before and after. What it
// cannot read before it need not read after.
func sameLeaves(t testing.TB, name, before, after string) {
	t.Helper()
	want, err := leaves(strings.NewReader(before))
	if err != nil && err != io.ErrUnexpectedEOF {
		t.Logf("%s: go-message cannot read it: %v", name, err)
		return
	}
	got, _ := leaves(strings.NewReader(after))
	comparePart(t, name+" (go-message)", want, got, after)
}

func comparePart(t testing.TB, name string, want, got []part, after string) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d parts became %d in\n%q", name, len(want), len(got), after)
		return
	}
	for i := range want {
		if want[i] != got[i] {
			t.Errorf("%s: part %d\nwas %.300q\nis  %.300q\nin  %.800q", name, i, want[i], got[i], after)
		}
	}
}

// decodeProgram decodes messages, one JSON string of Latin-1 a line, as
// Python's email package sees them.
const decodeProgram = `
import email, json, sys
for line in sys.stdin:
    m = email.message_from_bytes(json.loads(line).encode("latin-1"))
    parts = []
    for p in m.walk():
        if not p.is_multipart():
            parts.append({"Type": p.get_content_type(), "Content": (p.get_payload(decode=True) or b"").decode("latin-1")})
    print(json.dumps(parts))
`

// samePython wants Python's email package to decode the same before and after.
func samePython(t *testing.T, before, after []string) {
	t.Helper()
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, s := range append(before[:len(before):len(before)], after...) {
		if err := enc.Encode(latin1(s)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("python3", "-c", decodeProgram)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	all := make([][]part, len(before)+len(after))
	for i := range all {
		if err := dec.Decode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range before {
		comparePart(t, "Python", all[i], all[len(before)+i], after[i])
	}
}

// latin1 has a character for each byte.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}
