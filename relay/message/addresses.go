package message

import (
	"fmt"
	"regexp"
	"strings"

	"relaykeep/relay"
)

// AddressListError says why a text is no list of addresses, and where.
type AddressListError struct {
	Near string // what is wrong, or what stands there; of a stranger, cut to a line
	Why  string
}

// Error quotes the place.
func (e *AddressListError) Error() string {
	if e.Near == "" {
		return "malformed address list: " + e.Why
	}
	return fmt.Sprintf("malformed address near %q: %s", e.Near, e.Why)
}

// maxNear bounds AddressListError.Near, in bytes.
const maxNear = 60

// Addresses gives the mailboxes of an address list (RFC 5322 3.4, RFC 6532), as
// To, Cc and Bcc hold it, each in the wire form of relay.QuoteAddress and in
// order. Display names, comments, the names of groups and source routes are
// dropped. A local part without a domain gets the given one; where that is "",
// it is refused.
//
// Beyond the grammar it takes what is common and has one meaning: a semicolon
// between addresses, empty elements, a group that does not end, and local parts
// with dots at an end or in a row, which are quoted.
//
// Errors are of type *AddressListError. Time and memory grow with the length of
// the value only.
func Addresses(value, domain string) ([]string, error) {
	l := addressList{scanner: addressScanner{value}, domain: domain}
	for {
		t, err := l.scanner.next()
		if err != nil {
			return nil, err
		}
		if err := l.add(t); err != nil {
			return nil, err
		}
		if t.kind == tokenEnd {
			return l.found, nil
		}
	}
}

// addressList takes in the tokens of a list.
type addressList struct {
	scanner addressScanner
	domain  string
	words   []addressToken // of the element so far, outside of angle brackets
	angled  bool           // the element has had its angle brackets
	grouped bool           // within a group
	found   []string
}

func (l *addressList) add(t addressToken) error {
	switch t.kind {
	case ',', ';', tokenEnd:
		l.grouped = l.grouped && t.kind == ','
		return l.endElement()
	case ':':
		if l.grouped || l.angled || len(l.words) == 0 {
			return malformed(":"+l.scanner.rest, "a colon stands behind the name of a group only")
		}
		l.grouped, l.words = true, nil
		return nil
	case '<':
		if l.angled {
			return malformed("<"+l.scanner.rest, "a comma is missing between two addresses")
		}
		l.angled, l.words = true, nil // they were the display name
		return l.readAngle()
	case '>':
		return malformed(">"+l.scanner.rest, "no angle bracket was opened")
	}
	if l.angled {
		return malformed(t.text, "a comma is missing between two addresses")
	}
	l.words = append(l.words, t)
	return nil
}

// endElement takes an address that stands without angle brackets.
func (l *addressList) endElement() error {
	words := l.words
	l.words, l.angled = nil, false
	if len(words) == 0 {
		return nil
	}
	return l.take(words)
}

// readAngle takes the address up to the closing bracket.
func (l *addressList) readAngle() error {
	var words []addressToken
	for {
		t, err := l.scanner.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case '>':
			return l.take(words)
		case ':': // RFC 5322 4.4: what came before was a route
			if len(words) == 0 || words[0].kind != '@' {
				return malformed(":"+l.scanner.rest, "a colon stands behind a route only")
			}
			words = nil
		case tokenEnd, '<', ';':
			return malformed(spell(words), "an angle bracket is not closed")
		default:
			words = append(words, t)
		}
	}
}

// take reads a local part and a domain (RFC 5322 3.4.1).
func (l *addressList) take(words []addressToken) error {
	local, rest := words, []addressToken(nil)
	for i, w := range words {
		if w.kind == '@' {
			local, rest = words[:i], words[i+1:]
			break
		}
	}
	domain := l.domain
	if len(local) < len(words) {
		domain = join(rest)
	}
	switch {
	case len(words) == 0:
		return malformed("<>", "there is no address in it")
	case domain == "":
		return malformed(spell(words), "the domain is missing")
	case !dotted(local, tokenQuoted), !dotted(rest, tokenLiteral):
		return malformed(spell(words), "that is no address; a name wants its address in angle brackets behind it")
	}
	address, err := relay.QuoteAddress(join(local)+"@"+domain, true)
	if err != nil {
		return malformed(spell(words), strings.TrimPrefix(err.Error(), "malformed address: "))
	}
	l.found = append(l.found, address)
	return nil
}

