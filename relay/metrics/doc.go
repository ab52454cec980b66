// Package metrics counts what happens for Prometheus, and answers on /metrics,
// /healthz and /readyz.
//
// What happens often is counted as it happens, by a Recorder, which takes the
// events of the daemon beside the log: in memory, without locks that wait for
// anybody. What is a state (the queue, the upstreams, the incidents) is asked
// for when somebody scrapes. The names and labels are a public contract; labels
// take values from the configuration and from fixed lists only, never from
// clients or from replies, so that the number of series is bounded.
package metrics
