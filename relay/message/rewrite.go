package message

import (
	"bytes"
	"strings"
)

// Rewrite puts an address that an upstream takes in the place of the author's.
type Rewrite struct {
	From            string // the new address, ASCII, in its wire form
	ReplyToOriginal bool   // answers go to the author all the same
}

// Apply gives the fields as they are after the rewriting; those that it has no
// reason to touch stay as they are, byte for byte, and in their order.
//
//   - From gets the new address and keeps the display name of its first
//     author. A second From, which must not be, goes.
//   - The old From becomes Reply-To, unless there is a Reply-To that says
//     anything, or From holds no address.
//   - Sender goes: it would name somebody else as the one who sends for the
//     author (RFC 5322 3.6.2), and providers want to own it as well.
//   - Return-Path goes: it is not for us to send (RFC 5321 4.4), and providers
//     take it for the envelope sender.
//   - Signatures over the old From go, as they are broken now (RFC 6376 5.4
//     wants From in each).
//   - Resent fields stay: they tell of an earlier way, and no policy looks at
//     them.
//
// Where From is the new address already it stays as it is, with its signatures.
func (r Rewrite) Apply(fields []Field) []Field {
	var authors *Field
	replies := false
	for i := range fields {
		switch f := &fields[i]; {
		case authors == nil && f.Is("From"):
			authors = f
		case f.Is("Reply-To"):
			replies = replies || len(bytes.TrimSpace(f.value())) > 0
		}
	}
	from, original := r.from(authors)
	changed := authors == nil || !bytes.Equal(from.raw, authors.raw)
	out := make([]Field, 0, len(fields)+2)
	for i := range fields {
		switch f := &fields[i]; {
		case f == authors:
			out = append(out, from)
			if changed && original && r.ReplyToOriginal && !replies {
				out = append(out, replyTo(*f))
			}
		case f.Is("From"), f.Is("Sender"), f.Is("Return-Path"):
		case f.Is("Reply-To") && !replies && changed:
		case changed && (f.Is("DKIM-Signature") || f.Is("DomainKey-Signature")):
		default:
			out = append(out, *f)
		}
	}
	if authors == nil {
		out = append(out, from)
	}
	return out
}

// from gives the new From in place of the old one, nil where there is none, and
// whether the old one holds another address.
func (r Rewrite) from(old *Field) (f Field, other bool) {
	plain := NewField("From", r.From)
	if old == nil {
		return plain, false
	}
	pieces, ok := takeApart(old.value())
	is := roles(pieces)
	m, found := firstMailbox(pieces, is)
	if !ok || !found {
		return plain, false
	}
	author, address := addressOf(pieces, m)
	if address && sameAddress(author, r.From) && alone(is, m) {
		return old.withValue(old.value()), false
	}
	return old.withValue(r.put(pieces, is, m)), address
}

// put gives the mailbox m with the new address: the words and comments before
// it, and the comments behind it, stay.
func (r Rewrite) put(pieces []piece, is []role, m mailbox) []byte {
	var name, note []byte
	for i := m.from; i < m.address; i++ {
		if is[i] == rolePhrase || is[i] == roleGap {
			name = append(name, pieces[i].text...)
		}
	}
	for i := m.after; i < m.to; i++ {
		if is[i] == roleGap {
			note = append(note, pieces[i].text...)
		}
	}
	name, note = trimGap(name), trimGap(note)
	w := folder{col: len("From:")}
	if len(name) > 0 {
		w.gap([]byte{' '})
		w.text(name)
		w.gap([]byte{' '})
		w.text([]byte("<" + r.From + ">"))
	} else {
		w.gap([]byte{' '})
		w.text([]byte(r.From))
	}
	if len(note) > 0 {
		w.gap([]byte{' '})
		w.text(note)
	}
	return w.out
}

// alone reports whether a list has no other member than m.
func alone(is []role, m mailbox) bool {
	for i, r := range is {
		if (i < m.from || i >= m.to) && r != roleGap {
			return false
		}
	}
	return true
}

// replyTo gives a From as the Reply-To, whose name is longer: a line that gets
// too long by that begins behind the colon.
func replyTo(from Field) Field {
	const name = "Reply-To"
	first, _, _ := bytes.Cut(from.value(), []byte(crlf))
	start := name + ":"
	if len(start)+len(first) > maxFieldName && len(first) > 0 && isSpace(first[0]) {
		start += crlf
	}
	return Field{append([]byte(start), from.raw[from.colon+1:]...), len(name)}
}

// sameAddress compares the domain in any case.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	return i == j && i >= 0 && a[:i] == b[:j] && strings.EqualFold(a[i:], b[j:])
}

func trimGap(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }
