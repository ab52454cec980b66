package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sample is a message of the corpus, and what of it changes on the way. What is
// not said here must arrive as it was sent, byte for byte, below one Received
// field.
type sample struct {
	name    string
	content []byte
	chunks  bool   // it is sent by BDAT: it need not end with a line end
	params  string // of MAIL

	added   []string // fields that it lacks: they come on top
	removed []string // fields that are meant for relaykeep
	mended  bool     // line ends that are no CRLF become one
	closed  bool     // the empty line after the header was missing
	recoded bool     // lines are too long: encoded anew, it says the same
}

// exceptions say what is particular about messages that are files.
var exceptions = map[string]sample{
	"utf8":                 {params: " BODY=8BITMIME"},
	"utf8-alternative":     {params: " BODY=8BITMIME"},
	"utf8-header":          {params: " BODY=8BITMIME SMTPUTF8"},
	"utf8-filename":        {params: " SMTPUTF8"},
	"dots":                 {chunks: true},
	"nested":               {chunks: true},
	"no-date":              {added: []string{"Date"}},
	"no-message-id":        {added: []string{"Message-ID"}},
	"no-from":              {added: []string{"From"}},
	"nothing-but-subject":  {added: []string{"From", "Date", "Message-ID"}},
	"empty-identification": {added: []string{"Date", "Message-ID"}, removed: []string{"Date", "Message-ID"}},
	"control":              {removed: []string{"X-Relaykeep-Priority", "X-Relaykeep-Expire", "X-Relaykeep-Unknown"}},
	"control-wrong":        {removed: []string{"X-Relaykeep-Priority", "X-Relaykeep-Expire"}},
}

// corpus gives all messages: the files of testdata/corpus, and those that are
// made here.
func corpus(t *testing.T) []sample {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages are in testdata/corpus: %v", err)
	}
	var all []sample
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		s := exceptions[name]
		s.name, s.content = name, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		all = append(all, s)
	}
	return append(all, made()...)
}

// recipient is who gets a sample, and by whom it is known again.
func (s *sample) recipient() string { return s.name + "@rcpt.example.com" }

var lineEnd = regexp.MustCompile(`\r*\n|\r+`)

// want is what must arrive below the Received field and the added fields.
func (s *sample) want() []byte {
	b := s.content
	if s.mended || !bytes.HasSuffix(b, []byte("\r\n")) {
		b = lineEnd.ReplaceAll(b, []byte("\r\n"))
		if !bytes.HasSuffix(b, []byte("\r\n")) {
			b = append(b, "\r\n"...)
		}
	}
	fields, text := split(b)
	fields = slices.DeleteFunc(fields, func(f string) bool { return s.takesOut(fieldName(f)) })
	if s.closed {
		fields = append(fields, "\r\n")
	}
	return append([]byte(strings.Join(fields, "")), text...)
}

func (s *sample) takesOut(name string) bool {
	return slices.ContainsFunc(s.removed, func(r string) bool { return strings.EqualFold(r, name) })
}

// split gives the fields of a header section, their line ends included, and all
// that follows them.
func split(message []byte) (fields []string, rest []byte) {
	for len(message) > 0 {
		end := bytes.Index(message, []byte("\r\n")) + 2
		line := string(message[:end])
		switch {
		case line[0] == ' ' || line[0] == '\t':
			if len(fields) == 0 {
				return nil, message
			}
			fields[len(fields)-1] += line
		case fieldName(line) == "":
			return fields, message
		default:
			fields = append(fields, line)
		}
		message = message[end:]
	}
	return fields, nil
}

// fieldName is the name of a header field, "" of what is none.
func fieldName(field string) string {
	name, _, ok := strings.Cut(field, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || strings.ContainsAny(name, " \t\r\n") {
		return ""
	}
	return name
}

// arrival is a message as a provider took it, taken apart.
type arrival struct {
	signatures []string // our DKIM-Signature fields
	added      []string // the names of other fields that were put on top
	rest       []byte
}

// dissect takes off what relaykeep has put on top of a sample: signatures, the
// Received field, fields that were missing.
func dissect(t *testing.T, s *sample, body []byte) arrival {
	t.Helper()
	fields, rest := split(body)
	var a arrival
	for len(fields) > 0 && strings.HasPrefix(fields[0], "DKIM-Signature: ") && strings.Contains(fields[0], " d="+signingDomain+";") {
		a.signatures = append(a.signatures, fields[0])
		fields = fields[1:]
	}
	traced := false
	for range 1 + len(s.added) {
		if len(fields) == 0 {
			break
		}
		name := fieldName(fields[0])
		if name == "Received" && !traced && traceID.MatchString(fields[0]) {
			traced = true
		} else {
			a.added = append(a.added, name)
		}
		fields = fields[1:]
	}
	if !traced {
		t.Errorf("%s: no Received field is at the top of %.300q", s.name, body)
	}
	a.rest = append([]byte(strings.Join(fields, "")), rest...)
	return a
}