// dotted reports whether the words are atoms, or ones of the other kind, with
// dots between.
func dotted(words []addressToken, other tokenKind) bool {
	after := false // a word
	for _, w := range words {
		switch w.kind {
		case '.':
			after = false
		case tokenAtom, other:
			if after {
				return false
			}
			after = true
		default:
			return false
		}
	}
	return true
}

// join gives the words without what may stand between them.
func join(words []addressToken) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text)
	}
	return b.String()
}

// spell gives the words for people.
func spell(words []addressToken) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && w.isWord() && words[i-1].isWord() {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

func malformed(near, why string) error {
	return &AddressListError{Near: printable(near, maxNear), Why: why}
}

// tokenKind is a special character for itself, or one of the kinds below.
type tokenKind byte

const (
	tokenEnd     tokenKind = 0
	tokenAtom    tokenKind = 'a'
	tokenQuoted  tokenKind = 'q' // text is without quotes and backslashes
	tokenLiteral tokenKind = 'l' // text is with its brackets
)

// addressToken is a word or a special character.
type addressToken struct {
	kind tokenKind
	text string
}

func (t addressToken) isWord() bool { return t.kind == tokenAtom || t.kind == tokenQuoted }

// addressScanner cuts a list into tokens, without white space and comments.
type addressScanner struct{ rest string }

// specials end an atom (RFC 5322 3.2.3).
const specials = `()<>[]:;@\,."`

// encodedWord is one of RFC 2047, broken ones with specials in it too: a comma
// within it ends no name.
var encodedWord = regexp.MustCompile(`^=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=`)

func (s *addressScanner) next() (addressToken, error) {
	for s.rest != "" {
		c := s.rest[0]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			s.rest = s.rest[1:]
		case c == '(':
			if !s.skipComment() {
				return addressToken{}, malformed(s.rest, "a comment is not closed")
			}
		case c == '"':
			return s.enclosed('"', tokenQuoted)
		case c == '[':
			return s.enclosed(']', tokenLiteral)
		case c < ' ', c == 0x7f, c == '\\', c == ')', c == ']':
			return addressToken{}, malformed(s.rest, "there is a character that may not stand there")
		case strings.IndexByte(specials, c) >= 0:
			s.rest = s.rest[1:]
			return addressToken{tokenKind(c), string(c)}, nil
		default:
			return addressToken{tokenAtom, s.atom()}, nil
		}
	}
	return addressToken{}, nil
}

// atom cuts off the atom, or the encoded word, at the beginning.
func (s *addressScanner) atom() string {
	n := len(encodedWord.FindString(s.rest))
	if n == 0 {
		n = strings.IndexFunc(s.rest, func(r rune) bool {
			return r <= ' ' || r == 0x7f || r < 0x80 && strings.IndexByte(specials, byte(r)) >= 0
		})
	}
	if n < 0 {
		n = len(s.rest)
	}
	atom := s.rest[:n]
	s.rest = s.rest[n:]
	return atom
}

// skipComment cuts off a comment with those within it (RFC 5322 3.2.2).
func (s *addressScanner) skipComment() bool {
	depth := 0
	for i := 0; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				s.rest = s.rest[i+1:]
				return true
			}
		}
	}
	return false
}

// enclosed cuts off a quoted string or a domain literal. Line ends of folding
// are no part of it.
func (s *addressScanner) enclosed(end byte, kind tokenKind) (addressToken, error) {
	var b strings.Builder
	if kind == tokenLiteral {
		b.WriteByte('[')
	}
	for i := 1; i < len(s.rest); i++ {
		c := s.rest[i]
		switch {
		case c == end:
			if kind == tokenLiteral {
				b.WriteByte(']')
			}
			s.rest = s.rest[i+1:]
			return addressToken{kind, b.String()}, nil
		case c == '\r' || c == '\n':
			continue
		case c == '\\' && i+1 < len(s.rest):
			i++
			c = s.rest[i]
		}
		b.WriteByte(c)
	}
	return addressToken{}, malformed(s.rest, fmt.Sprintf("a %c is missing", end))
}
