package relay

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The greatest lengths of an address, in bytes of its wire form (RFC 5321
// 4.5.3.1; 254 is the path of 256 without its angle brackets).
const (
	MaxLocalPart = 64
	MaxDomain    = 255
	MaxAddress   = 254
)

// AddressRule names the rule that an address breaks.
type AddressRule string

// The rules of addresses.
const (
	RuleSyntax     AddressRule = "syntax"          // brackets, quotes or a source route are malformed
	RuleNoLocal    AddressRule = "no local part"   // nothing before the @
	RuleNoDomain   AddressRule = "no domain"       // nothing after the @, or no @ at all
	RuleControl    AddressRule = "control"         // NUL, DEL or another control character
	RuleEncoding   AddressRule = "encoding"        // not valid UTF-8
	RuleUTF8       AddressRule = "needs SMTPUTF8"  // not ASCII, and RFC 6531 was not asked for
	RuleLongLocal  AddressRule = "long local part" // over MaxLocalPart
	RuleLongDomain AddressRule = "long domain"     // over MaxDomain
	RuleLong       AddressRule = "long address"    // over MaxAddress
	RuleDomain     AddressRule = "domain"          // not a name
	RuleLiteral    AddressRule = "address literal" // not [1.2.3.4] or [IPv6:…]
)

// AddressError says why something is not an address. It does not repeat the
// address, which comes from a stranger.
type AddressError struct{ Rule AddressRule }

// Error names the rule.
func (e *AddressError) Error() string { return "malformed address: " + string(e.Rule) }

// ParseAddress reads the address of a path as it stands on the wire, with or
// without angle brackets (RFC 5321 4.1.2), and gives its canonical wire form:
// a source route is dropped, the local part is quoted only where it is no
// dot-string, the domain is kept as it is. The result holds no control
// character and parses to itself. The null path "<>" is no address.
//
// A local part without a domain is refused, <postmaster> too: a relay has no
// mailbox of its own that it could mean. Characters beyond ASCII are taken
// only where smtputf8 is set. Errors are of type *AddressError.
func ParseAddress(path string, smtputf8 bool) (string, error) {
	if strings.HasPrefix(path, "<") {
		if !strings.HasSuffix(path, ">") || len(path) < 2 {
			return "", &AddressError{RuleSyntax}
		}
		path = path[1 : len(path)-1]
	}
	if strings.HasPrefix(path, "@") { // RFC 5321 appendix C: ignore the route
		_, rest, ok := strings.Cut(path, ":")
		if !ok {
			return "", &AddressError{RuleSyntax}
		}
		path = rest
	}
	if strings.HasPrefix(path, `"`) {
		local, rest, ok := unquote(path[1:])
		switch {
		case !ok:
			return "", &AddressError{RuleSyntax}
		case !strings.HasPrefix(rest, "@"):
			return "", &AddressError{RuleNoDomain}
		}
		return wireForm(local, rest[1:], smtputf8)
	}
	local, domain, ok := strings.Cut(path, "@")
	switch {
	case !ok:
		return "", &AddressError{RuleNoDomain}
	case strings.ContainsAny(local, `()<>[]:;\," `+"\t"):
		return "", &AddressError{RuleSyntax}
	}
	return wireForm(local, domain, smtputf8)
}

// QuoteAddress gives the canonical wire form of an address whose local part
// has lost its quotes: all that stands before the last @ is the local part, to
// the letter. It refuses what ParseAddress refuses, with the same errors.
func QuoteAddress(unquoted string, smtputf8 bool) (string, error) {
	at := strings.LastIndexByte(unquoted, '@')
	if at < 0 {
		return "", &AddressError{RuleNoDomain}
	}
	return wireForm(unquoted[:at], unquoted[at+1:], smtputf8)
}

// Domain gives the domain of an address in lower case, "" where it has none.
func Domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// unquote reads the rest of a quoted string after its opening quote.
func unquote(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// wireForm checks the parts of an address and puts them together.
func wireForm(local, domain string, smtputf8 bool) (string, error) {
	if local == "" {
		return "", &AddressError{RuleNoLocal}
	}
	if domain == "" {
		return "", &AddressError{RuleNoDomain}
	}
	for _, part := range []string{local, domain} {
		if err := checkCharacters(part, smtputf8); err != nil {
			return "", err
		}
	}
	if err := checkDomain(domain); err != nil {
		return "", err
	}
	if !isDotString(local) {
		local = quote(local)
	}
	switch {
	case len(local) > MaxLocalPart:
		return "", &AddressError{RuleLongLocal}
	case len(local)+1+len(domain) > MaxAddress:
		return "", &AddressError{RuleLong}
	}
	return local + "@" + domain, nil
}

func checkCharacters(s string, smtputf8 bool) error {
	ascii := true
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] < ' ' || s[i] == 0x7f:
			return &AddressError{RuleControl}
		case s[i] >= utf8.RuneSelf:
			ascii = false
		}
	}
	switch {
	case ascii:
		return nil
	case !utf8.ValidString(s):
		return &AddressError{RuleEncoding}
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }):
		return &AddressError{RuleControl}
	case !smtputf8:
		return &AddressError{RuleUTF8}
	}
	return nil
}

// isDotString reports whether a local part may stand without quotes: atoms of
// RFC 5322 3.2.3, widened by RFC 6531 3.3, joined by single dots.
func isDotString(s string) bool {
	if s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || strings.IndexByte(`()<>[]:;@\,"`, s[i]) >= 0 {
			return false
		}
	}
	return true
}

func quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// checkDomain takes names of the DNS, with the underscore that some hosts
// have, U-labels, and the two address literals of RFC 5321 4.1.3.
func checkDomain(s string) error {
	if len(s) > MaxDomain {
		return &AddressError{RuleLongDomain}
	}
	if s[0] == '[' {
		return checkLiteral(s)
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return &AddressError{RuleDomain}
		}
		for i := 0; i < len(label); i++ {
			if !isLabelByte(label[i]) {
				return &AddressError{RuleDomain}
			}
		}
	}
	return nil
}

func isLabelByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c >= utf8.RuneSelf
}

func checkLiteral(s string) error {
	inner, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return &AddressError{RuleLiteral}
	}
	const tag = "IPv6:"
	v6 := len(inner) > len(tag) && strings.EqualFold(inner[:len(tag)], tag)
	if v6 {
		inner = inner[len(tag):]
	}
	ip, err := netip.ParseAddr(inner)
	if err != nil || ip.Zone() != "" || ip.Is6() != v6 {
		return &AddressError{RuleLiteral}
	}
	return nil
}
