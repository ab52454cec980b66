package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// AddressError says that a header field has an address that cannot be written
// in ASCII: its local part is not, and nobody but its own domain may change it
// (RFC 6530 7.1).
type AddressError struct{ Field string }

// Error names the field.
func (e *AddressError) Error() string {
	return "the field " + e.Field + " has an address with non-ASCII characters, which cannot be written without SMTPUTF8"
}

// Downgrade gives the field in ASCII: text, display names and comments as
// encoded words (RFC 2047), parameters as of RFC 2231, domains as A-labels. A
// field that is ASCII comes back as it is, and so do the parts of others that
// are.
//
// Where there is no encoding, as in a trace field, a question mark stands for
// each character, and in an identifier its bytes in hexadecimal, always the
// same, so that replies still find what they answer. Text that is no UTF-8 is
// labelled unknown-8bit. The error is an *AddressError.
func Downgrade(f Field) (Field, error) {
	if isASCII(f.raw[f.colon:]) {
		return f, nil
	}
	w := folder{col: f.colon + 1}
	v := f.value()
	switch kind := kindOf(f.Name()); kind {
	case kindText:
		list, rest := splitWords(v, false)
		w.words(list)
		w.end(rest)
	case kindParameters:
		w.parameters(v)
	case kindTrace:
		w.trace(v)
	default:
		if err := w.list(v, kind); err != nil {
			return f, &AddressError{f.Name()}
		}
	}
	return f.withValue(w.out), nil
}

// fieldKind is what may stand in a field.
type fieldKind uint8

const (
	kindText        fieldKind = iota
	kindAddresses             // a list of addresses with names
	kindIdentifiers           // a list of identifiers in angle brackets
	kindURLs                  // a list of URLs in angle brackets
	kindParameters            // a value with parameters
	kindTrace                 // nothing but comments can be encoded
)

func kindOf(name string) fieldKind {
	switch strings.ToLower(name) {
	case "from", "sender", "reply-to", "to", "cc", "bcc", "return-path",
		"resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc",
		"disposition-notification-to", "return-receipt-to", "errors-to", "delivered-to", "x-original-to",
		"mail-followup-to", "mail-reply-to", "keywords":
		return kindAddresses
	case "message-id", "in-reply-to", "references", "resent-message-id", "content-id", "list-id", "original-message-id":
		return kindIdentifiers
	case "list-unsubscribe", "list-subscribe", "list-help", "list-post", "list-archive", "list-owner", "content-location":
		return kindURLs
	case "content-type", "content-disposition":
		return kindParameters
	case "received", "date", "resent-date", "mime-version", "content-transfer-encoding", "received-spf",
		"dkim-signature", "domainkey-signature", "authentication-results",
		"arc-seal", "arc-message-signature", "arc-authentication-results", "list-unsubscribe-post", "auto-submitted":
		return kindTrace
	}
	return kindText
}

// list adds a list of addresses, identifiers or URLs.
func (w *folder) list(v []byte, k fieldKind) error {
	pieces, ok := takeApart(v)
	if !ok {
		w.text(questioned(v))
		return nil
	}
	is := roles(pieces)
	for i := 0; i < len(pieces); i++ {
		t := pieces[i]
		var err error
		switch {
		case t.kind == pieceSpace:
			w.gap(t.text)
		case t.kind == pieceComment:
			w.comment(t.text)
		case is[i] == rolePhrase:
			i = w.phrase(pieces, is, i)
		case is[i] == roleMark:
			w.mark(t.text)
		default:
			if t.text, err = addressPart(t.text, is[i], k); err != nil {
				return err
			}
			w.text(t.text)
		}
	}
	w.end(nil)
	return nil
}

