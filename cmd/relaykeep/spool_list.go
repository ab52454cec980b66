package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// spoolListCmd is the command spool list.
type spoolListCmd struct {
	filterFlags
	socketFlag
	JSON bool `name:"json" help:"Print a JSON object per line."`
}

// Run lists what the filters select.
func (c *spoolListCmd) Run(ctx context.Context, a *app, g *grammar) error {
	now := time.Now()
	f, err := c.filter(now)
	if err != nil {
		return err
	}
	q, err := a.openQueue(ctx, g, c.socketFlag)
	if err != nil {
		return err
	}
	defer q.Close()
	out := bufio.NewWriter(a.out)
	if c.JSON {
		err = q.List(ctx, f, func(m admin.Message) error { return printJSON(out, m) })
		return cmp.Or(err, out.Flush())
	}
	t := messageTable{out: out, width: columns(a.out), colours: a.palette(a.out), now: now, lanes: lanesOf(ctx, q)}
	if err := q.List(ctx, f, t.add); err != nil {
		return cmp.Or(out.Flush(), err)
	}
	if err := t.end(); err != nil {
		return err
	}
	return out.Flush()
}

// listPage is how many messages are looked at to find the widths of columns:
// a list is never held as a whole.
const listPage = 500

// messageTable prints messages as they come.
type messageTable struct {
	out     *bufio.Writer
	width   int // of the terminal; 0: none
	colours palette
	now     time.Time
	lanes   lanes

	page       []messageRow
	layout     layout
	messages   int64
	recipients int64
}

// messageRow is a message in words.
type messageRow struct {
	id, age, size, state, upstream, attempts, next string
	from, to, last                                 string
}

func (t *messageTable) add(m admin.Message) error {
	t.messages++
	t.recipients += int64(len(m.Recipients))
	t.page = append(t.page, describe(m, t.now, t.colours, t.lanes))
	if len(t.page) < listPage {
		return nil
	}
	return t.flush()
}

// end prints the rest and the counts.
func (t *messageTable) end() error {
	if err := t.flush(); err != nil {
		return err
	}
	if t.messages == 0 {
		_, err := fmt.Fprintln(t.out, "no messages")
		return err
	}
	_, err := fmt.Fprintf(t.out, "%s, %s\n", count(t.messages, "message", "messages"), count(t.recipients, "recipient", "recipients"))
	return err
}

// describe tells a message by the recipient that speaks for it: the first
// unfinished one, else the first.
func describe(m admin.Message, now time.Time, colours palette, l lanes) messageRow {
	row := messageRow{
		id: string(m.ID), age: age(now.Sub(m.ReceivedAt.Time)), size: size(m.Size),
		from: printable(cmp.Or(m.From, "<>")),
	}
	r := speaker(m.Recipients)
	if r == nil {
		return row
	}
	row.state, row.upstream = colours.paint(stateColour(r.State), r.State.String()), printable(r.Upstream)
	row.attempts = strconv.Itoa(r.Attempts)
	row.to = printable(r.Address)
	if n := len(m.Recipients) - 1; n > 0 {
		row.to += fmt.Sprintf(" (+%d)", n)
	}
	switch {
	case l.waitingFor(*r, now) != "":
		row.next = "waits"
	case r.State == relay.Queued:
		row.next = until(r.NextAttempt.Time, now)
	}
	row.last = lastWords(r)
	return row
}

func speaker(to []admin.Recipient) *admin.Recipient {
	for i := range to {
		if !to[i].State.Finished() {
			return &to[i]
		}
	}
	if len(to) > 0 {
		return &to[0]
	}
	return nil
}

// lastWords says why a recipient is where it is, as shortly as it can.
func lastWords(r *admin.Recipient) string {
	switch {
	case r.State == relay.Held && r.HoldReason != "":
		return oneLine(r.HoldReason)
	case r.Last == nil:
		return ""
	}
	return reply(r.Last.Verdict)
}

// reply tells an answer as it came: code, enhanced code and text.
func reply(v admin.Verdict) string {
	var parts []string
	if v.Code > 0 {
		parts = append(parts, strconv.Itoa(v.Code))
	}
	if v.Enhanced != "" {
		parts = append(parts, printable(v.Enhanced))
	}
	if v.Text != "" {
		parts = append(parts, oneLine(v.Text))
	}
	return strings.Join(parts, " ")
}
