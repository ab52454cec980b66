package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

// sendCmd is the command send.
type sendCmd struct {
	socketFlag
	To      []string      `required:"" sep:"none" placeholder:"ADDRESS" help:"The recipient; may be given several times."`
	From    string        `placeholder:"ADDRESS" help:"The sender (default: you at this host)."`
	Subject string        `default:"Test message" blank:"" placeholder:"TEXT" help:"The subject."`
	Wait    bool          `help:"Follow the message until each recipient has a verdict; exit 0 only if all are delivered."`
	Timeout time.Duration `default:"60s" placeholder:"TIME" help:"How long --wait waits."`
}

// Run sends a test mail.
func (c *sendCmd) Run(ctx context.Context, a *app, g *grammar) error {
	envelope, err := c.envelope()
	if err != nil {
		return err
	}
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	queue, err := p.daemon(ctx)
	if err == nil {
		defer queue.Close()
	} else if c.Wait { // before anything is sent: else it could not be followed
		return fmt.Errorf("%w; nothing was sent, as --wait could not follow it", err)
	}
	host, open, err := p.doors(ctx, queue, c.Socket != "", err)
	if err != nil {
		return err
	}
	if c.From == "" {
		envelope.from = defaultSender(host)
	}
	t := testMail{envelope: envelope, subject: c.Subject, host: host, at: time.Now()}
	id, err := t.submit(ctx, open)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "queued as %s\n", id)
	if !c.Wait {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return follow(ctx, a.out, queue, id)
}

// doors gives the name of the daemon's host and the doors of the daemon, as it
// tells them itself. Where it cannot be asked, and was not named by its socket, they
// are those of the configuration. unreached says why it cannot be asked.
func (p place) doors(ctx context.Context, daemon *admin.Client, named bool, unreached error) (host string, open []door, err error) {
	host = "localhost"
	if p.config != nil {
		host = p.config.Hostname
	} else if name, err := os.Hostname(); err == nil {
		host = name
	}
	switch {
	case unreached == nil:
		s, err := daemon.Status(ctx)
		return host, boundDoors(s.Listeners), err
	case named:
		return "", nil, unreached
	case p.config == nil:
		return "", nil, p.why
	}
	return host, doors(p.config.Listeners), nil
}

// envelope checks the addresses. Errors match errUsage.
func (c *sendCmd) envelope() (envelope, error) {
	if c.Timeout <= 0 {
		return envelope{}, usageError("--timeout must be longer than zero")
	}
	return parseEnvelope(c.From, c.To)
}

// parseEnvelope checks addresses of the command line. Errors match errUsage.
func parseEnvelope(from string, to []string) (e envelope, err error) {
	for _, s := range to {
		address, err := relay.ParseAddress(s, true)
		if err != nil {
			return e, usageError(fmt.Sprintf("--to %q: %v", s, err))
		}
		e.to = append(e.to, address)
	}
	if from != "" && from != "<>" {
		if e.from, err = relay.ParseAddress(from, true); err != nil {
			return e, usageError(fmt.Sprintf("--from %q: %v", from, err))
		}
	}
	return e, nil
}

// defaultSender is who runs the command, at this host.
func defaultSender(host string) string {
	name := "relaykeep"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if address, err := relay.QuoteAddress(name+"@"+host, false); err == nil {
		return address
	}
	return "relaykeep@localhost"
}
