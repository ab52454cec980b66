package ingress

import (
	"fmt"
	"slices"
	"strings"

	"relaykeep/relay/message"
)

// repair is something that was mended in a message.
type repair struct {
	what string // one of the texts below
	n    int    // how often; 0: once, and that goes without saying
}

// What is mended, in words for the owner of the app.
const (
	repairedLineEnds  = "line ends made CRLF"
	repairedHeaderEnd = "an empty line put in after the header"
	repairedLongLines = "lines over 998 bytes, re-encoded on the way out"
	unreadControl     = " not understood, ignored"
)

// headerRepairs is what is mended in a header.
func headerRepairs(unclosed bool, missing []message.Field, unread []string) []repair {
	var all []repair
	if unclosed {
		all = append(all, repair{what: repairedHeaderEnd})
	}
	for _, f := range missing {
		all = append(all, repair{what: f.Name() + " added"})
	}
	slices.Sort(unread)
	for _, name := range slices.Compact(unread) {
		if name == message.ControlPrefix {
			name = "a field " + name + "…"
		}
		all = append(all, repair{what: name + unreadControl})
	}
	return all
}

// words says what was mended, "" for nothing.
func words(repairs []repair) string {
	done := make([]string, len(repairs))
	for i, r := range repairs {
		done[i] = r.what
		if r.n > 0 {
			done[i] = fmt.Sprintf("%d %s", r.n, r.what)
		}
	}
	return strings.Join(done, "; ")
}
