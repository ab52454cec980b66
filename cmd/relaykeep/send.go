package main

import (
	"context"
	"fmt"
	"os/user"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/config"
)

// sendCmd is the command send.
type sendCmd struct {
	socketFlag
	To      []string      `required:"" placeholder:"ADDRESS" help:"The recipient; several with commas."`
	From    string        `placeholder:"ADDRESS" help:"The sender (default: you at this host)."`
	Subject string        `default:"Test message" placeholder:"TEXT" help:"The subject."`
	Wait    bool          `help:"Follow the message until each recipient has a verdict; exit 0 only if all are delivered."`
	Timeout time.Duration `default:"60s" placeholder:"TIME" help:"How long --wait waits."`
}

// Run sends a test mail.
func (c *sendCmd) Run(ctx context.Context, a *app, g *grammar) error {
	envelope, err := c.envelope(a)
	if err != nil {
		return err
	}
	path, _ := a.configPath(g)
	conf, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	if err != nil {
		return err
	}
	if envelope.from == "" && c.From == "" {
		envelope.from = defaultSender(conf.Hostname)
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
	t := testMail{envelope: envelope, subject: c.Subject, host: conf.Hostname, at: time.Now()}
	id, err := submit(ctx, doors(conf.Listeners), t)
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

// envelope checks the addresses. Errors match errUsage.
func (c *sendCmd) envelope(a *app) (envelope, error) {
	var e envelope
	for _, s := range c.To {
		to, err := relay.ParseAddress(s, true)
		if err != nil {
			return e, usageError(fmt.Sprintf("--to %q: %v", s, err))
		}
		e.to = append(e.to, to)
	}
	if c.From != "" && c.From != "<>" {
		from, err := relay.ParseAddress(c.From, true)
		if err != nil {
			return e, usageError(fmt.Sprintf("--from %q: %v", c.From, err))
		}
		e.from = from
	}
	if c.Timeout <= 0 {
		return e, usageError("--timeout must be longer than zero")
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
