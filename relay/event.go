package relay

import "time"

// EventKind is the name of an event, as the log writes it.
type EventKind string

// The kinds of events.
const (
	EventAccepted       EventKind = "accepted"
	EventRejected       EventKind = "rejected" // refused at the door
	EventRepaired       EventKind = "repaired"
	EventFiltered       EventKind = "filtered" // a content filter changed it, or could not see it
	EventAttempt        EventKind = "attempt"
	EventDelivered      EventKind = "delivered"
	EventDeferred       EventKind = "deferred"
	EventFailover       EventKind = "failover"
	EventBounced        EventKind = "bounced"
	EventExpired        EventKind = "expired"
	EventHeld           EventKind = "held"
	EventReleased       EventKind = "released"
	EventDeleted        EventKind = "deleted"
	EventRedirected     EventKind = "redirected"
	EventInDoubt        EventKind = "in_doubt"
	EventUpstreamDown   EventKind = "upstream_down"
	EventUpstreamUp     EventKind = "upstream_up"
	EventIncidentOpened EventKind = "incident_opened"
	EventIncidentClosed EventKind = "incident_closed"
	EventOperator       EventKind = "operator"
	EventReloaded       EventKind = "reloaded"
)

// Event is one thing that happened. Fields that do not apply are zero. Those
// of a message are stored with it, in the transaction that made them true.
type Event struct {
	Kind EventKind
	At   time.Time

	Message   ID
	MessageID string
	Listener  string
	Client    string
	User      string
	From      string // meaningful where Message is set; "" is the null sender
	To        string // the recipient; of an accepted event: the first one
	Others    int    // of an accepted event: how many recipients beside To
	Size      int64

	Upstream    string
	Attempt     int // the number of the attempt, from 1
	Verdict     Verdict
	NextAttempt time.Time
	Duration    time.Duration // of the attempt
	Total       time.Duration // since the message was accepted

	// Of the outcome of an attempt, and not stored with the message: the route
	// of the recipient, and whether this is the one event of the attempt by
	// which attempts are counted.
	Route string
	Leads bool

	Incident int64  // the number of the incident that is opened, closed or holds it
	Detail   string // in words for people: why held, what was repaired, …
}
