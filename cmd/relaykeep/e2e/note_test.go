package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gomail "github.com/emersion/go-message/mail"
)

// note is a mail with what mail programs find difficult, as their users know it.
type note struct {
	Host string `json:"host"`
	Port int    `json:"port"`

	Name    string   `json:"name"`
	From    string   `json:"from"`
	To      []string `json:"to"`
	Cc      string   `json:"cc"`
	Bcc     string   `json:"bcc"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
	File    string   `json:"file"` // attached

	attached []byte
}

// all gives the twenty recipients.
func (n *note) all() []string { return append(slices.Clone(n.To), n.Cc, n.Bcc) }

func newNote(t *testing.T, addr string) *note {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n := &note{
		Host: host, Name: "Jürgen Müller", From: "app@example.com", Cc: "copy@example.com", Bcc: "hidden@example.com",
		Subject: "Grüße, 世界: Rechnung № 7 über 1.234,50 € für die Straßenmeisterei, mit einem Anhang",
		Text:    "Liebe Grüße\n.\n..zwei Punkte\nFrom hier\n\nein langer Satz " + strings.Repeat("wörtlich ", 80) + "\nEnde\n",
	}
	if n.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	for i := range 18 {
		n.To = append(n.To, fmt.Sprintf("r%02d@example.com", i))
	}
	for i := range 1024 {
		n.attached = append(n.attached, byte(i), byte(i>>8))
	}
	n.File = filepath.Join(shortDir(t), "data.bin")
	if err := os.WriteFile(n.File, n.attached, 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// raw is the note as a mail, for clients that send files: what arrives must be
// that, byte for byte.
func (n *note) raw(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	var h gomail.Header
	h.SetAddressList("From", []*gomail.Address{{Name: n.Name, Address: n.From}})
	var to []*gomail.Address
	for _, a := range n.To {
		to = append(to, &gomail.Address{Name: "Empfänger", Address: a})
	}
	h.SetAddressList("To", to)
	h.SetAddressList("Cc", []*gomail.Address{{Address: n.Cc}})
	h.SetSubject(n.Subject)
	h.SetMessageID("note@example.com")
	h.Set("Date", "Tue, 03 Nov 2026 10:00:00 +0000")
	w, err := gomail.CreateWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	var inline gomail.InlineHeader
	inline.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	inline.Set("Content-Transfer-Encoding", "8bit")
	writePart(t, func() (io.WriteCloser, error) { return w.CreateSingleInline(inline) }, strings.ReplaceAll(n.Text, "\n", "\r\n"))
	var attachment gomail.AttachmentHeader
	attachment.SetFilename(filepath.Base(n.File))
	attachment.SetContentType("application/octet-stream", nil)
	writePart(t, func() (io.WriteCloser, error) { return w.CreateAttachment(attachment) }, string(n.attached))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writePart(t *testing.T, create func() (io.WriteCloser, error), content string) {
	t.Helper()
	w, err := create()
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkNote compares a mail with the note that it is, as a reader sees it.
func checkNote(t *testing.T, n *note, body []byte) {
	t.Helper()
	r, err := gomail.CreateReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v:\n%.2000s", err, body)
	}
	if subject, err := r.Header.Subject(); err != nil || subject != n.Subject {
		t.Errorf("the subject is %q, %v", subject, err)
	}
	checkAddresses(t, r, "From", []string{n.From})
	checkAddresses(t, r, "To", n.To)
	checkAddresses(t, r, "Cc", []string{n.Cc})
	if from, err := r.Header.AddressList("From"); err != nil || from[0].Name != n.Name {
		t.Errorf("it is from %v, %v", from, err)
	}
	if r.Header.Has("Bcc") || bytes.Contains(body, []byte(n.Bcc)) {
		t.Error("the hidden recipient is told")
	}
	if r.Header.Get("Message-Id") == "" || r.Header.Get("Date") == "" { // not every client sends them
		t.Error("there is no Message-ID or no Date")
	}
	var text, file []byte
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%.2000s", err, body)
		}
		content, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		if _, attached := part.Header.(*gomail.AttachmentHeader); attached {
			file = content
		} else {
			text = content
		}
	}
	if got := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n") + "\n"; got != n.Text {
		t.Errorf("the text is %q", got)
	}
	if !bytes.Equal(file, n.attached) {
		t.Errorf("%d bytes are attached, and not those that were sent", len(file))
	}
}

func checkAddresses(t *testing.T, r *gomail.Reader, field string, want []string) {
	t.Helper()
	list, err := r.Header.AddressList(field)
	var got []string
	for _, a := range list {
		got = append(got, a.Address)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: %q, %v", field, got, err)
	}
}
