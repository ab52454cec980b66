package config

import "github.com/zclconf/go-cty/cty"

// refusal says when something that the documentation names is refused because
// nothing acts on it yet.
type refusal struct {
	when func(cty.Value) bool // nil: whenever it is in the file
}

// unsupported is the one list of what is known, read and checked, and then
// refused. Whatever gets its behaviour leaves this list, and nothing else needs
// to change here. The names are those of section.path, with the key after a
// dot.
var unsupported = map[string]refusal{
	"listener.proxy_protocol": {when: isTrue},

	"spool.encryption_key_file": {when: isFilled},

	"admin.http":       {when: isFilled},
	"admin.token_file": {when: isFilled},

	"webhook":  {},
	"notifier": {},
	"alert":    {},
}

func isTrue(v cty.Value) bool {
	text, err := scalar(v)
	return err == nil && text == "true"
}

func isFilled(v cty.Value) bool { return !isEmpty(v) }

// refuseUnsupported goes through a section that was read. A block with another
// fault in it is not told to be unsupported, too: mend it or take it out is
// what its author must do in either case.
func (s *section) refuseUnsupported() {
	if !s.written {
		return
	}
	if _, ok := unsupported[s.path]; ok {
		if !s.faulty {
			s.errorAt(s.header, "%s is not supported yet; take the block out", s.title)
		}
		return
	}
	for _, key := range s.keys {
		if r, ok := unsupported[s.path+"."+key]; ok && r.applies(s.entries[key]) {
			s.errorAt(s.at(key), "%s is not supported yet; take it out", key)
		}
	}
}

// applies decides whether a key is refused.
func (r refusal) applies(e *entry) bool {
	switch e.state {
	case ready:
		return r.when == nil || r.when(e.value)
	case pending:
		return r.when == nil
	}
	return false
}
