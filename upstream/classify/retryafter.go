package classify

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what an answer may ask for: strangers write it.
const maxRetryAfter = 24 * time.Hour

// waitWords are the words without which a text asks for no delay: looking for
// them is cheap.
var waitWords = []string{"again", "retry", "wait", "listed", "locked", "back in", "next"}

var waitPhrase = regexp.MustCompile(`\b(?:again|retry|wait|(?:grey|gray)listed|b?locked|back|next)\b` +
	`(?: (?:in|after|for|at|least|about|approximately|another|the|next|within))*` +
	` (?:(\d{1,7}|an?|one) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b|(\d\d):(\d\d):(\d\d)\b)`)

// retryAfter reads the delay that a folded text asks for: "try again in 300
// seconds", "wait 5 minutes", "for the next 24 hours", "come back in 00:05:00".
// It is 0 where there is none, and at most maxRetryAfter.
func retryAfter(text string) time.Duration {
	if !containsAny(text, waitWords) {
		return 0
	}
	m := waitPhrase.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	if m[2] == "" {
		return min(clock(m[3], m[4], m[5]), maxRetryAfter)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		n = 1 // "a", "an", "one"
	}
	unit := unitOf(m[2])
	return min(time.Duration(n), maxRetryAfter/unit) * unit
}

// clock adds up hours, minutes and seconds of two digits each.
func clock(hours, minutes, seconds string) time.Duration {
	d, _ := time.ParseDuration(hours + "h" + minutes + "m" + seconds + "s")
	return d
}

// unitOf gives a unit by the first letter of its name.
func unitOf(name string) time.Duration {
	switch {
	case strings.HasPrefix(name, "s"):
		return time.Second
	case strings.HasPrefix(name, "m"):
		return time.Minute
	case strings.HasPrefix(name, "h"):
		return time.Hour
	}
	return 24 * time.Hour
}
