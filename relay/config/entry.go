package config

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// entry is one key of a section.
type entry struct {
	state  entryState
	value  cty.Value // no mark in it; only of state ready
	secret bool      // made with a function: value is not shown
	attr   *hclsyntax.Attribute
}

// entryState says what became of a key.
type entryState uint8

const (
	absent  entryState = iota // not in the file, or null
	pending                   // in the file; needs a secret that is not looked up
	wrong                     // in the file; what is wrong has been told
	ready
)

// entry evaluates a key, once.
func (s *section) entry(key string) *entry {
	if e, ok := s.entries[key]; ok {
		return e
	}
	e := &entry{attr: s.body.Attributes[key]}
	s.entries[key] = e
	s.keys = append(s.keys, key)
	if e.attr == nil {
		return e
	}
	value, diag := evaluate(e.attr.Expr, s.d.context(s.path))
	if diag != nil {
		s.errorAt(*diag.Subject, "%s: %s", key, diag.Summary)
		e.state = wrong
		return e
	}
	value, marks := value.UnmarkDeep()
	e.secret = len(marks) > 0
	switch {
	case value.IsNull():
	case !value.IsWhollyKnown():
		e.state = pending
	default:
		e.value, e.state = value, ready
	}
	return e
}

// has reports whether a key is in the file, whatever its value.
func (s *section) has(key string) bool { return s.entry(key).state != absent }

// filled reports whether a key is in the file with a value that is not empty.
func (s *section) filled(key string) bool {
	e := s.entry(key)
	return e.state == pending || e.state == ready && !isEmpty(e.value)
}

// at gives the place of a key's value, or that of the block.
func (s *section) at(key string) hcl.Range {
	if attr := s.body.Attributes[key]; attr != nil {
		return attr.Expr.Range()
	}
	return s.header
}

// fault adds an error about a key.
func (s *section) fault(key, format string, args ...any) {
	s.entry(key).state = wrong
	s.errorAt(s.at(key), "%s: %s", key, fmt.Sprintf(format, args...))
}

// warn adds a warning about a key.
func (s *section) warn(key, format string, args ...any) {
	s.d.add(true, s.at(key), "%s: %s", key, fmt.Sprintf(format, args...))
}

// shown gives text for a message, if nothing secret went into the key that it
// comes from.
func (s *section) shown(key, text string) string {
	if s.entry(key).secret {
		return "its value"
	}
	return text
}

// show gives a value for a message.
func (e *entry) show(v cty.Value) string {
	switch {
	case e.secret || secretKeys[e.attr.Name]:
		return "its value"
	case v.Type() == cty.String:
		return fmt.Sprintf("%q", cut(v.AsString()))
	}
	text, err := scalar(v)
	if err != nil {
		return "its value"
	}
	return text
}

var (
	errScalar = errors.New("is a list or a map; write a single value")
	errNull   = errors.New("is null; leave it out")
)

// scalar gives the text of a text, number or boolean.
func scalar(v cty.Value) (string, error) {
	switch {
	case v.IsNull():
		return "", errNull
	case v.Type() == cty.String:
		return v.AsString(), nil
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('g', 20), nil
	case v.Type() == cty.Bool:
		return fmt.Sprint(v.True()), nil
	}
	return "", errScalar
}

// isEmpty is true of "", [] and {}.
func isEmpty(v cty.Value) bool {
	switch {
	case v.IsNull():
		return true
	case v.Type() == cty.String:
		return v.AsString() == ""
	case v.CanIterateElements():
		return v.LengthInt() == 0
	}
	return false
}
