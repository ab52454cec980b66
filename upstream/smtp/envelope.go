package smtp

import "relaykeep/relay"

// Bounds of a pipelined group. The commands of a group fit the buffers of both
// sides, so that the write ends though the server may answer each command
// before it reads the next; then the replies are read (RFC 2920, section 3.1).
const (
	maxGroup      = 100
	maxGroupBytes = 16 << 10
)

// step is a command of the envelope: RSET, MAIL, a recipient by its index, or
// DATA.
type step int

const (
	stepReset step = -2
	stepMail  step = -1
)

// stepData is the step after the last recipient.
func (x *transaction) stepData() step { return step(len(x.to)) }

func (x *transaction) stage(s step) relay.Stage {
	switch {
	case s <= stepMail:
		return relay.StageMail
	case s < x.stepData():
		return relay.StageRcpt
	}
	return relay.StageData
}

// envelope sends everything up to DATA, in groups where the server pipelines
// and else one by one, and reads all replies. It returns nil where DATA was
// answered by 354 and somebody was accepted.
func (x *transaction) envelope() error {
	x.accepted = make([]int, 0, len(x.to))
	next := stepMail
	if x.c.needReset {
		next = stepReset
	}
	for next <= x.stepData() {
		first := next
		if next = x.fillGroup(next); len(x.c.group) == 0 {
			x.c.needReset = true // nobody was accepted: no DATA
			return errOver
		}
		if err := x.c.flush(); err != nil {
			if err := x.c.lateError(err); err != nil {
				return x.broke(x.stage(first), err)
			}
			return x.refused(x.stage(first))
		}
		if err := x.readGroup(); err != nil {
			return err
		}
	}
	return nil
}

// fillGroup puts the next commands into the buffer of the connection and
// returns the step after them.
func (x *transaction) fillGroup(next step) step {
	c := x.c
	limit := 1
	if c.ext.pipelining {
		limit = maxGroup
	}
	c.out, c.group = c.out[:0], c.group[:0]
	for next <= x.stepData() && len(c.group) < limit && len(c.out) < maxGroupBytes {
		// Somebody must have been accepted, or still be asked, before DATA.
		if next == x.stepData() && len(c.group) == 0 && len(x.accepted) == 0 {
			break
		}
		if next < 0 || next == x.stepData() || x.isOpen(int(next)) {
			x.appendStep(next)
			c.group = append(c.group, next)
		}
		next++
	}
	return next
}

func (x *transaction) appendStep(s step) {
	c := x.c
	switch s {
	case stepReset:
		c.out = append(c.out, "RSET\r\n"...)
	case stepMail:
		c.out = appendMail(c.out, x.m, x.body.Size(), &c.ext)
	case x.stepData():
		c.out = append(c.out, "DATA\r\n"...)
	default:
		c.out = appendRcpt(c.out, &x.to[s], x.m.UTF8 && c.ext.utf8, &c.ext)
	}
}

// readGroup reads the replies to a group, all of them, also where its MAIL was
// refused.
func (x *transaction) readGroup() error {
	c := x.c
	var mailRefused *failure
	for _, s := range c.group {
		d := c.to.command
		if s == x.stepData() {
			d = c.to.data
		}
		if err := c.readClean(d); err != nil {
			return x.brokeAfter(mailRefused, x.stage(s), err)
		}
		var err error
		switch {
		case mailRefused != nil:
			// The rest is bound to be refused, too; if DATA is not, the server
			// waits for a message that it will not get.
			c.broken = c.broken || c.rep.class() == 3
		case c.rep.code == 421:
			return x.refused(x.stage(s))
		case s == stepReset:
			err = x.resetReply()
		case s == stepMail:
			mailRefused, err = x.mailReply()
		case s == x.stepData():
			err = x.dataReply()
		default:
			err = x.rcptReply(int(s))
		}
		if err != nil {
			return err
		}
	}
	if mailRefused != nil {
		return x.brokeAfter(mailRefused, relay.StageMail, nil)
	}
	return nil
}

// brokeAfter is broke, unless MAIL was refused before: then that decides.
func (x *transaction) brokeAfter(mailRefused *failure, stage relay.Stage, err error) error {
	if mailRefused == nil {
		return x.broke(stage, err)
	}
	x.c.needReset = true
	x.failed(mailRefused)
	return errOver
}

// resetReply wants a 250. Whoever refuses RSET is treated as dead: nothing can
// be sent through him.
func (x *transaction) resetReply() error {
	if x.c.rep.class() == 2 {
		x.c.needReset = false
		return nil
	}
	return errStale
}

func (x *transaction) mailReply() (refused *failure, err error) {
	r := &x.c.rep
	switch {
	case r.class() == 2:
		return nil, nil
	case unexpected(r):
		return nil, x.refused(relay.StageMail)
	}
	return &failure{answer: x.t.said(relay.StageMail, r)}, nil
}

func (x *transaction) rcptReply(i int) error {
	r := &x.c.rep
	switch {
	case r.class() == 2:
		x.accepted = append(x.accepted, i)
		return nil
	case unexpected(r):
		return x.refused(relay.StageRcpt)
	}
	x.verdicts[i] = x.t.classify(x.t.said(relay.StageRcpt, r))
	return nil
}

func (x *transaction) dataReply() error {
	r := &x.c.rep
	nobody := len(x.accepted) == 0
	switch {
	case r.code == 354 && nobody:
		return x.emptyMessage()
	case r.code == 354:
		return nil
	case nobody && !unexpected(r):
		x.c.needReset = true
		return errOver
	}
	return x.refused(relay.StageData)
}

// emptyMessage ends a message to nobody that the server wants all the same
// (RFC 2920, section 3.1); whatever it answers, everybody has his verdict.
func (x *transaction) emptyMessage() error {
	x.c.needReset = true
	_ = x.c.command(".", x.c.to.data)
	return errOver
}
