package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// section is a block, or the whole file, while it is read. A reader asks for
// every key and block that there may be, and then calls end, which refuses
// whatever was not asked for.
type section struct {
	d       *decoder
	path    string // the types of the blocks that lead here: "upstream.auth"
	name    string // the label, where it has one
	title   string // for messages: `upstream "ses"`
	header  hcl.Range
	written bool // false: this block is not in the file; all is default
	body    *hclsyntax.Body

	entries map[string]*entry
	keys    []string // asked for
	blocks  []string // asked for
	parent  *section
	faulty  bool // an error was found in it
}

// nameForm is what labels look like. They turn up in logs, metrics, file
// formats and on command lines.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func newSection(d *decoder, path string, body *hclsyntax.Body) *section {
	return &section{
		d: d, path: path, title: path, body: body, written: true,
		entries: map[string]*entry{},
	}
}

// child makes the section of a block within s.
func (s *section) child(block *hclsyntax.Block) *section {
	path := block.Type
	if s.path != "" {
		path = s.path + "." + block.Type
	}
	c := newSection(s.d, path, block.Body)
	c.parent, c.title, c.header = s, block.Type, block.DefRange()
	if len(block.Labels) > 0 {
		c.name = block.Labels[0]
		c.title = fmt.Sprintf("%s %q", block.Type, c.name)
	}
	return c
}

// block gives the one block of this type, an empty one where there is none.
// Its reader calls end.
func (s *section) block(kind string) *section {
	s.blocks = append(s.blocks, kind)
	var first *section
	for _, b := range s.body.Blocks {
		switch {
		case b.Type != kind:
		case len(b.Labels) > 0:
			s.errorAt(b.LabelRanges[0], "a block %s has no name; write %s { … }", kind, kind)
		case first != nil:
			s.errorAt(b.DefRange(), "there is a block %s on line %d already; put both into one", kind, first.header.Start.Line)
		default:
			first = s.child(b)
		}
	}
	if first == nil {
		first = s.unwritten(kind)
	}
	return first
}

// unwritten gives the section of a block that is not in the file, so that
// defaults come from where they are read.
func (s *section) unwritten(kind string) *section {
	c := s.child(&hclsyntax.Block{Type: kind, Body: &hclsyntax.Body{}})
	c.header, c.written = s.header, false
	return c
}

// named gives the blocks of this type, each with a name of its own. Their
// reader calls end.
func (s *section) named(kind string) []*section {
	s.blocks = append(s.blocks, kind)
	var found []*section
	lines := map[string]int{}
	for _, b := range s.body.Blocks {
		if b.Type != kind {
			continue
		}
		if len(b.Labels) != 1 {
			s.errorAt(b.DefRange(), "a block %s has one name; write %s \"name\" { … }", kind, kind)
			continue
		}
		c := s.child(b)
		if !nameForm.MatchString(c.name) {
			s.errorAt(b.LabelRanges[0], "the name %q cannot be used; take up to 128 letters, digits, dots, dashes and underscores", cut(c.name))
		}
		if line, ok := lines[c.name]; ok {
			s.errorAt(b.LabelRanges[0], "%s is on line %d already; give each its own name", c.title, line)
		} else {
			lines[c.name] = b.TypeRange.Start.Line
		}
		found = append(found, c)
	}
	return found
}

// contains reports whether there is a block of this type, well-formed or not.
func (s *section) contains(kind string) bool {
	return slices.ContainsFunc(s.body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == kind })
}

// unnamed gives the blocks of this type, of which there may be several, and
// none has a name.
func (s *section) unnamed(kind string) []*section {
	s.blocks = append(s.blocks, kind)
	var found []*section
	for _, b := range s.body.Blocks {
		switch {
		case b.Type != kind:
		case len(b.Labels) > 0:
			s.errorAt(b.LabelRanges[0], "a block %s has no name; write %s { … }", kind, kind)
		default:
			found = append(found, s.child(b))
		}
	}
	return found
}

// end refuses what nobody asked for, and what is not supported yet.
func (s *section) end() {
	for name, attr := range s.body.Attributes {
		switch {
		case slices.Contains(s.keys, name):
		case slices.Contains(s.blocks, name):
			s.errorAt(attr.NameRange, "%s is a block; write %s { … } without the =", name, name)
		default:
			s.errorAt(attr.NameRange, "%sunknown key %q%s", s.prefix(), cut(name), suggest(name, s.keys))
			s.hide(attr)
		}
	}
	for _, b := range s.body.Blocks {
		switch {
		case slices.Contains(s.blocks, b.Type):
		case slices.Contains(s.keys, b.Type):
			s.errorAt(b.TypeRange, "%s is a key; write %s = … with a =", b.Type, b.Type)
		default:
			s.errorAt(b.TypeRange, "%sunknown block %q%s", s.prefix(), cut(b.Type), suggest(b.Type, s.blocks))
		}
	}
	s.refuseUnsupported()
}

// errorAt adds an error about a place in the section.
func (s *section) errorAt(at hcl.Range, format string, args ...any) {
	for p := s; p != nil; p = p.parent {
		p.faulty = true
	}
	s.d.add(false, at, format, args...)
}

// hide masks the value of a key whose name may be a misspelt password.
func (s *section) hide(attr *hclsyntax.Attribute) {
	if r := attr.Expr.Range(); r.CanSliceBytes(s.d.source) {
		stars(r.SliceBytes(s.d.source))
	}
}

// prefix names the section at the begin of a message.
func (s *section) prefix() string {
	if s.title == "" {
		return ""
	}
	return s.title + ": "
}

// cut shortens a value for a message.
func cut(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	for i := range s {
		if i > most {
			return s[:i] + "…"
		}
	}
	return s
}
