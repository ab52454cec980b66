package backup

import (
	"os"
	"slices"
	"strings"
	"time"
)

// stampForm is how the time of a backup stands in its name; names sort by it.
const stampForm = "20060102T150405Z"

// name is that of the backup of a spool at a time.
func name(instance string, at time.Time) string {
	return prefix(instance) + at.UTC().Format(stampForm) + ".db"
}

func prefix(instance string) string { return "relaykeep-" + instance + "-" }

// stampOf reads the time in the name of a backup of this spool.
func stampOf(instance, file string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(file, prefix(instance))
	if !ok {
		return time.Time{}, false
	}
	stamp, ok := strings.CutSuffix(rest, ".db")
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(stampForm, stamp)
	return at, err == nil
}

// own gives the names of the backups of this spool among files, oldest first.
func own(instance string, files []os.DirEntry) (names []string) {
	for _, f := range files {
		if _, ok := stampOf(instance, f.Name()); ok && f.Type().IsRegular() {
			names = append(names, f.Name())
		}
	}
	slices.Sort(names)
	return names
}

// surplus gives those of the names that are more than keep, which is at least
// 1. newest is one of them, and stays: names that sort behind it were given
// while the clock was wrong, and go first.
func surplus(names []string, newest string, keep int) []string {
	i, _ := slices.BinarySearch(names, newest)
	i = min(i+1, len(names))
	names = slices.Concat(names[i:], names[:i])
	return names[:max(0, len(names)-keep)]
}

// nextAt says when the next backup is due: every after the newest, at once where
// there is none. One from the future, of a clock that was wrong, is none.
func nextAt(instance string, names []string, every time.Duration, now time.Time) time.Time {
	for _, file := range slices.Backward(names) {
		if newest, _ := stampOf(instance, file); !newest.After(now) {
			return newest.Add(every)
		}
	}
	return now
}
