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
	for _, command := range k.Model.Children {
		tellDetails(command)
	}
	page := mangokong.NewManPage(1, k.Model).
		WithLongDescription("Applications hand their mail to the daemon, by SMTP at localhost:2525 or by sendmail. It writes each message to its spool before it acknowledges it, forwards it to a provider, tries again when that says so, goes to the next when it is down, and can tell at any time what became of a mail. relaykeep serve is the daemon; all other commands are for those who operate it.").
		WithSection("Files", "/etc/relaykeep/config.hcl: the configuration; the example in /usr/share/doc/relaykeep explains every key.\n\n"+
			"/var/lib/relaykeep/spool.db: the spool.\n\n"+
			"/run/relaykeep/admin.sock: the admin API of the running daemon.\n\n"+
			"/run/relaykeep/smtp.sock: where local programs hand mail in, beside port 2525.").
		WithSection("Environment", "RELAYKEEP_CONFIG: the configuration, where --config does not name one.\n\n"+
			"RELAYKEEP_SMTP: where sendmail hands mail in: HOST:PORT or unix:/path.\n\n"+
			"CREDENTIALS_DIRECTORY: the folder of what credential(\"NAME\") reads; systemd sets it.\n\n"+
			"NO_COLOR: if set, nothing is coloured.").
		WithSection("Exit status", "0: done. 1: failed; one line on standard error says why. 2: wrong usage. "+
			"Those of status are for monitoring: 0 fine, 1 warning, 2 critical, 3 no answer. "+
			"Those of sendmail are of sysexits.h: 75 try again, 64 usage, 65 data, 78 configuration.").
		WithSection("See also", "/usr/share/doc/relaykeep: how delivery works, how replies are judged, how to operate it.")
	text := page.Build(manual{roff.NewDocument()})
	_, err := fmt.Fprintln(a.out, strings.Replace(text, noDay, `""`, 1))
	return err
}

// tellDetails puts what a command says below its usage behind its short help: the
// page has one text for both.
func tellDetails(n *kong.Node) {
	if n.Detail != "" {
		n.Help, n.Detail = n.Help+" "+n.Detail, ""
	}
	for _, child := range n.Children {
		tellDetails(child)
	}
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
