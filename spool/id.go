package spool

import (
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"relaykeep/relay"
)

// NewID makes a fresh id, larger than every one that this process made before
// while the clock does not go back.
func NewID() relay.ID { return relay.ID(ulid.Make().String()) }

// ParseID reads an id as a person may have typed or pasted it: in any case,
// nothing else around it.
func ParseID(s string) (relay.ID, error) {
	u, err := ulid.ParseStrict(s)
	if err != nil {
		return "", fmt.Errorf("%q is no message id: an id has 26 letters and digits, as in %s", s, "01JX3Z5K8Q6W7RT2V9B4M0NCDE")
	}
	return relay.ID(u.String()), nil
}

// Key is the binary form of an id, as stores use it: 16 bytes that sort by the
// time of acceptance.
type Key [16]byte

// KeyOf gives the binary form of an id; it fails for what is no id.
func KeyOf(id relay.ID) (Key, error) {
	u, err := ulid.ParseStrict(string(id))
	if err != nil {
		return Key{}, fmt.Errorf("message id %q: %w", id, err)
	}
	return Key(u), nil
}

// ID gives the text form of a key.
func (k Key) ID() relay.ID { return relay.ID(ulid.ULID(k).String()) }

// Time is when the id was made, to the millisecond.
func (k Key) Time() time.Time { return ulid.Time(ulid.ULID(k).Time()) }
