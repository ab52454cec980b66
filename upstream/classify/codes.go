package classify

import (
	"fmt"
	"strconv"
	"strings"
)

// codePattern is a reply code of three digits, in which x stands for any.
type codePattern string

func parseCode(s string) (codePattern, error) {
	p := strings.ToLower(s)
	ok := len(p) == 3
	for i := 0; ok && i < 3; i++ {
		ok = p[i] == 'x' || p[i] >= '0' && p[i] <= '9'
	}
	if !ok {
		return "", fmt.Errorf("code %q is not like \"550\" or \"4xx\"", s)
	}
	return codePattern(p), nil
}

// match compares the digits. Only "xxx" matches what has not three.
func (p codePattern) match(code int) bool {
	if p == "xxx" {
		return true
	}
	if code < 100 || code > 999 {
		return false
	}
	return p.digit(0, code/100) && p.digit(1, code/10%10) && p.digit(2, code%10)
}

func (p codePattern) digit(i, d int) bool { return p[i] == 'x' || int(p[i]-'0') == d }

// enhanced is an enhanced status code (RFC 3463): class, subject, detail. The
// zero value is none.
type enhanced [3]int

// anyNumber is the * of a pattern.
const anyNumber = -1

// parseEnhanced reads a status code as servers send it; ok is false for what
// does not follow RFC 3463, section 2.
func parseEnhanced(s string) (e enhanced, ok bool) {
	for i := range e {
		part, rest, found := strings.Cut(s, ".")
		if found != (i < 2) || len(part) < 1 || len(part) > 3 {
			return enhanced{}, false
		}
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return enhanced{}, false
			}
			e[i] = e[i]*10 + int(c-'0')
		}
		s = rest
	}
	if e[0] != 2 && e[0] != 4 && e[0] != 5 {
		return enhanced{}, false
	}
	return e, true
}

// parseEnhancedPattern reads a status code in which * stands for any number.
func parseEnhancedPattern(s string) (e enhanced, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return e, fmt.Errorf("enhanced code %q is not like \"5.1.1\" or \"5.1.*\"", s)
	}
	for i, part := range parts {
		if part == "*" {
			e[i] = anyNumber
			continue
		}
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n > 999 || i == 0 && n != 2 && n != 4 && n != 5 {
			return e, fmt.Errorf("enhanced code %q is not like \"5.1.1\" or \"5.1.*\"", s)
		}
		e[i] = int(n)
	}
	return e, nil
}

// match reports whether code is one of pattern e.
func (e enhanced) match(code enhanced) bool {
	for i := range e {
		if e[i] != anyNumber && e[i] != code[i] {
			return false
		}
	}
	return code[0] != 0
}
