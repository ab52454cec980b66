package config

import (
	"errors"

	"relaykeep/relay/bounce"
)

// readBounce reads a block bounce. What is left out in that of a route is as in
// the global one, which gives the defaults.
func readBounce(s *section, defaults bounce.Settings) bounce.Settings {
	b := bounce.Settings{
		To: read(s, "to", defaults.To, func(v string) (string, error) {
			if v == bounce.Sender || v == bounce.Nobody {
				return v, nil
			}
			if _, err := mailAddress(v); err != nil {
				return "", errors.New(`is not "sender", "none" or a mail address`)
			}
			return v, nil
		}),
		Copy: read(s, "copy", defaults.Copy, optional(mailAddress)),
		From: read(s, "from", defaults.From, optional(ownAddress)),
		Full: defaults.Full,
	}
	if s.has("return") {
		b.Full = s.choice("return", "headers", "headers", "full") == "full"
	}
	s.end()
	return b
}
