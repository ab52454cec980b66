package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
)

// decoder collects what is wrong while the blocks are read.
type decoder struct {
	file    string
	source  []byte // masked
	folder  string // of the file
	secrets bool   // look them up, and read the files that are named
	closed  *hcl.EvalContext
	open    *hcl.EvalContext // functions give unknown values
	presets func(provider string) presets
	list    []Diagnostic
	errors  int
}

// add adds a diagnostic about a place in the file.
func (d *decoder) add(warning bool, at hcl.Range, format string, args ...any) {
	if !warning {
		d.errors++
	}
	d.list = append(d.list, Diagnostic{
		Warning: warning, File: d.file, Line: at.Start.Line, Summary: fmt.Sprintf(format, args...), subject: at,
	})
}

// addSyntax adds what the parser found. Of faults that are put the same way
// only the first is: an open quote makes one of every line after it.
func (d *decoder) addSyntax(diags hcl.Diagnostics) {
	told := map[string]bool{}
	for _, diag := range diags {
		diag = restate(diag)
		if diag.Severity != hcl.DiagError || told[diag.Summary] {
			continue
		}
		told[diag.Summary] = true
		at := hcl.Range{}
		if diag.Subject != nil {
			at = *diag.Subject
		}
		d.add(false, at, "%s", diag.Summary)
	}
}

// diagnostics gives all that was found, in file order.
func (d *decoder) diagnostics() Diagnostics {
	if len(d.list) == 0 {
		return Diagnostics{}
	}
	sortDiagnostics(d.list)
	return Diagnostics{List: d.list, source: d.source}
}

// context gives the functions for a block. Where the spool and the daemon are
// is needed by those, too, who go without secrets.
func (d *decoder) context(block string) *hcl.EvalContext {
	if d.secrets || block == "spool" || block == "admin" {
		return d.closed
	}
	return d.open
}
