package spool

import (
	"errors"
	"fmt"
	"strings"
)

// MaxProblems bounds Report.Problems.
const MaxProblems = 200

// Report is what was found when a whole spool was read: everything that does
// not fit together.
type Report struct {
	Messages  int64 `json:"messages"`   // unfinished ones that can be read
	History   int64 `json:"history"`    // finished ones
	BodyBytes int64 `json:"body_bytes"` // that were read and have the checksum that they should have
	Pages     int64 `json:"pages"`      // that are in use

	// Problems are what is wrong, each in one line, the first MaxProblems of
	// them; More is how many there are beside.
	Problems []string `json:"problems"`
	More     int64    `json:"more"`

	// Partial says that pages are damaged, so that what lies on them was not
	// looked at.
	Partial bool `json:"partial"`
}

// Complain adds a problem, unless it is the one that was added last.
func (r *Report) Complain(format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	if n := len(r.Problems); n > 0 && r.Problems[n-1] == problem {
		return
	}
	if len(r.Problems) == MaxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, problem)
}

// Sound reports whether nothing is wrong.
func (r *Report) Sound() bool { return len(r.Problems) == 0 }

// Err gives the problems as an error, nil where there are none.
func (r *Report) Err() error {
	if r.Sound() {
		return nil
	}
	text := strings.Join(r.Problems, "; ")
	if r.More > 0 {
		text += fmt.Sprintf("; and %d more", r.More)
	}
	return errors.New(text)
}