// phrase adds the words from the place i on and gives the place of the last
// one.
func (w *folder) phrase(pieces []piece, is []role, i int) int {
	var list []word
	var gap []byte
	last := i
	for ; i < len(pieces) && (is[i] == rolePhrase || pieces[i].kind == pieceSpace); i++ {
		t := pieces[i]
		if t.kind == pieceSpace {
			gap = t.text
			continue
		}
		wd := word{gap: gap, text: t.text}
		if !isASCII(t.text) {
			wd.plain = t.text
			if t.kind == pieceQuoted {
				wd.plain = unfolded(unquoted(t.text))
			}
		}
		list, gap, last = append(list, wd), nil, i
	}
	w.words(list)
	if next := last + 1; next < len(pieces) && pieces[next].kind != pieceSpace && is[next] == roleAngle {
		w.gap([]byte{' '})
	}
	return last
}

// comment adds a comment, the parts between its parentheses encoded.
func (w *folder) comment(c []byte) {
	if isASCII(c) {
		w.text(c)
		return
	}
	for len(c) > 0 {
		if c[0] == '(' || c[0] == ')' {
			if c[0] == '(' && (len(w.pending) > 0 || len(w.out) == 0) {
				w.breakFor(minEncodedWord)
			}
			w.mark(c[:1])
			c = c[1:]
			continue
		}
		n := 0
		for n < len(c) && c[n] != '(' && c[n] != ')' {
			if c[n] == '\\' {
				n++
			}
			n++
		}
		n = min(n, len(c))
		list, rest := splitWords(c[:n], true)
		w.words(list)
		w.gap(rest)
		c = c[n:]
	}
}

// trace adds a value in which nothing but comments can be encoded.
func (w *folder) trace(v []byte) {
	pieces, ok := takeApart(v)
	if !ok {
		w.text(questioned(v))
		return
	}
	for _, t := range pieces {
		switch t.kind {
		case pieceSpace:
			w.gap(t.text)
		case pieceComment:
			w.comment(t.text)
		default:
			w.text(questioned(t.text))
		}
	}
	w.end(nil)
}

// questioned stands a question mark for each character that is not ASCII.
func questioned(b []byte) []byte {
	if isASCII(b) {
		return b
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n := 1
		if b[0] < utf8.RuneSelf {
			out = append(out, b[0])
		} else {
			_, n = utf8.DecodeRune(b)
			out = append(out, '?')
		}
		b = b[n:]
	}
	return out
}

// addressPart writes an address in angle brackets, or a part of one without,
// in ASCII.
func addressPart(b []byte, is role, k fieldKind) ([]byte, error) {
	switch {
	case isASCII(b):
		return b, nil
	case k == kindIdentifiers:
		return inHex(b, '='), nil
	case k == kindURLs:
		return inHex(b, '%'), nil
	case is == roleDomain:
		domain, err := asciiDomain(string(b))
		return []byte(domain), err
	case is == roleLocal:
		return nil, errNotASCII
	}
	at := strings.LastIndexByte(string(b), '@')
	end := len(strings.TrimRight(string(b[:len(b)-1]), " \t\r\n")) // before the closing bracket
	if at < 0 || at+1 >= end || !isASCII(b[:at]) {
		return nil, errNotASCII
	}
	domain, err := asciiDomain(string(b[at+1 : end]))
	if err != nil {
		return nil, err
	}
	return append(append(b[:at+1:at+1], domain...), b[end:]...), nil
}

const errNotASCII = notASCII("not ASCII")

type notASCII string

func (e notASCII) Error() string { return string(e) }

// asciiDomain writes a domain with A-labels (RFC 5890 2.3.2.1).
func asciiDomain(domain string) (string, error) {
	a, err := idna.Lookup.ToASCII(domain)
	if err != nil || !utf8.ValidString(domain) {
		return "", errNotASCII
	}
	return a, nil
}

// inHex writes each byte beyond ASCII in hexadecimal behind a mark.
func inHex(b []byte, mark byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		if c < utf8.RuneSelf {
			out = append(out, c)
			continue
		}
		out = append(out, mark, upperHex[c>>4], upperHex[c&15])
	}
	return out
}
