package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"relaykeep/relay"
	"relaykeep/relay/delivery"
	"relaykeep/spool"
)

// Source is where the state comes from that a scrape asks for.
type Source struct {
	Stats     func(context.Context) (spool.Stats, error)
	Incidents func(context.Context) ([]relay.Incident, error) // the open ones
	Lanes     func() []delivery.LaneStatus
}

// state asks a Source whenever it is collected.
type state struct {
	Source

	recipients, oldest, bytes         *prometheus.Desc
	up, connections, quota, incidents *prometheus.Desc
}

func newState(s Source) *state {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("relaykeep_"+name, help, labels, nil)
	}
	return &state{
		Source:      s,
		recipients:  describe("spool_recipients", "Recipients in the spool, finished ones that are still listed included.", "state", "upstream"),
		oldest:      describe("spool_oldest_seconds", "Age of the oldest unfinished message, 0 where there is none."),
		bytes:       describe("spool_bytes", "Sizes: file: of the spool file; used and free: the pages in it; bodies: of unfinished mail.", "kind"),
		up:          describe("upstream_up", "1 while the upstream takes mail, 0 while it is down, disabled, paused or its quota is used up.", "upstream"),
		connections: describe("upstream_connections", "Connections: sending: in use; free: what may be opened beside them at this time.", "upstream", "state"),
		quota:       describe("upstream_quota_remaining", "How much of the quota is left, where there is one.", "upstream"),
		incidents:   describe("incidents", "Open incidents.", "kind"),
	}
}

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.recipients, s.oldest, s.bytes, s.up, s.connections, s.quota, s.incidents} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is an error of
// the scrape's; the rest is there all the same.
func (s *state) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s.collectSpool(ctx, out)
	s.collectIncidents(ctx, out)
	for _, l := range s.Lanes() {
		s.collectLane(&l, out)
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (s *state) collectSpool(ctx context.Context, out chan<- prometheus.Metric) {
	stats, err := s.Stats(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(s.recipients, err)
		return
	}
	for _, c := range stats.Recipients {
		gauge(out, s.recipients, float64(c.N), c.State.String(), c.Upstream)
	}
	age := 0.
	if !stats.Oldest.IsZero() {
		age = max(time.Since(stats.Oldest).Seconds(), 0)
	}
	gauge(out, s.oldest, age)
	gauge(out, s.bytes, float64(stats.FileBytes), "file")
	gauge(out, s.bytes, float64(stats.UsedBytes), "used")
	gauge(out, s.bytes, float64(stats.FreePages)*float64(stats.PageSize), "free")
	gauge(out, s.bytes, float64(stats.BodyBytes), "bodies")
}

func (s *state) collectIncidents(ctx context.Context, out chan<- prometheus.Metric) {
	open, err := s.Incidents(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(s.incidents, err)
		return
	}
	counts := map[relay.IncidentKind]int{
		relay.IncidentUpstream: 0, relay.IncidentSender: 0, relay.IncidentQuota: 0,
		relay.IncidentMessage: 0, relay.IncidentRoute: 0, relay.IncidentBackup: 0, relay.IncidentWarning: 0,
	}
	for _, i := range open {
		counts[i.Kind]++
	}
	for kind, n := range counts {
		gauge(out, s.incidents, float64(n), string(kind))
	}
}

func (s *state) collectLane(l *delivery.LaneStatus, out chan<- prometheus.Metric) {
	gauge(out, s.up, up(l.Reason), l.Name)
	gauge(out, s.connections, float64(l.InFlight), l.Name, "sending")
	gauge(out, s.connections, float64(max(l.Connections-l.InFlight, 0)), l.Name, "free")
	if l.Limited {
		gauge(out, s.quota, float64(l.QuotaRemaining), l.Name)
	}
}

// up is 1 for an upstream that takes mail, be it slowly.
func up(r delivery.LaneReason) float64 {
	if r == "" || r == delivery.LaneSlow {
		return 1
	}
	return 0
}
