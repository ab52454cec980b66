package message

import (
	"bytes"

	"relaykeep/relay"
)

// role is what a piece is in a list of addresses (RFC 5322 3.4).
type role uint8

const (
	roleGap    role = iota // white space and comments
	rolePhrase             // a word of a display name, or of the name of a group
	roleLocal              // of an address without angle brackets
	roleAt
	roleDomain
	roleAngle // an address with its angle brackets
	roleMark  // what stands between the members of the list
)

// roles gives each piece its role. What is no list of addresses gets roles as
// well as may be.
func roles(pieces []piece) []role {
	list := make([]role, len(pieces))
	word := rolePhrase // what words after an @ are is known; before it, later
	from := 0          // the first piece of this member
	for i, t := range pieces {
		switch {
		case t.kind == pieceSpace || t.kind == pieceComment:
		case t.kind == pieceAngle:
			list[i] = roleAngle
		case t.kind != pieceMark:
			list[i] = word
		case t.text[0] == '@' && word == rolePhrase:
			list[i], word = roleAt, roleDomain
			for j := from; j < i; j++ {
				if list[j] == rolePhrase {
					list[j] = roleLocal
				}
			}
		case t.text[0] == '@':
			list[i] = roleAt
		default:
			list[i], word, from = roleMark, rolePhrase, i+1
		}
	}
	return list
}

// mailbox is the place of a mailbox in a list of pieces: all of it, and its
// address.
type mailbox struct {
	from, to       int
	address, after int
}

// firstMailbox finds the first mailbox that has an address.
func firstMailbox(pieces []piece, is []role) (m mailbox, ok bool) {
	for i, r := range is {
		switch r {
		case roleMark:
			m.from = i + 1
		case roleAngle, roleLocal:
			m.address, m.after = i, i+1
			m.to = m.after
			for m.to < len(is) && is[m.to] != roleMark {
				if is[m.to] == roleAt || is[m.to] == roleDomain {
					m.after = m.to + 1
				}
				m.to++
			}
			return m, true
		}
	}
	return m, false
}

// addressOf gives the address of a mailbox in its wire form; ok is false where
// it is none.
func addressOf(pieces []piece, m mailbox) (address string, ok bool) {
	var b []byte
	for _, t := range pieces[m.address:m.after] {
		if t.kind != pieceSpace && t.kind != pieceComment {
			b = append(b, t.text...)
		}
	}
	address, err := relay.ParseAddress(string(bytes.TrimSpace(b)), true)
	return address, err == nil
}
