package daemon

import (
	"cmp"
	"reflect"
	"slices"

	"relaykeep/relay/config"
)

// changes tells, a line each, what a reload changes. Keys, certificates and
// users are read anew, and need no line.
func changes(before, after *config.Config) []string {
	lines := named("upstream", before.Upstreams, after.Upstreams,
		func(u config.Upstream) string { return u.Name }, sameUpstream)
	lines = append(lines, named("listener", before.Listeners, after.Listeners,
		func(l config.Listener) string { return l.Name }, equal[config.Listener])...)
	a, b := routingTable(before).Fingerprint(), routingTable(after).Fingerprint()
	for _, part := range []struct {
		what string
		same bool
	}{
		{"the routes have changed; mail in the queue follows them", a == b},
		{"retry policies have changed", reflect.DeepEqual(before.Retries, after.Retries)},
		{"classification rules have changed", reflect.DeepEqual(before.Packs, after.Packs)},
		{"signing keys have changed", reflect.DeepEqual(before.DKIM, after.DKIM)},
		{"filters have changed", reflect.DeepEqual(before.Filters, after.Filters)},
		{"bounce settings have changed", reflect.DeepEqual(before.Bounce, after.Bounce)},
		{"dedupe has changed", reflect.DeepEqual(before.Dedupe, after.Dedupe)},
		{"the log level is " + after.Log.Level, before.Log.Level == after.Log.Level},
		{"addresses in the log are written in another way", before.Log.Addresses == after.Log.Addresses},
		{"the log goes to " + cmp.Or(after.Log.File, "standard error"), before.Log.File == after.Log.File},
	} {
		if !part.same {
			lines = append(lines, part.what)
		}
	}
	return lines
}

// restarts tells, a line each, what is not changed before a restart. running is
// what the process was started with.
func restarts(running, wanted *config.Config) []string {
	var lines []string
	for _, part := range []struct {
		what string
		same bool
	}{
		{"the block spool has changed", reflect.DeepEqual(running.Spool, wanted.Spool)},
		{"the block admin has changed", reflect.DeepEqual(running.Admin, wanted.Admin)},
		{"the block metrics has changed", reflect.DeepEqual(running.Metrics, wanted.Metrics)},
		{"the format in the block log has changed", running.Log.JSON == wanted.Log.JSON},
	} {
		if !part.same {
			lines = append(lines, part.what+"; that needs a restart")
		}
	}
	return lines
}

// named compares the blocks of a kind by their names.
func named[T any](kind string, before, after []T, name func(T) string, same func(a, b T) bool) (lines []string) {
	find := func(all []T, n string) int {
		return slices.IndexFunc(all, func(v T) bool { return name(v) == n })
	}
	for _, v := range after {
		switch i := find(before, name(v)); {
		case i < 0:
			lines = append(lines, kind+" "+name(v)+" is new")
		case !same(before[i], v):
			lines = append(lines, kind+" "+name(v)+" has changed")
		}
	}
	for _, v := range before {
		if find(after, name(v)) < 0 {
			lines = append(lines, kind+" "+name(v)+" is gone")
		}
	}
	return lines
}

func equal[T any](a, b T) bool { return reflect.DeepEqual(a, b) }

func sameUpstream(a, b config.Upstream) bool {
	return sameLane(a, b) && a.Sign == b.Sign && a.Rewrite == b.Rewrite
}
