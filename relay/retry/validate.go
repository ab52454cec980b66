package retry

import (
	"fmt"
	"math"
)

// FieldError says which field of a policy is wrong, by its name in the
// configuration, and why.
type FieldError struct {
	Field   string
	Problem string
}

// Error gives the field and its problem.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Validate returns the first fault of p as a *FieldError, or nil. Delay is
// safe on a policy that fails it, but need not make sense.
func (p Policy) Validate() error {
	switch {
	case p.Backoff > List:
		return &FieldError{"backoff", "unknown"}
	case p.Max <= 0:
		return &FieldError{"max", "must be more than 0"}
	case math.IsNaN(p.Jitter) || p.Jitter < 0 || p.Jitter > 1:
		return &FieldError{"jitter", "must be from 0 to 1"}
	case p.MaxAttempts < 0:
		return &FieldError{"max_attempts", "must not be negative"}
	case p.Expire <= 0:
		return &FieldError{"expire", "must be more than 0"}
	case p.Backoff == List:
		return p.validateSchedule()
	case p.Initial <= 0:
		return &FieldError{"initial", "must be more than 0"}
	case p.Initial > p.Max:
		return &FieldError{"initial", fmt.Sprintf("must not be longer than max (%v)", p.Max)}
	case p.Backoff == Exponential && !(p.Factor >= 1 && p.Factor <= math.MaxFloat64):
		return &FieldError{"factor", "must be at least 1"}
	}
	return nil
}

func (p Policy) validateSchedule() error {
	if len(p.Schedule) == 0 {
		return &FieldError{"schedule", "must have a delay at least, for a backoff of list"}
	}
	for i, d := range p.Schedule {
		if d <= 0 {
			return &FieldError{"schedule", fmt.Sprintf("delay %d must be more than 0", i+1)}
		}
		if d > p.Max {
			return &FieldError{"schedule", fmt.Sprintf("delay %d must not be longer than max (%v)", i+1, p.Max)}
		}
	}
	return nil
}
