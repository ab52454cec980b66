package logsink

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// field is one key of a line and its value.
type field struct {
	key     string
	text    string
	number  int64
	numeric bool // number is the value, not text
}

// value is what hclog is given.
func (f *field) value() any {
	if f.numeric {
		return f.number
	}
	return f.text
}

// appendLine appends a line as hclog writes it with JSONFormat and without
// escapes for HTML: the keys in the order of their bytes, each once. Each
// message has two of them, and hclog makes a map for each, which it has
// reflected on and sorted: in five times the time.
func appendLine(b []byte, level hclog.Level, message string, fields []field) []byte {
	fields = append(fields, field{key: "@level", text: level.String()}, field{key: "@message", text: message})
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.key, b.key) })
	for i := range fields {
		f := &fields[i]
		b = append(b, separator(i)...)
		b = append(append(b, f.key...), "\":"...)
		if f.numeric {
			b = strconv.AppendInt(b, f.number, 10)
		} else {
			b = appendString(b, f.text)
		}
	}
	return append(b, "}\n"...)
}

func separator(i int) string {
	if i == 0 {
		return "{\""
	}
	return ",\""
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	if isVerbatim(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	var quoted strings.Builder
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return append(b, strings.TrimSuffix(quoted.String(), "\n")...)
}

// isVerbatim reports whether s stands in JSON as it is.
func isVerbatim(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
