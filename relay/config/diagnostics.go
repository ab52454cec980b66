package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Diagnostic is one thing to say about a configuration.
type Diagnostic struct {
	Warning bool
	File    string
	Line    int    // from 1; 0 where it is about the file as a whole
	Summary string // one line: what is wrong and what to do

	subject hcl.Range
}

// String gives "file:line: summary".
func (d Diagnostic) String() string {
	if d.Line == 0 {
		return d.File + ": " + d.Summary
	}
	return fmt.Sprintf("%s:%d: %s", d.File, d.Line, d.Summary)
}

// Diagnostics are some, in file order, with the source that they are about.
// The zero value is none.
type Diagnostics struct {
	List   []Diagnostic
	source []byte // what must not be shown is masked
}

// Print writes each diagnostic with the line that it is about, for a terminal
// of that many columns (0: no limit), an empty line between two.
func (ds Diagnostics) Print(w io.Writer, width int) error {
	var b strings.Builder
	for i, d := range ds.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		severity := "error"
		if d.Warning {
			severity = "warning"
		}
		place := d.File
		if d.Line > 0 {
			place = fmt.Sprintf("%s:%d", d.File, d.Line)
		}
		wrap(&b, printable(place+": "+severity+": "+d.Summary), width)
		ds.snippet(&b, d, width)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Error says why there is no configuration.
type Error struct {
	// Diagnostics hold at least one that is no warning. The warnings come
	// along.
	Diagnostics
}

// Error gives the first error in one line, and how many more there are.
func (e *Error) Error() string {
	first, more := "", 0
	for _, d := range e.List {
		switch {
		case d.Warning:
		case first == "":
			first = printable(d.String())
		default:
			more++
		}
	}
	if more > 0 {
		return fmt.Sprintf("%s (and %d more)", first, more)
	}
	return first
}

// sortDiagnostics puts a list into file order.
func sortDiagnostics(list []Diagnostic) {
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.subject.Start.Byte, b.subject.Start.Byte))
	})
}

// printable keeps control characters from the terminal and in one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0:
			return '?'
		}
		return r
	}, s)
}
