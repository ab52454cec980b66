package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/config"
)

// sendCmd is the command send.
type sendCmd struct {
	socketFlag
	To      []string      `required:"" sep:"none" placeholder:"ADDRESS" help:"The recipient; may be given several times."`
	From    string        `placeholder:"ADDRESS" help:"The sender (default: you at this host)."`
	Subject string        `default:"Test message" placeholder:"TEXT" help:"The subject."`
	Wait    bool          `help:"Follow the message until each recipient has a verdict; exit 0 only if all are delivered."`
	Timeout time.Duration `default:"60s" placeholder:"TIME" help:"How long --wait waits."`
}

// Run sends a test mail.
func (c *sendCmd) Run(ctx context.Context, a *app, g *grammar) error {
	envelope, err := c.envelope()
	if err != nil {
		return err
	}
	host, open, err := c.daemon(a, g)
	if err != nil {
		return err
	}
	if c.From == "" {
		envelope.from = defaultSender(host)
	}
	var queue *admin.Client
	if c.Wait { // before anything is sent: else it could not be followed
		p, err := a.findPlace(g, c.socketFlag)
		if err != nil {
			return err
		}
		if queue, err = p.daemon(ctx); err != nil {
			return fmt.Errorf("%w; nothing was sent, as --wait could not follow it", err)
		}
		defer queue.Close()
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

// daemon gives the name of the daemon's host and the doors of the daemon: those
// of the configuration, or the default ones where a socket is named and no
// configuration can be read.
func (c *sendCmd) daemon(a *app, g *grammar) (host string, open []door, err error) {
	path, chosen := a.configPath(g)
	conf, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	if err == nil {
		return conf.Hostname, doors(conf.Listeners), nil
	}
	if c.Socket == "" || chosen {
		return "", nil, err
	}
	if host, err = os.Hostname(); err != nil {
		host = "localhost"
	}
	return host, defaultDoors(), nil
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
