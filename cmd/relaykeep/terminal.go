package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// columns gives the width of the terminal that w is, 0 if it is none.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < minColumns {
		return minColumns
	}
	return width
}

// minColumns is the width that output is fitted to at least.
const minColumns = 40

// printable makes text of strangers harmless for a terminal: whatever is not
// a plain character (control characters, escape sequences, marks that turn
// the direction of writing) is shown as its escape.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			quoted := strconv.QuoteToASCII(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// oneLine is printable for what may have several lines: they are joined.
func oneLine(s string) string {
	return printable(strings.Join(strings.Fields(s), " "))
}

// cells is how many columns of a terminal s takes. What paints it takes none.
func cells(s string) int {
	n := 0
	for len(s) > 0 {
		if e := escape(s); e > 0 {
			s = s[e:]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		n += runeCells(r)
		s = s[size:]
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}

// shorten cuts s to a width, with an ellipsis where something is missing.
func shorten(s string, width int) string {
	if cells(s) <= width {
		return s
	}
	used, end, reset := 1, 0, "" // one for the ellipsis
	for end < len(s) {
		if e := escape(s[end:]); e > 0 {
			reset = escapeReset
			end += e
			continue
		}
		r, size := utf8.DecodeRuneInString(s[end:])
		if used += runeCells(r); used > width {
			break
		}
		end += size
	}
	return s[:end] + "…" + reset
}

// shortenAddress cuts an address to a width in its local part, as long as some of
// that is left: the domain says more.
func shortenAddress(s string, width int) string {
	at := strings.LastIndexByte(s, '@')
	if at < 0 || cells(s) <= width || cells(s[at:]) > width-4 {
		return shorten(s, width)
	}
	return shorten(s[:at], width-cells(s[at:])) + s[at:]
}

// pad fills s up to a width with blanks.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-cells(s)))
}
