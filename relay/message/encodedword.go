package message

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// The charsets that text beyond ASCII is labelled with: what is no UTF-8 came
// without a label, and nobody knows (RFC 1428 3).
const (
	charsetUTF8    = "utf-8"
	charsetUnknown = "unknown-8bit"
)

const (
	maxEncodedWord = 75 // RFC 2047 2
	minEncodedWord = 40 // less room than this on a line is not worth a word
)

func charsetOf(text []byte) string {
	if utf8.Valid(text) {
		return charsetUTF8
	}
	return charsetUnknown
}

// isEncodedWord reports whether a word is encoded already.
func isEncodedWord(w []byte) bool {
	return len(w) > 6 && bytes.HasPrefix(w, []byte("=?")) && bytes.HasSuffix(w, []byte("?="))
}

// encoded adds text as encoded words, as many as it takes, all in one encoding.
// None cuts a character in two.
func (w *folder) encoded(text []byte) {
	charset, q := charsetOf(text), isReadableInQ(text)
	start := "=?" + charset + "?b?"
	if q {
		start = "=?" + charset + "?q?"
	}
	for len(text) > 0 {
		w.breakFor(min(len(start)+payloadLen(text, q)+len("?="), minEncodedWord))
		room := lineLimit - w.col - len(w.pending)
		if i := bytes.LastIndexByte(w.pending, '\n'); i >= 0 {
			room = lineLimit - (len(w.pending) - i - 1)
		}
		if room < minEncodedWord {
			room = maxEncodedWord // there is no place for a fold
		}
		n := fitting(text, min(room, maxEncodedWord)-len(start)-len("?="), charset, q)
		w.flush()
		w.add(appendPayload([]byte(start), text[:n], q))
		w.add([]byte("?="))
		if text = text[n:]; len(text) > 0 {
			w.gap([]byte{' '})
		}
	}
}

// fitting is how much of text one word with this much room for its payload
// holds: whole characters, and one at least.
func fitting(text []byte, room int, charset string, q bool) int {
	n, used := 0, 0
	for n < len(text) {
		size := 1
		if charset == charsetUTF8 {
			_, size = utf8.DecodeRune(text[n:])
		}
		if q {
			used += payloadLen(text[n:n+size], q)
		} else {
			used = payloadLen(text[:n+size], q)
		}
		if used > room && n > 0 {
			break
		}
		n += size
	}
	return n
}

// isPlainInQ reports whether a byte stands for itself in any place of a header
// (RFC 2047 5, the rule for phrases).
func isPlainInQ(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

// escapesInQ is how many bytes of text do not stand for themselves.
func escapesInQ(text []byte) int {
	n := 0
	for _, c := range text {
		if !isPlainInQ(c) && c != ' ' {
			n++
		}
	}
	return n
}

// isReadableInQ decides for the encoding that people can read where they still
// could.
func isReadableInQ(text []byte) bool { return 2*escapesInQ(text) <= len(text) }

func payloadLen(text []byte, q bool) int {
	if q {
		return len(text) + 2*escapesInQ(text)
	}
	return base64.StdEncoding.EncodedLen(len(text))
}

const upperHex = "0123456789ABCDEF"

func appendPayload(b, text []byte, q bool) []byte {
	if !q {
		return base64.StdEncoding.AppendEncode(b, text)
	}
	for _, c := range text {
		switch {
		case c == ' ':
			b = append(b, '_')
		case isPlainInQ(c):
			b = append(b, c)
		default:
			b = append(b, '=', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// word is a piece of text between white space.
type word struct {
	gap   []byte // the white space before it
	text  []byte // as it stands
	plain []byte // what it means, where it must be encoded; nil where it stays
}

// words adds words. Those that must be encoded are so together with the white
// space between them, and with that towards a word that is encoded already:
// readers drop it (RFC 2047 6.2).
func (w *folder) words(list []word) {
	for i := 0; i < len(list); i++ {
		if list[i].plain == nil {
			w.gap(list[i].gap)
			w.text(list[i].text)
			continue
		}
		var text []byte
		if i > 0 && isEncodedWord(list[i-1].text) {
			text = append(text, unfolded(list[i].gap)...)
		}
		w.gap(separating(list[i].gap, i > 0 || len(w.pending) == 0 && len(w.out) > 0 && !opens(w.out)))
		text = append(text, list[i].plain...)
		for i+1 < len(list) && list[i+1].plain != nil {
			i++
			text = append(append(text, unfolded(list[i].gap)...), list[i].plain...)
		}
		if i+1 < len(list) {
			next := &list[i+1]
			if isEncodedWord(next.text) {
				text = append(text, unfolded(next.gap)...)
			}
			next.gap = separating(next.gap, true)
		}
		w.encoded(text)
	}
}

// opens reports whether an encoded word may follow without white space.
func opens(out []byte) bool { return out[len(out)-1] == '(' }

// separating is white space where there must be some.
func separating(gap []byte, needed bool) []byte {
	if len(gap) == 0 && needed {
		return []byte{' '}
	}
	return gap
}

// unfolded is white space as readers see it.
func unfolded(gap []byte) []byte {
	out := make([]byte, 0, len(gap))
	for _, c := range gap {
		if c != '\r' && c != '\n' {
			out = append(out, c)
		}
	}
	return out
}

// splitWords takes unstructured text apart. escaped says that a backslash
// quotes the next byte, as in comments. What follows the last word is rest.
func splitWords(text []byte, escaped bool) (list []word, rest []byte) {
	for len(text) > 0 {
		n := 0
		for n < len(text) && isSpace(text[n]) {
			n++
		}
		gap := text[:n:n]
		if text = text[n:]; len(text) == 0 {
			return list, gap
		}
		n = run(text, func(c byte) bool { return !isSpace(c) })
		wd := word{gap: gap, text: text[:n:n]}
		if !isASCII(wd.text) {
			wd.plain = wd.text
			if escaped {
				wd.plain = unquoted(wd.text)
			}
		}
		list = append(list, wd)
		text = text[n:]
	}
	return list, nil
}
