package filter

import "context"

// Action is what is to become of a message.
type Action uint8

// The actions.
const (
	Pass    Action = iota // go on with it, as it is now
	Refuse                // give Outcome.Reply
	Discard               // accept it, and throw it away
)

// Outcome is what filters made of a message, beside the changes in it.
type Outcome struct {
	Action Action
	Filter string // who refused or discarded it
	Reply  Reply  // of Refuse

	Hold  *Hold  // a filter wants it kept until somebody has looked at it; nil: none
	Notes []Note // what was done, in the order of the filters
}

// Hold is a filter's wish to quarantine a message.
type Hold struct {
	Filter string
	Reason string // in its words, printable; "" for none
}

// Note is something that a filter did with a message.
type Note struct {
	Filter string
	Text   string // printable, without addresses
}

// Chain are filters in the order in which they are asked.
type Chain []*Filter

// Run shows m to the filters, and changes it as they ask. Where one refuses or
// discards it, the filters after that are not asked. Errors are ctx's, and
// those of this machine: they match ErrFull where the disk is full.
func (c Chain) Run(ctx context.Context, m *Mail) (Outcome, error) {
	var all Outcome
	for _, f := range c {
		o, err := f.look(ctx, m)
		if err != nil {
			return Outcome{}, err
		}
		all.Action, all.Filter, all.Reply = o.Action, o.Filter, o.Reply
		all.Notes = append(all.Notes, o.Notes...)
		if all.Hold == nil {
			all.Hold = o.Hold
		}
		if all.Action != Pass {
			break
		}
	}
	return all, nil
}
