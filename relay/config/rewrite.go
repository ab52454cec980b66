package config

import (
	"cmp"
	"errors"

	"relaykeep/relay"
	"relaykeep/relay/bounce"
	"relaykeep/relay/outgoing"
)

// Outgoing gives what is done to the mail that goes to an upstream, less the
// signing: see Signing.
func (c *Config) Outgoing(u Upstream) outgoing.Options {
	o := outgoing.Options{
		From:            u.Rewrite.From,
		EnvelopeFrom:    u.Rewrite.EnvelopeFrom,
		ReplyToOriginal: u.Rewrite.ReplyToOriginal,
	}
	if u.RefusesNullSender {
		// What this upstream is known to take comes first: several take the
		// user of the login only.
		o.NullSender = cmp.Or(u.Rewrite.EnvelopeFrom, c.Bounce.From)
	}
	return o
}

// Rewrite says which addresses stand in the place of the sender's. "" leaves
// them.
type Rewrite struct {
	From            string
	EnvelopeFrom    string
	ReplyToOriginal bool // the author's address becomes Reply-To
}

// readRewrite reads the block rewrite of an upstream.
func readRewrite(s *section) Rewrite {
	r := Rewrite{
		From:            read(s, "from", "", optional(ownAddress)),
		EnvelopeFrom:    read(s, "envelope_from", "", optional(ownAddress)),
		ReplyToOriginal: s.boolean("reply_to_original", true),
	}
	s.end()
	return r
}

var errOwnAddress = errors.New(`is not a mail address that every server takes; write one in ASCII like "relay@example.com" (a domain with other letters as xn--…)`)

// ownAddress takes an address that is put in the place of others, so that it
// must be one that every server takes.
func ownAddress(s string) (string, error) {
	if _, err := mailAddress(s); err != nil {
		return "", errOwnAddress
	}
	a, err := relay.ParseAddress(s, false)
	if err != nil {
		return "", errOwnAddress
	}
	return a, nil
}

// warnNullSender tells of an upstream that would refuse each bounce.
func warnNullSender(s *section, u Upstream, b bounce.Settings) {
	if !u.RefusesNullSender || u.Rewrite.EnvelopeFrom != "" || b.From != "" || b.To == bounce.Nobody || s.faulty {
		return
	}
	s.d.add(true, s.header, "%s: %s takes no mail from <>, as bounces have it; write rewrite { envelope_from = \"…\" } in it, or bounce { from = \"…\" }", s.title, u.Provider)
}
