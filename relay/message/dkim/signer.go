package dkim

import (
	"errors"
	"fmt"
	"io"
	"strings"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"relaykeep/relay/message"
)

// Options make a Signer.
type Options struct {
	Domains []Domain

	// Unsigned names header fields that the provider replaces on the way: a
	// signature over them would break. From is not one of them.
	Unsigned []string
}

// Domain is a domain with its keys, at least one.
type Domain struct {
	Name string // in lower case, as A-labels
	Keys []Key
}

// Signer signs messages. It does not change and may be used by several
// goroutines.
type Signer struct {
	domains  map[string][]Key
	fields   []signedField
	identity [32]byte
}

// New makes a Signer. Errors say what is wrong with a domain or a key.
func New(o Options) (*Signer, error) {
	fields, err := fieldsWithout(o.Unsigned)
	if err != nil {
		return nil, err
	}
	s := &Signer{domains: make(map[string][]Key, len(o.Domains)), fields: fields}
	for _, d := range o.Domains {
		if _, twice := s.domains[d.Name]; twice || len(d.Keys) == 0 {
			return nil, fmt.Errorf("dkim: the domain %q comes twice, or has no key", d.Name)
		}
		for _, k := range d.Keys {
			if err := k.check(); err != nil {
				return nil, fmt.Errorf("dkim: selector %q of %q: %w", k.Selector, d.Name, err)
			}
		}
		s.domains[d.Name] = d.Keys
	}
	if s.identity, err = identityOf(o.Domains, fields); err != nil {
		return nil, err
	}
	return s, nil
}

// ErrUnsignable is matched by the error for a message that cannot be signed in
// bounded memory, whatever is tried: its header section is over
// message.MaxHeader, or it has more than 32,768 empty lines in a row.
var ErrUnsignable = errors.New("too much to sign")

// Sign reads a message with CRLF line ends to its end and gives the
// DKIM-Signature fields that belong on top of it: one for each key of the
// domain, each folded and ended by CRLF; "" where no key fits. The rest of a
// message that no key fits is not read.
//
// Text that follows the header without an empty line is taken for a text
// nevertheless, see message.ReadHeader. Errors match ErrUnsignable, or are those
// of content.
func (s *Signer) Sign(content io.Reader) (fields string, err error) {
	h, whole, err := message.ReadHeader(content)
	if errors.Is(err, message.ErrHeaderTooLarge) {
		return "", fmt.Errorf("%w: %w", ErrUnsignable, err)
	}
	if err != nil {
		return "", err
	}
	domain, keys := s.keysFor(h)
	if len(keys) == 0 {
		return "", nil
	}
	if err := h.Skip(whole); err != nil {
		return "", err
	}
	names := namesOf(s.fields, h)
	return sign(domain, keys, names, sectionOf(h, names), whole)
}

// keysFor gives the keys that sign a message, and the value of d=.
func (s *Signer) keysFor(h *message.Header) (domain string, keys []Key) {
	from := h.Values("From")
	if len(from) == 0 {
		return "", nil
	}
	for domain = fromDomain(from[0]); domain != ""; _, domain, _ = strings.Cut(domain, ".") {
		if keys, ok := s.domains[domain]; ok {
			return domain, keys
		}
	}
	return "", nil
}

// sign makes a signature with each key, in one pass over the text.
func sign(domain string, keys []Key, names []string, section []byte, text io.Reader) (fields string, err error) {
	var (
		signers []*msgauth.Signer
		all     []io.Writer
	)
	defer func() { // each has a goroutine, which ends by Close only; another Close does no harm
		for _, s := range signers {
			s.Close()
		}
	}()
	for _, k := range keys {
		s, err := msgauth.NewSigner(&msgauth.SignOptions{
			Domain: domain, Selector: k.Selector, Signer: k.Private,
			HeaderCanonicalization: msgauth.CanonicalizationRelaxed,
			BodyCanonicalization:   msgauth.CanonicalizationRelaxed,
			HeaderKeys:             names,
		})
		if err != nil {
			return "", err
		}
		signers, all = append(signers, s), append(all, s)
	}
	to := io.MultiWriter(all...)
	if _, err := to.Write(section); err != nil {
		return "", err
	}
	if _, err := io.Copy(&blankGuard{to: to}, text); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range signers {
		if err := s.Close(); err != nil {
			return "", err
		}
		b.WriteString(s.Signature())
	}
	return b.String(), nil
}
