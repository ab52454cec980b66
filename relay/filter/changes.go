package filter

import (
	"fmt"
	"slices"
	"strings"

	milter "github.com/d--j/go-milter"

	"relaykeep/relay"
)

// offered is what a filter may ask for. Recipients with parameters of their
// own (NOTIFY and the like) are not: no common filter adds any.
const offered = milter.OptAddHeader | milter.OptChangeHeader | milter.OptChangeBody | milter.OptQuarantine |
	milter.OptChangeFrom | milter.OptAddRcpt | milter.OptRemoveRcpt | milter.OptSetMacros

// maxTold bounds how many things are told of one message and filter.
const maxTold = 20

// draft is what a message becomes by the changes that a filter asks for. None
// of it counts before all of it can be done.
type draft struct {
	header header
	from   string
	to     []string
	utf8   bool

	hold bool     // it is to be quarantined
	why  string   // in the filter's words, "" for none
	told []string // what was done, in words for people, each once; no addresses
}

// newDraft is the draft of a message as it is. spaced says how the filter gives
// the values of fields.
func newDraft(m *Mail, spaced bool) *draft {
	return &draft{
		header: header{fields: slices.Clone(m.header), spaced: spaced},
		from:   m.From, to: slices.Clone(m.To), utf8: m.UTF8,
	}
}

// apply does one of the changes. What cannot be done is the filter's fault.
func (d *draft) apply(a *milter.ModifyAction) (err error) {
	done := "added"
	switch a.Type {
	case milter.ActionAddHeader:
		err = d.header.add(a.HeaderName, a.HeaderValue)
	case milter.ActionInsertHeader:
		err = d.header.insert(a.HeaderIndex, a.HeaderName, a.HeaderValue)
	case milter.ActionChangeHeader:
		done, err = d.header.change(a.HeaderName, a.HeaderIndex, a.HeaderValue)
	case milter.ActionChangeFrom:
		return d.changeFrom(a.From)
	case milter.ActionAddRcpt:
		return d.addRcpt(a.Rcpt)
	case milter.ActionDelRcpt:
		return d.delRcpt(a.Rcpt)
	case milter.ActionQuarantine:
		d.hold, d.why = true, printable(a.Reason, MaxText)
		return nil
	default:
		return fmt.Errorf("it asked for a change of an unknown kind (%d)", a.Type)
	}
	if done != "" && err == nil {
		d.tell(done + " " + a.HeaderName)
	}
	return err
}

func (d *draft) changeFrom(path string) error {
	from := ""
	if path != "<>" {
		var err error
		if from, err = relay.ParseAddress(path, d.utf8); err != nil {
			return fmt.Errorf("it gave the message a sender: %w", err)
		}
	}
	if from != d.from {
		d.from = from
		d.tell("changed the sender")
	}
	return nil
}

func (d *draft) addRcpt(path string) error {
	to, err := relay.ParseAddress(path, d.utf8)
	if err != nil {
		return fmt.Errorf("it added a recipient: %w", err)
	}
	if d.place(to) < 0 {
		d.to = append(d.to, to)
		d.tell("added recipients")
	}
	return nil
}

// delRcpt takes a recipient out; one that is not there is no matter.
func (d *draft) delRcpt(path string) error {
	to, err := relay.ParseAddress(path, true)
	if err != nil {
		return fmt.Errorf("it removed a recipient: %w", err)
	}
	if i := d.place(to); i >= 0 {
		d.to = slices.Delete(d.to, i, i+1)
		d.tell("removed recipients")
	}
	return nil
}

// place finds a recipient, -1 for none: domains know no case.
func (d *draft) place(address string) int {
	at := strings.LastIndexByte(address, '@')
	return slices.IndexFunc(d.to, func(to string) bool {
		return len(to) > at && to[:at+1] == address[:at+1] && strings.EqualFold(to[at+1:], address[at+1:])
	})
}

// tell notes what was done.
func (d *draft) tell(what string) {
	what = printable(what, MaxText)
	switch {
	case slices.Contains(d.told, what):
	case len(d.told) < maxTold:
		d.told = append(d.told, what)
	case len(d.told) == maxTold:
		d.told = append(d.told, "and more")
	}
}

// finish gives the message what the filter made of it, all but its text.
func (d *draft) finish(m *Mail) error {
	fields, err := d.header.end()
	if err != nil {
		return err
	}
	m.header, m.From, m.To = fields, d.from, d.to
	return nil
}
