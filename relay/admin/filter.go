package admin

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// FilterNames are the names of the filters, in the order of the documentation.
func FilterNames() []string {
	return []string{"id", "state", "upstream", "route", "from", "to", "message_id", "remote_id", "older", "newer", "code", "limit"}
}

// FilterError says what is wrong with a filter, in one line.
type FilterError struct {
	Name    string // one of FilterNames; or "filter", and Value is a name that is none
	Value   string
	Problem string
}

// Error gives name, value and problem.
func (e *FilterError) Error() string { return fmt.Sprintf("%s %q %s", e.Name, e.Value, e.Problem) }

// ParseFilter reads filters by name; see the package comment. Ages count from
// now. Errors are of type *FilterError.
func ParseFilter(q url.Values, now time.Time) (spool.Filter, error) {
	var f spool.Filter
	for name := range q {
		if !knownFilter(name) {
			return f, &FilterError{"filter", name, "is unknown; there are " + strings.Join(FilterNames(), ", ")}
		}
	}
	for _, name := range FilterNames() {
		if len(q[name]) == 0 {
			continue
		}
		value := strings.Join(q[name], ",")
		if err := setFilter(&f, name, value, len(q[name]), now); err != nil {
			return spool.Filter{}, &FilterError{name, value, err.Error()}
		}
	}
	return f, nil
}

func knownFilter(name string) bool {
	for _, known := range FilterNames() {
		if name == known {
			return true
		}
	}
	return false
}

// setFilter sets one filter. Its errors go on after the value in a sentence.
func setFilter(f *spool.Filter, name, value string, given int, now time.Time) (err error) {
	switch {
	case given > 1 && name != "state" && name != "id":
		return errors.New("is given more than once")
	case value == "":
		return errors.New("is empty; leave it out to list whatever it is")
	}
	switch name {
	case "id":
		f.IDs, err = parseIDs(value)
	case "state":
		f.States, f.AnyState, err = parseStates(value)
	case "upstream":
		f.Upstream = value
	case "route":
		f.Route = value
	case "from":
		f.From, err = parseGlob(value)
	case "to":
		f.To, err = parseGlob(value)
	case "message_id":
		f.MessageID = value
	case "remote_id":
		f.RemoteID = value
	case "older":
		f.Before, err = parseMoment(value, now)
	case "newer":
		f.After, err = parseMoment(value, now)
	case "code":
		f.Code, err = parseCode(value)
	case "limit":
		f.Limit, err = parseLimit(value)
	}
	return err
}

func parseIDs(s string) (ids []relay.ID, err error) {
	for one := range strings.SplitSeq(s, ",") {
		id, err := spool.ParseID(one)
		if err != nil {
			return nil, errors.New("is no message id: an id has 26 letters and digits")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func parseStates(s string) (states []relay.State, any bool, err error) {
	for name := range strings.SplitSeq(s, ",") {
		if name == "any" {
			any = true
			continue
		}
		var state relay.State
		if state.UnmarshalText([]byte(name)) != nil {
			return nil, false, errors.New("is no state; there are queued, sending, delivered, bounced, expired, held, deleted, and any")
		}
		states = append(states, state)
	}
	if any {
		return nil, true, nil
	}
	return states, false, nil
}

func parseGlob(s string) (string, error) {
	if _, err := path.Match(s, ""); err != nil {
		return "", errors.New(`is no pattern; write one like "*@example.com"`)
	}
	return s, nil
}

// codePattern is a reply code, or a class of them.
var codePattern = regexp.MustCompile(`^[2-5]([0-9]{2}|[xX]{2})$`)

func parseCode(s string) (string, error) {
	if !codePattern.MatchString(s) {
		return "", errors.New("is no reply code; write one like 550, or a class like 4xx")
	}
	return s, nil
}

func parseLimit(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, errors.New("is no number of messages; write one from 1 up")
	}
	return n, nil
}

var errMoment = errors.New(`is no age; write one like "30s", "10m", "4h" or "5d", or a time like 2026-01-31T08:00:00Z`)

// parseMoment reads an age, which counts back from now, or a time.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil && !t.IsZero() {
		return t.UTC(), nil
	}
	age, err := parseAge(s)
	if err != nil || age <= 0 {
		return time.Time{}, errMoment
	}
	return now.Add(-age), nil
}

// maxAgeDays keeps sums of days and hours far from overflow.
const maxAgeDays = 36500

// parseAge reads a duration, with days beside the units of the time package.
func parseAge(s string) (time.Duration, error) {
	var total time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxAgeDays {
			return 0, errMoment
		}
		total, s = time.Duration(n)*24*time.Hour, rest
		if s == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxAgeDays*24*time.Hour {
		return 0, errMoment
	}
	return total + d, nil
}

// filterQuery writes a filter so that ParseFilter reads the same one.
func filterQuery(f spool.Filter) url.Values {
	q := make(url.Values)
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	for _, id := range f.IDs {
		q.Add("id", string(id))
	}
	if f.AnyState {
		set("state", "any")
	} else {
		for _, s := range f.States {
			q.Add("state", s.String())
		}
	}
	set("upstream", f.Upstream)
	set("route", f.Route)
	set("from", f.From)
	set("to", f.To)
	set("message_id", f.MessageID)
	set("remote_id", f.RemoteID)
	if !f.Before.IsZero() {
		set("older", f.Before.UTC().Format(time.RFC3339Nano))
	}
	if !f.After.IsZero() {
		set("newer", f.After.UTC().Format(time.RFC3339Nano))
	}
	set("code", f.Code)
	if f.Limit > 0 {
		set("limit", strconv.Itoa(f.Limit))
	}
	return q
}
