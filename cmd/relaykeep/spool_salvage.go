package main

import (
	"context"
	"fmt"
	"strings"

	"relaykeep/relay"
	"relaykeep/spool/bolt"
)

// salvaged is the last line of what spool verify --salvage --json prints; before
// it comes a bolt.Lost for each message that is lost.
type salvaged struct {
	File     string   `json:"file"`
	Messages int64    `json:"messages"` // unfinished ones that were saved
	History  int64    `json:"history"`
	Orphaned int64    `json:"orphaned"` // of both: came from pages that nothing pointed to any more
	Lost     int64    `json:"lost"`     // messages that are known to be lost
	Problems []string `json:"problems"` // the damage that was met
	More     int64    `json:"more"`     // of it
}

// salvage saves what can be read, and tells what is lost. It fails where
// something is.
func (c *spoolVerifyCmd) salvage(ctx context.Context, a *app, g *grammar) error {
	from := c.File
	if from == "" {
		var err error
		if from, err = a.stoppedSpool(ctx, g, c.socketFlag); err != nil {
			return err
		}
	}
	done, err := bolt.Salvage(ctx, from, c.Salvage, func(l bolt.Lost) {
		if c.JSON {
			_ = printJSON(a.out, l)
		} else {
			fmt.Fprintln(a.out, lostLine(l))
		}
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(a.out, salvaged{c.Salvage, done.Saved.Messages, done.Saved.History, done.Orphaned, done.Lost, append([]string{}, done.Problems.Problems...), done.Problems.More})
	} else {
		for _, p := range done.Problems.Problems {
			fmt.Fprintln(a.out, "damage: "+oneLine(p))
		}
		if done.Orphaned > 0 {
			fmt.Fprintf(a.out, "%s of those saved came from pages that nothing pointed to any more: what is unfinished of that may have been sent since, and is held (%s)\n",
				count(done.Orphaned, "message", "messages"), relay.HoldSalvaged)
		}
		_, err = fmt.Fprintf(a.out, "%s: saved and verified, with %s and %s in the history; %s\nmove the spool away, then: relaykeep spool restore %s\n",
			c.Salvage, count(done.Saved.Messages, "unfinished message", "unfinished messages"),
			count(done.Saved.History, "finished one", "finished ones"), lossWords(&done), c.Salvage)
	}
	switch {
	case err != nil:
		return err
	case done.Lost > 0:
		return fmt.Errorf("%s could not be saved", count(done.Lost, "message", "messages"))
	case !done.Problems.Sound():
		return fmt.Errorf("the file is damaged: beside what is named, messages may be lost that nothing tells of")
	}
	return nil
}

// lossWords tells how much is lost, as far as that is known.
func lossWords(s *bolt.Salvaged) string {
	switch {
	case s.Lost > 0:
		return count(s.Lost, "message is", "messages are") + " lost"
	case s.Problems.Sound():
		return "nothing is lost"
	}
	return "no message is known to be lost, but parts of the file are"
}

// lostLine tells of a message that is lost.
func lostLine(l bolt.Lost) string {
	s := fmt.Sprintf("lost: %s", l.ID)
	if len(l.To) > 0 {
		s += fmt.Sprintf(" from <%s> to %s", l.From, strings.Join(l.To, ", "))
		if l.Subject != "" {
			s += fmt.Sprintf(", %q", l.Subject)
		}
	}
	return oneLine(s + ": " + l.Why)
}
