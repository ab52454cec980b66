package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"strings"

	"relaykeep/relay/config"
)

// sendmailCmd is the command sendmail. Its command line is that of a program
// much older than this one, so it reads it itself.
type sendmailCmd struct {
	Args []string `arg:"" optional:"" blank:"" help:"Flags and recipients, as sendmail takes them; see relaykeep sendmail --help."`
}

const sendmailHelpText = `Usage: relaykeep sendmail [FLAGS] [RECIPIENT ...]

Reads a mail on standard input and gives it to the running daemon: the sendmail
of programs that know no SMTP. It is this too when it is called by the name
sendmail; as mailq it lists the queue, as newaliases it does nothing.

  -t             take To, Cc and Bcc as recipients, beside those named here
  -i, -oi        a line of one dot does not end the mail
  -f, -r SENDER  the envelope sender; "" is the null sender (default: you at this host)
  -F NAME        your full name, for a mail without From
  -N WHEN        ask for notices: never, or some of success,failure,delay
  -R full|hdrs   what of the mail such a notice returns
  -V ID          what such a notice calls the mail
  -B 8BITMIME    the mail is not 7-bit; found out without it, too
  -v             print the id under which it was queued
  -bm            take a mail (the default)
  -bs            speak SMTP on standard input and output
  -bp            list the queue
  -bi, -q        nothing: there are no aliases, and the daemon works by itself
  --config FILE  the configuration that tells where the daemon listens; none is needed
  --smtp ADDRESS where the daemon listens: HOST:PORT, or unix:PATH (also $RELAYKEEP_SMTP)
  --             what follows are recipients

Taken and ignored: -A -C -E -G -L -O -U -X -c -d -e -h -m -n -o -p -x.
Exit status: 0 the mail is on the daemon's disk; 64 wrong usage; 65 the mail or
an address is malformed; 67, 68, 69 refused; 74 standard input failed; 75 try
again; 77 not allowed; 78 the file of --config is no good configuration.
`

// Run does what the command line says. Errors have a status of sysexits.
func (c *sendmailCmd) Run(ctx context.Context, a *app, g *grammar) error {
	args, err := parseSendmail(c.Args)
	if err == nil {
		g.Config = cmp.Or(args.config, g.Config)
		err = a.sendmail(ctx, g, args)
	}
	if err != nil {
		return &exitError{sendmailStatus(err), err}
	}
	return nil
}

func (a *app) sendmail(ctx context.Context, g *grammar, args sendmailArgs) error {
	switch args.mode {
	case sendmailHelp:
		_, err := io.WriteString(a.out, sendmailHelpText)
		return err
	case sendmailNothing:
		return nil
	case sendmailQueue:
		if err := new(spoolListCmd).Run(ctx, a, g); err != nil {
			return &exitError{exUnavailable, err}
		}
		return nil
	}
	host, doors, err := a.sendmailDoors(g, args)
	if err != nil {
		return err
	}
	if args.mode == sendmailSession {
		return a.relaySession(ctx, doors, host)
	}
	m, err := args.compose(a.in, caller(host))
	if err != nil {
		return err
	}
	reply, err := submit(ctx, doors, m)
	if err != nil {
		return err
	}
	if args.verbose {
		fmt.Fprintf(a.out, "queued as %s\n", queuedAs(reply))
	}
	return nil
}

// sendmailDoors gives the name of this machine, and the doors of the daemon: the
// one that is named, else those of the configuration where that can be read,
// else the default ones. Only a configuration that the command line names must
// be good: everybody sends mail, few may read the configuration.
func (a *app) sendmailDoors(g *grammar, args sendmailArgs) (host string, open []door, err error) {
	host = config.MachineName()
	path, _ := a.configPath(g)
	c, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	switch {
	case err == nil:
		host, open = c.Hostname, doors(c.Listeners)
	case g.Config != "":
		return "", nil, &exitError{exConfig, err}
	}
	if named, ok := a.env("RELAYKEEP_SMTP"); ok && args.smtp == "" {
		args.smtp = named
	}
	if args.smtp != "" {
		d, err := parseDoor(args.smtp)
		return host, []door{d}, err
	}
	if len(open) == 0 {
		open = defaultDoors()
	}
	return host, open, nil
}

// parseDoor reads the address of a door.
func parseDoor(address string) (door, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return door{network: "unix", address: path}, nil
	}
	reach, ok := reachable(address)
	if !ok {
		return door{}, sendmailUsage("the address %q of the daemon is neither HOST:PORT nor unix:PATH", address)
	}
	return door{network: "tcp", address: reach}, nil
}

// caller is who runs this process.
func caller(host string) submitter {
	who := submitter{host: host, address: defaultSender(host)}
	if u, err := user.Current(); err == nil {
		who.fullName = u.Name
	}
	return who
}

// commandLine gives the arguments of run: whoever calls us by a name of
// sendmail wants that.
func commandLine(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	rest := args[1:]
	switch filepath.Base(args[0]) {
	case "sendmail":
		return append([]string{"sendmail"}, rest...)
	case "mailq":
		return append([]string{"sendmail", "-bp"}, rest...)
	case "newaliases":
		return append([]string{"sendmail", "-bi"}, rest...)
	}
	return rest
}
