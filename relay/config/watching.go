package config

import (
	"errors"
	"slices"
	"strconv"

	"relaykeep/relay"
)

// readWatching reads the blocks that carry events and numbers elsewhere. They
// have no behaviour yet. They are checked all the same, so that a typing error in
// them is told as one.
func readWatching(s *section) {
	for _, w := range s.named("webhook") {
		readWebhook(w)
	}
	var notifiers []string
	for _, n := range s.named("notifier") {
		notifiers = append(notifiers, n.name)
		readNotifier(n)
	}
	for _, a := range s.named("alert") {
		readAlert(a, notifiers)
	}
}

// eventNames are the events that a webhook may ask for.
func eventNames() []string {
	kinds := []relay.EventKind{
		relay.EventAccepted, relay.EventRejected, relay.EventRepaired, relay.EventFiltered, relay.EventAttempt, relay.EventDelivered,
		relay.EventDeferred, relay.EventFailover, relay.EventBounced, relay.EventExpired, relay.EventHeld,
		relay.EventReleased, relay.EventDeleted, relay.EventRedirected, relay.EventInDoubt, relay.EventUpstreamDown,
		relay.EventUpstreamUp, relay.EventIncidentOpened, relay.EventIncidentClosed, relay.EventOperator, relay.EventReloaded,
	}
	var list []string
	for _, k := range kinds {
		list = append(list, string(k))
	}
	return list
}

// readWebhook reads a block webhook.
func readWebhook(s *section) {
	needed(s, "url", `"https://hooks.example.com/mail"`, webURL)
	s.secret("secret")
	readList(s, "events", nil, oneOf(eventNames()...))
	read(s, "timeout", 0, positiveDuration)
	s.end()
}

// readNotifier reads a block notifier. Those that speak HTTP need a URL.
func readNotifier(s *section) {
	web := []string{"webhook", "slack", "dingtalk", "wecom", "feishu"}
	kind := needed(s, "type", `"webhook"`, oneOf(append(web, "exec", "smtp")...))
	if slices.Contains(web, kind) {
		needed(s, "url", `"https://hooks.example.com/ops"`, webURL)
	} else {
		read(s, "url", "", optional(webURL))
	}
	s.end()
}

// alertMetrics says how the limit of each metric is written.
var alertMetrics = map[string]func(*section, string){
	"success_rate":  limit(decimal),
	"failure_rate":  limit(decimal),
	"oldest_age":    limit(positiveDuration),
	"latency_p95":   limit(positiveDuration),
	"queue_length":  limit(decimal),
	"disk_free":     limit(parseSize),
	"upstream_down": limit(decimal),
	"incident":      limit(decimal),
}

// limit makes the reader of a key below or above.
func limit[T any](parse func(string) (T, error)) func(*section, string) {
	return func(s *section, key string) {
		var zero T
		read(s, key, zero, parse)
	}
}

// readAlert reads a block alert.
func readAlert(s *section, notifiers []string) {
	var metrics []string
	for name := range alertMetrics {
		metrics = append(metrics, name)
	}
	slices.Sort(metrics)
	metric := needed(s, "metric", `"success_rate"`, oneOf(metrics...))
	below, above := s.has("below"), s.has("above")
	if below == above && metric != "upstream_down" && metric != "incident" {
		s.errorAt(s.header, "%s: it has one limit; write either below or above", s.title)
	}
	if check, ok := alertMetrics[metric]; ok {
		check(s, "below")
		check(s, "above")
	}
	read(s, "window", 0, positiveDuration)
	read(s, "for", 0, relay.ParseDuration)
	refer(s, "notify", "notifier", readList(s, "notify", nil, nonEmpty), notifiers)
	s.end()
}

var errDecimal = errors.New(`is not a number; write one like "0.9"`)

// decimal takes a number that is not negative.
func decimal(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1e18) {
		return 0, errDecimal
	}
	return f, nil
}
