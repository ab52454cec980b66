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

// enhancedPattern is an enhanced status code with a span for each number.
type enhancedPattern [3]span

type span struct{ low, high int }

// maxNumber is the highest number in a status code (RFC 3463, section 2).
const maxNumber = 999

// parseEnhancedPattern reads a status code in which * stands for any number,
// and 500-699 for one of these.
func parseEnhancedPattern(s string) (p enhancedPattern, err error) {
	parts := strings.Split(s, ".")
	ok := len(parts) == len(p)
	for i := 0; ok && i < len(p); i++ {
		p[i], ok = parseSpan(parts[i])
	}
	if ok && parts[0] != "*" {
		c := p[0]
		ok = c.low == c.high && (c.low == 2 || c.low == 4 || c.low == 5)
	}
	if !ok {
		return p, fmt.Errorf("enhanced code %q is not like \"5.1.1\", \"5.1.*\" or \"4.7.500-699\"", s)
	}
	return p, nil
}

func parseSpan(s string) (span, bool) {
	if s == "*" {
		return span{0, maxNumber}, true
	}
	low, high, ranged := strings.Cut(s, "-")
	if !ranged {
		high = low
	}
	l, errLow := strconv.ParseUint(low, 10, 16)
	h, errHigh := strconv.ParseUint(high, 10, 16)
	return span{int(l), int(h)}, errLow == nil && errHigh == nil && l <= h && h <= maxNumber
}

// match reports whether code is one of the pattern's; none never is.
func (p enhancedPattern) match(code enhanced) bool {
	for i := range p {
		if code[i] < p[i].low || code[i] > p[i].high {
			return false
		}
	}
	return code[0] != 0
}
