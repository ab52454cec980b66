package relay

import "time"

// IncidentKind says what is in trouble.
type IncidentKind string

// The kinds of incidents.
const (
	IncidentUpstream IncidentKind = "upstream" // disabled: the account, the login, the name, …
	IncidentSender   IncidentKind = "sender"   // an upstream refuses a sender
	IncidentQuota    IncidentKind = "quota"    // used up
	IncidentMessage  IncidentKind = "message"  // a damaged body, a fault of ours, a second unknown outcome
	IncidentRoute    IncidentKind = "route"    // its route or upstream is gone
	IncidentBackup   IncidentKind = "backup"   // no backup of the spool can be made; nothing is held
	IncidentWarning  IncidentKind = "warning"  // an answer that somebody should know of; nothing is held or disabled
)

// Incident is a trouble that holds mail, disables an upstream or should be known
// at once, opened once per cause and not once per message.
type Incident struct {
	// Number names the incident. One that is opened again keeps it.
	Number int64

	// Cause is what makes it the same incident: two with the same cause are
	// one.
	Cause string

	Kind     IncidentKind
	Upstream string // "" where none is concerned
	Sender   string // of kind sender
	Verdict  Verdict
	Detail   string // in words for people

	OpenedAt time.Time // the last time
	ClosedAt time.Time // zero while it is open
	ClosedBy string    // "probe", "configuration", or who resolved it
	Times    int       // how often it was opened, at least 1

	// Held is how many recipients it holds. Stores fill it in when they are
	// asked; it is not stored.
	Held int64
}

// Open reports whether the incident is open.
func (i *Incident) Open() bool { return i.ClosedAt.IsZero() }
