package relay

// HoldRestored is the HoldReason of what was unfinished in a backup that was
// restored: it may have been sent since.
const HoldRestored = "restored from a backup"

// HeldOnPurpose reports whether this HoldReason says that somebody wants the
// mail to be held, and nothing is wrong with it. The clock of ExpiresAt stands
// still then.
func HeldOnPurpose(reason string) bool { return reason == HoldOperator || reason == HoldRestored }
