package logsink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Mode says how addresses are written.
type Mode uint8

// The modes. Partial, the zero value, keeps the first character of the local
// part and the domain. Hash gives the first 16 hexadecimal digits of the
// SHA-256 of the address in lower case (with Options.HashKey: of its
// HMAC-SHA-256), so that the lines about one address can be found.
const (
	Partial Mode = iota // j***@example.com
	Full                // john@example.com
	Hash                // 855f96e983f1f8e8
)

// masker hides addresses.
type masker struct {
	mode Mode
	key  []byte
}

// address masks what is an address, whole. The null sender stays "".
func (m masker) address(a string) string {
	switch {
	case m.mode == Full || a == "":
		return a
	case m.mode == Hash:
		return m.hash(a)
	}
	at := strings.LastIndexByte(a, '@')
	local, domain := a, ""
	if at >= 0 {
		local, domain = a[:at], a[at:]
	}
	local = strings.TrimPrefix(local, `"`)
	_, n := utf8.DecodeRuneInString(local)
	return local[:n] + "***" + domain
}

func (m masker) hash(a string) string {
	a = strings.ToLower(a)
	const digits = 8
	if len(m.key) == 0 {
		sum := sha256.Sum256([]byte(a))
		return hex.EncodeToString(sum[:digits])
	}
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(a))
	return hex.EncodeToString(mac.Sum(nil)[:digits])
}

// prose masks the addresses in a text: those that are known to belong to the
// event, however odd they are, and all that look like one.
func (m masker) prose(text string, known ...string) string {
	if m.mode == Full || strings.IndexByte(text, '@') < 0 {
		return text
	}
	for _, a := range known {
		if a = clean(a); a != "" && strings.IndexByte(a, '"') >= 0 {
			text = strings.ReplaceAll(text, a, m.address(a))
		}
	}
	return m.scan(text)
}

// scan masks what looks like an address: an @ with characters of an address on
// both sides.
func (m masker) scan(text string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '@' {
			continue
		}
		from, to := localBefore(text, done, i), domainAfter(text, i+1)
		if from == i || to == i+1 || isMasked(text[from:i]) {
			continue
		}
		b.WriteString(text[done:from])
		b.WriteString(m.address(text[from:to]))
		done, i = to, to-1
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// localBefore is where the local part begins that ends at end, at least from
// least; end if there is none.
func localBefore(text string, least, end int) int {
	if end > least && text[end-1] == '"' {
		if quote := strings.LastIndexByte(text[least:end-1], '"'); quote >= 0 {
			return least + quote
		}
	}
	from := end
	for from > least && isLocal(text[from-1]) {
		from--
	}
	return from
}

// domainAfter is where the domain ends that begins at start; start if there is
// none. The full stop or the colon of a sentence is no part of it.
func domainAfter(text string, start int) int {
	to := start
	for to < len(text) && isDomain(text[to]) {
		to++
	}
	for to > start && (text[to-1] == '.' || text[to-1] == ':') {
		to--
	}
	return to
}

// isMasked keeps what was masked already as it is.
func isMasked(local string) bool { return strings.HasSuffix(local, "***") }

// isLocal reports whether c may be in a local part without quotes (RFC 5322
// 3.2.3, RFC 6531 3.3).
func isLocal(c byte) bool {
	return c >= utf8.RuneSelf || isLetterOrDigit(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

func isDomain(c byte) bool {
	return c >= utf8.RuneSelf || isLetterOrDigit(c) || c == '-' || c == '.' || c == '_' || c == '[' || c == ':'
}

func isLetterOrDigit(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
