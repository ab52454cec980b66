package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"relaykeep/relay"
)

// read gives the value of a key as parse understands it, or fallback where the
// key is not in the file, is wrong, or is not looked up. The errors of parse go
// on after the value in a sentence and do not hold it.
func read[T any](s *section, key string, fallback T, parse func(string) (T, error)) T {
	e := s.entry(key)
	if e.state != ready {
		return fallback
	}
	text, err := scalar(e.value)
	if err == nil {
		var v T
		if v, err = parse(text); err == nil {
			return v
		}
	}
	s.fault(key, "%s %v", e.show(e.value), err)
	return fallback
}

// readList is read for a list; a single value is a list of one.
func readList[T any](s *section, key string, fallback []T, parse func(string) (T, error)) []T {
	e := s.entry(key)
	if e.state != ready {
		return fallback
	}
	var list []T // nil where it is empty
	for i, v := range elements(e.value) {
		text, err := scalar(v)
		if err == nil {
			var t T
			if t, err = parse(text); err == nil {
				list = append(list, t)
				continue
			}
		}
		e.state = wrong
		s.errorAt(s.elementAt(key, i), "%s: %s %v", key, e.show(v), err)
	}
	if e.state != ready {
		return fallback
	}
	return list
}

// elements gives the values of a list, or v itself.
func elements(v cty.Value) []cty.Value {
	t := v.Type()
	if t.IsTupleType() || t.IsListType() || t.IsSetType() {
		return v.AsValueSlice()
	}
	return []cty.Value{v}
}

// elementAt gives the place of an element of a list.
func (s *section) elementAt(key string, i int) hcl.Range {
	if attr := s.body.Attributes[key]; attr != nil {
		if list, ok := attr.Expr.(*hclsyntax.TupleConsExpr); ok && i < len(list.Exprs) {
			return list.Exprs[i].Range()
		}
	}
	return s.at(key)
}

// text reads a text as it is.
func (s *section) text(key, fallback string) string {
	return read(s, key, fallback, func(v string) (string, error) { return v, nil })
}

// needed is read for a key without a default: it must be in the file. example
// is how to write it.
func needed[T any](s *section, key, example string, parse func(string) (T, error)) T {
	var zero T
	if !s.has(key) {
		s.errorAt(s.header, "%s%s is missing; write %s = %s", s.prefix(), key, key, example)
		return zero
	}
	return read(s, key, zero, parse)
}

// secret reads a text that is never shown.
func (s *section) secret(key string) relay.Secret {
	return relay.NewSecret(s.text(key, ""))
}

var errBool = errors.New("is neither true nor false")

func (s *section) boolean(key string, fallback bool) bool {
	return read(s, key, fallback, func(v string) (bool, error) {
		if v != "true" && v != "false" {
			return false, errBool
		}
		return v == "true", nil
	})
}

// count reads a whole number from low to high.
func (s *section) count(key string, fallback, low, high int) int {
	return read(s, key, fallback, func(v string) (int, error) {
		n, err := strconv.Atoi(v)
		switch {
		case err != nil:
			return 0, fmt.Errorf("is not a whole number; write one from %d to %d", low, high)
		case n < low || n > high:
			return 0, fmt.Errorf("is out of range; write a number from %d to %d", low, high)
		}
		return n, nil
	})
}

// number reads a number from low to high.
func (s *section) number(key string, fallback, low, high float64) float64 {
	return read(s, key, fallback, func(v string) (float64, error) {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(f) || f < low || f > high {
			return 0, fmt.Errorf("is not a number from %g to %g", low, high)
		}
		return f, nil
	})
}

// choice reads one of some words.
func (s *section) choice(key, fallback string, words ...string) string {
	return read(s, key, fallback, oneOf(words...))
}

// file reads the path of a file. "" stays "".
func (s *section) file(key, fallback string) string {
	return absolute(s.d.folder, s.text(key, fallback))
}

// readMap calls take for each entry of a map, in the order of the names. Its
// errors go on after the name of the entry in a sentence. example is how to
// write the map.
func readMap(s *section, key, example string, take func(name, value string) error) {
	e := s.entry(key)
	if e.state != ready {
		return
	}
	if t := e.value.Type(); !t.IsObjectType() && !t.IsMapType() {
		s.fault(key, "%s is not a map; write one like %s", e.show(e.value), example)
		return
	}
	for it := e.value.ElementIterator(); it.Next(); {
		k, v := it.Element()
		text, err := scalar(v)
		if err == nil {
			err = take(k.AsString(), text)
		}
		if err != nil {
			name := "an entry"
			if !e.secret {
				name = fmt.Sprintf("%q", cut(k.AsString()))
			}
			s.fault(key, "%s %v", name, err)
		}
	}
}
