package route

import (
	"path"
	"strings"
)

// glob is a compiled pattern of spool.Glob, and agrees with it on every string.
type glob struct {
	pattern string // lower case, slashes hidden

	// A plain pattern knows no wildcard but the star, and is cut at its stars:
	// it is matched byte by byte, without a copy of the string. That holds for
	// strings of ASCII; others, and other patterns, go to path.Match.
	plain bool
	exact bool // there is no star: pattern is all of it
	head  string
	inner []string
	tail  string
}

func compileGlobs(patterns []string) []glob {
	globs := make([]glob, len(patterns))
	for i, p := range patterns {
		globs[i] = compileGlob(p)
	}
	return globs
}

func compileGlob(pattern string) glob {
	g := glob{pattern: hideSlashes(strings.ToLower(pattern))}
	if strings.ContainsAny(g.pattern, `?[\`) {
		return g
	}
	g.plain = true
	parts := strings.Split(g.pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		g.exact = true
		return g
	}
	g.head, g.inner, g.tail = parts[0], parts[1:last], parts[last]
	return g
}

// matchAny reports whether one of globs matches s; no globs match everything.
func matchAny(globs []glob, s string) bool {
	for i := range globs {
		if globs[i].match(s) {
			return true
		}
	}
	return len(globs) == 0
}

func (g *glob) match(s string) bool {
	switch {
	case !g.plain || !isASCII(s):
		return g.matchSlow(s)
	case g.exact:
		return len(s) == len(g.pattern) && hasFoldedPrefix(s, g.pattern)
	case len(s) < len(g.head)+len(g.tail),
		!hasFoldedPrefix(s, g.head),
		!hasFoldedPrefix(s[len(s)-len(g.tail):], g.tail):
		return false
	}
	s = s[len(g.head) : len(s)-len(g.tail)]
	for _, part := range g.inner {
		i := indexFolded(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

func (g *glob) matchSlow(s string) bool {
	s = hideSlashes(strings.ToLower(s))
	ok, err := path.Match(g.pattern, s)
	if err != nil {
		return g.pattern == s // a pattern that cannot be parsed matches itself only
	}
	return ok
}

// hideSlashes keeps path.Match from stopping a star at a slash: local parts
// may hold one.
func hideSlashes(s string) string { return strings.ReplaceAll(s, "/", "\x01") }

// fold brings a byte of ASCII into the form that patterns are compiled to.
func fold(b byte) byte {
	switch {
	case b >= 'A' && b <= 'Z':
		return b + 'a' - 'A'
	case b == '/':
		return 1
	}
	return b
}

// hasFoldedPrefix reports whether s, folded, starts with prefix.
func hasFoldedPrefix(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if fold(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// indexFolded gives the first place at which s, folded, has part, or -1.
func indexFolded(s, part string) int {
	for i := 0; i+len(part) <= len(s); i++ {
		if hasFoldedPrefix(s[i:], part) {
			return i
		}
	}
	return -1
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
