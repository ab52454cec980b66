package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// minWidth is the narrowest terminal that is cared for.
const minWidth = 40

// snippet writes the line that a diagnostic is about, and marks the place.
func (ds Diagnostics) snippet(b *strings.Builder, d Diagnostic, width int) {
	start, end := d.subject.Start.Byte, d.subject.End.Byte
	if d.Line == 0 || start > len(ds.source) {
		return
	}
	begin := bytes.LastIndexByte(ds.source[:start], '\n') + 1
	line := ds.source[begin:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	from := min(start-begin, len(line))
	to := max(from, min(end-begin, len(line)))
	prefix := fmt.Sprintf("%5d | ", d.Line)
	before, marked, after := printable(string(line[:from])), printable(string(line[from:to])), printable(string(line[to:]))
	text, carets := []rune(before+marked+after), max(1, len([]rune(marked)))
	if room := max(width, minWidth) - len(prefix); width > 0 && len(text) > room {
		text = append(text[:room-1], '…')
	}
	b.WriteString(prefix + string(text) + "\n")
	indent := len([]rune(before))
	if indent < len(text) {
		fmt.Fprintf(b, "      | %s%s\n", strings.Repeat(" ", indent), strings.Repeat("^", min(carets, len(text)-indent)))
	}
}

// wrap writes s and a line end, broken at spaces so that no line is wider than
// width where that can be helped. Lines after the first are indented.
func wrap(b *strings.Builder, s string, width int) {
	const indent = "    "
	if width <= 0 {
		b.WriteString(s + "\n")
		return
	}
	width = max(width, minWidth)
	column := 0
	for i, word := range strings.Split(s, " ") {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteByte('\n')
}

// secretKeys are the keys whose literal values are never shown.
var secretKeys = map[string]bool{"password": true, "client_secret": true, "refresh_token": true, "secret": true}

// secretLine finds them in text that may not even be HCL.
var secretLine = regexp.MustCompile(`(?i)(?:password|secret|token|passwd)[a-z_]*["']?[ \t]*[=:][ \t]*([^\r\n]+)`)

// harmless tells what secretLine takes along: keys that name a place only.
var harmless = regexp.MustCompile(`(?i)^token_(?:url|file)\b`)

// mask gives source with the values of secrets replaced, byte by byte, so that
// positions stay what they are. body may be nil, where the syntax is broken.
func mask(source []byte, body *hclsyntax.Body) []byte {
	masked := bytes.Clone(source)
	for _, m := range secretLine.FindAllSubmatchIndex(source, -1) {
		if !harmless.Match(source[m[0]:m[1]]) {
			conceal(masked[m[2]:m[3]])
		}
	}
	if body != nil {
		maskBody(masked, body)
	}
	return masked
}

// maskBody masks what stands in more than one line, too.
func maskBody(masked []byte, body *hclsyntax.Body) {
	for name, attr := range body.Attributes {
		if r := attr.Expr.Range(); secretKeys[name] && r.CanSliceBytes(masked) {
			conceal(r.SliceBytes(masked))
		}
	}
	for _, block := range body.Blocks {
		maskBody(masked, block.Body)
	}
}

// lookup is a value that only says where the secret is.
var lookup = regexp.MustCompile(`^(?:env|file|credential)\("[^"\r\n]*"\)[ \t}]*(?:#.*|//.*)?$`)

// conceal masks a value, unless it only says where the value is.
func conceal(b []byte) {
	if !lookup.Match(b) {
		stars(b)
	}
}

func stars(b []byte) {
	for i := range b {
		if b[i] != '\n' {
			b[i] = '*'
		}
	}
}
