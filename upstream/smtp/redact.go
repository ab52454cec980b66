package smtp

import (
	"encoding/base64"
	"errors"
	"strings"
)

// minLeak is the length from which on a word is taken for a piece of an encoded
// credential, where it is one.
const minLeak = 8

// redact takes out of a server's text what it repeats of the credential: as it
// is, encoded, or a piece of the line that was sent.
func (e exchange) redact(text string) string {
	if e.secret == "" {
		return text
	}
	sent := []string{encode(e.secret)}
	for _, r := range e.responses {
		if strings.Contains(r, e.secret) {
			sent = append(sent, encode(r))
		}
	}
	for _, form := range append(sent, e.secret) {
		text = strings.ReplaceAll(text, form, "***")
	}
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, `"'<>()[],.;:`)
		for _, form := range sent {
			if len(word) >= minLeak && strings.Contains(form, word) {
				text = strings.ReplaceAll(text, word, "***")
			}
		}
	}
	return text
}

// withoutQuote drops what a protocol error quotes of the server.
func withoutQuote(err error) error {
	var p *ProtocolError
	if errors.As(err, &p) {
		return &ProtocolError{Reason: p.Reason}
	}
	return err
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
