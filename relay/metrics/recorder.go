package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"relaykeep/relay"
	"relaykeep/relay/event"
)

// notices is the listener of messages that relaykeep wrote itself.
const notices = "bounce"

// Names are the label values that are known beforehand: their series are there,
// at zero, before the first message. An alarm on the growth of a series misses
// the first growth of one that did not exist.
type Names struct {
	Listeners, Upstreams, Routes []string
}

// Recorder counts what happens. It is safe for concurrent use.
type Recorder struct {
	accepted   *prometheus.CounterVec
	rejected   *prometheus.CounterVec
	recipients *prometheus.CounterVec
	attempts   *prometheus.HistogramVec
	deliveries *prometheus.HistogramVec
	commits    prometheus.Histogram
	batches    prometheus.Histogram
}

var _ event.Sink = (*Recorder)(nil)

// NewRecorder makes a Recorder at zero.
func NewRecorder(n Names) *Recorder {
	r := &Recorder{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "relaykeep_messages_accepted_total",
			Help: "Messages that were acknowledged with 250; listener bounce: notices that relaykeep wrote.",
		}, []string{"listener"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "relaykeep_messages_rejected_total",
			Help: "Refusals of a connection, a login, a message or a recipient, by our reply code.",
		}, []string{"listener", "code"}),
		recipients: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "relaykeep_recipients_total",
			Help: "What attempts meant for recipients. in_doubt counts beside what followed.",
		}, []string{"upstream", "outcome"}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "relaykeep_attempt_seconds",
			Help:    "How long attempts took, by the stage that they came to.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600},
		}, []string{"upstream", "stage"}),
		deliveries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "relaykeep_delivery_seconds",
			Help:    "Time from our 250 to that of the upstream, for each delivered recipient.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 4 * 3600, 24 * 3600},
		}, []string{"route"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "relaykeep_commit_seconds",
			Help:    "How long transactions of the spool took, the way to the disk included.",
			Buckets: prometheus.ExponentialBuckets(.0005, 2, 14),
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "relaykeep_commit_batch",
			Help:    "How many changes shared a transaction of the spool.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
	}
	r.Begin(n)
	return r
}

// outcomes are the values of the label outcome.
func outcomes() []relay.EventKind {
	return []relay.EventKind{
		relay.EventDelivered, relay.EventDeferred, relay.EventBounced,
		relay.EventExpired, relay.EventFailover, relay.EventInDoubt,
	}
}

// Begin makes the series that are known beforehand; those that are there stay as
// they are.
func (r *Recorder) Begin(n Names) {
	for _, l := range append([]string{notices}, n.Listeners...) {
		r.accepted.WithLabelValues(l)
	}
	for _, u := range n.Upstreams {
		for _, o := range outcomes() {
			r.recipients.WithLabelValues(u, string(o))
		}
	}
	for _, route := range n.Routes {
		r.deliveries.WithLabelValues(route)
	}
}

// Emit implements event.Sink.
func (r *Recorder) Emit(e relay.Event) {
	switch e.Kind {
	case relay.EventAccepted:
		listener := e.Listener
		if listener == "" {
			listener = notices
		}
		r.accepted.WithLabelValues(listener).Inc()
		return
	case relay.EventDelivered:
		r.deliveries.WithLabelValues(e.Route).Observe(e.Total.Seconds())
		fallthrough
	case relay.EventDeferred, relay.EventBounced, relay.EventExpired, relay.EventFailover, relay.EventInDoubt:
		r.recipients.WithLabelValues(e.Upstream, string(e.Kind)).Inc()
	}
	if e.Leads {
		r.attempts.WithLabelValues(e.Upstream, e.Verdict.Stage.String()).Observe(e.Duration.Seconds())
	}
}

// Rejected counts a refusal at the door. Unlike its event, which abusers could
// make many of, none is left out.
func (r *Recorder) Rejected(listener string, code int) {
	label := "other" // a filter chose it
	if code >= 400 && code < 600 {
		label = strconv.Itoa(code)
	}
	r.rejected.WithLabelValues(listener, label).Inc()
}

// Commit counts a transaction of the spool.
func (r *Recorder) Commit(changes int, took time.Duration) {
	r.commits.Observe(took.Seconds())
	r.batches.Observe(float64(changes))
}

func (r *Recorder) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.accepted, r.rejected, r.recipients, r.attempts, r.deliveries, r.commits, r.batches}
}
