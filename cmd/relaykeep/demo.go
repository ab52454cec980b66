package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/daemon"
	"relaykeep/upstream/upstreamtest"
)

// demoCmd shows the main job on loopback, with the real daemon and two
// built-in providers.
type demoCmd struct {
	Keep bool `help:"Stay up afterwards, for mail of your own to 127.0.0.1:2525."`
}

// demoTimeout ends a demo that got stuck.
const demoTimeout = time.Minute

// demoConfig is what the demo runs with: the two providers, and delays short
// enough to be watched.
const demoConfig = `hostname = "relay.demo.test"

listener "demo" {
  address = %q
}

spool {
  path          = %q
  min_free_disk = "1MiB"
}

upstream "alpha" {
  address = %q
  tls     = "none"               # fake providers on loopback
  breaker {
    failures = 1
    cooldown = "1s"
  }
}

upstream "beta" {
  address = %q
  tls     = "none"
  breaker {
    failures = 1
    cooldown = "1s"
  }
}

retry "default" {
  initial = "1s"
  jitter  = 0
}

dkim "demo.test" {
  key {
    selector = "s1"
    file     = %q
  }
}

bounce {
  to = "sender"
}

admin {
  socket = %q
}
`

// demo is a running demo.
type demo struct {
	app         *app
	folder      string
	config      *config.Config
	alpha, beta *upstreamtest.Server
	record      string // what the DNS would hold of the key that signs
	daemon      *daemon.Daemon
	events      chan relay.Event
}

// Run tells the story, and cleans up behind it.
func (c *demoCmd) Run(ctx context.Context, a *app) (err error) {
	// SIGPIPE too, which would end it at once: the folder is to go.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	d := &demo{app: a, events: make(chan relay.Event, 1024)}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.build(c.Keep); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if err := d.story(limited); err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(a.out, "\nthe demo was broken off")
			return errReported
		}
		return fmt.Errorf("the demo did not go as it should: %w", err)
	}
	if c.Keep {
		return d.stay(ctx)
	}
	return nil
}

// build makes the folder, the providers and the configuration.
func (d *demo) build(keep bool) (err error) {
	if d.folder, err = os.MkdirTemp("", "relaykeep-demo-"); err != nil {
		return err
	}
	if d.alpha, err = upstreamtest.Start(upstreamtest.Options{Hostname: "alpha.demo.test"}); err != nil {
		return err
	}
	if d.beta, err = upstreamtest.Start(upstreamtest.Options{Hostname: "beta.demo.test"}); err != nil {
		return err
	}
	listen := "127.0.0.1:0"
	if keep {
		listen = "127.0.0.1:2525"
	}
	path := filepath.Join(d.folder, "config.hcl")
	key := filepath.Join(d.folder, "s1.demo.test.pem")
	if err := d.makeKey(key); err != nil {
		return err
	}
	source := fmt.Appendf(nil, demoConfig, listen, filepath.Join(d.folder, "spool.db"),
		d.alpha.Addr(), d.beta.Addr(), key, filepath.Join(d.folder, "admin.sock"))
	if err := os.WriteFile(path, source, 0o600); err != nil {
		return err
	}
	d.config, err = config.Load(path, config.LoadOptions{Secrets: true, LookupEnv: d.app.env})
	return err
}

// close takes everything down and removes the folder.
func (d *demo) close() error {
	var errs []error
	errs = append(errs, d.stopDaemon())
	for _, p := range []*upstreamtest.Server{d.alpha, d.beta} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if d.folder != "" {
		errs = append(errs, os.RemoveAll(d.folder))
	}
	return errors.Join(errs...)
}

// watch hands events to the story. The demo has few: there is always room.
type watch chan<- relay.Event

// Emit implements event.Sink.
func (w watch) Emit(e relay.Event) {
	select {
	case w <- e:
	default:
	}
}

// startDaemon starts relaykeep on what is in the folder.
func (d *demo) startDaemon(ctx context.Context) (err error) {
	d.daemon, err = daemon.New(daemon.Options{
		Config: d.config, Logger: hclog.NewNullLogger(), Watch: watch(d.events), Version: version(),
	})
	if err != nil {
		return err
	}
	return d.daemon.Start(ctx)
}

func (d *demo) stopDaemon() error {
	if d.daemon == nil {
		return nil
	}
	err := d.daemon.Stop(context.Background())
	d.daemon = nil
	return err
}

// address is where the demo's relaykeep takes mail.
func (d *demo) address() string { return d.daemon.Addrs()["demo"][0].String() }

// demoSender is whom the demo's mail comes from.
const demoSender = "app@demo.test"

// send puts a mail into the daemon as an app would, and gives its id.
func (d *demo) send(ctx context.Context, to, subject string) (relay.ID, error) {
	t := testMail{
		envelope: envelope{from: demoSender, to: []string{to}},
		subject:  subject, host: "demo.test", at: time.Now(),
	}
	return t.submit(ctx, d.doors())
}

func (d *demo) doors() []door { return []door{{network: "tcp", address: d.address()}} }

// until waits for an event that is wanted; what names it in an error.
func (d *demo) until(ctx context.Context, what string, wanted func(relay.Event) bool) (relay.Event, error) {
	for {
		select {
		case e := <-d.events:
			if wanted(e) {
				return e, nil
			}
		case <-ctx.Done():
			return relay.Event{}, fmt.Errorf("no %s: %w", what, ctx.Err())
		}
	}
}

// stay shows what happens to the user's own mail until the user has enough.
func (d *demo) stay(ctx context.Context) error {
	fmt.Fprintf(d.app.out, "\nrelaykeep stays up at %s, its providers with it. Send it mail, for example:\n\n"+
		"    swaks --server %s --from you@demo.test --to someone@demo.test\n\n"+
		"and look at the spool, in another terminal:\n\n"+
		"    relaykeep spool list --state any --socket %s\n\n"+
		"Ctrl-C ends it.\n\n", d.address(), d.address(), d.config.Admin.Socket)
	for {
		select {
		case e := <-d.events:
			fmt.Fprintln(d.app.out, "  "+eventLine(e))
		case <-ctx.Done():
			return nil
		}
	}
}
