package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	mangokong "github.com/alecthomas/mango-kong"
	"github.com/muesli/roff"
)

// manCmd is the command man, which packages call.
type manCmd struct{}

// Run prints the manual page of the commands.
func (c *manCmd) Run(a *app, k *kong.Context) error {
	page := mangokong.NewManPage(1, k.Model).
		WithSection("Files", "/etc/relaykeep/config.hcl: the configuration; the example in /usr/share/doc/relaykeep explains every key.\n\n"+
			"/var/lib/relaykeep/spool.db: the spool.\n\n"+
			"/run/relaykeep/admin.sock: the admin API of the running daemon.").
		WithSection("Exit status", "0: done. 1: failed; one line on standard error says why. 2: wrong usage.").
		WithSection("See also", "/usr/share/doc/relaykeep: how delivery works, how replies are judged, how to operate it.")
	text := page.Build(manual{roff.NewDocument()})
	_, err := fmt.Fprintln(a.out, strings.Replace(text, noDay, `""`, 1))
	return err
}

// manual is a document without the day on which it was made: two builds of one
// version are the same.
type manual struct{ *roff.Document }

// noDay is how a Document writes the zero time.
const noDay = `"0001-01-01"`

// Heading writes the title.
func (m manual) Heading(section uint, title, _ string, _ time.Time) {
	m.Document.Heading(section, title, "relaykeep "+version(), time.Time{})
}
