package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/config"
)

// Reload reads the configuration again, by Options.Load, and goes over to it
// while mail flows: no session and no attempt is broken off, and mail in the
// queue follows the new routes. by is who wants it; "" for a signal.
//
// Everything is validated, read and bound before anything is changed: on an
// error, which the log tells in full, the old configuration lives on. The error
// is an *admin.Refused where the configuration is at fault.
func (d *Daemon) Reload(ctx context.Context, by string) (done admin.Reloaded, err error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	switch {
	case d.stopping || !d.ready.Load():
		return done, errNotReady
	case d.opt.Load == nil:
		return done, errors.New("this daemon was not made from a file: there is nothing to read again")
	}
	if tell := d.opt.Reloading; tell != nil {
		tell(true)
		defer tell(false)
	}
	started := time.Now()
	c, err := d.opt.Load()
	if err == nil {
		done, err = d.goOver(ctx, c)
	}
	if err != nil {
		return done, d.refused(err)
	}
	detail := strings.Join(slices.Concat(done.Changes, done.Restart), "; ")
	if detail == "" {
		detail = "nothing has changed but, maybe, what is in files"
	}
	for _, w := range c.Warnings.List {
		d.log.Warn("configuration", "detail", w.String())
	}
	d.sink.Emit(relay.Event{Kind: relay.EventReloaded, At: time.Now(), User: by, Duration: time.Since(started), Detail: detail})
	return done, nil
}

// refused tells why the old configuration lives on.
func (d *Daemon) refused(err error) error {
	const says = "the configuration is not loaded: the old one lives on"
	var wrong *config.Error
	if !errors.As(err, &wrong) {
		d.log.Error(says, "error", err.Error())
		return err
	}
	for _, w := range wrong.List {
		if !w.Warning {
			d.log.Error(says, "error", w.String())
		}
	}
	return &admin.Refused{Line: wrong.Error(), Diagnostics: diagnostics(wrong.Diagnostics)}
}

func diagnostics(all config.Diagnostics) []admin.Diagnostic {
	out := make([]admin.Diagnostic, len(all.List))
	for i, w := range all.List {
		out[i] = admin.Diagnostic{Severity: "error", File: w.File, Line: w.Line, Summary: w.Summary}
		if w.Warning {
			out[i].Severity = "warning"
		}
	}
	return out
}

// goOver makes everything of a configuration, then puts it to use. The order of
// the latter keeps mail from being labelled with a routing table that it was
// not routed by: see spool.Store.UseTable.
func (d *Daemon) goOver(ctx context.Context, c *config.Config) (done admin.Reloaded, err error) {
	before := d.parts.Load()
	next, err := d.makeParts(c, before)
	if err != nil {
		return done, err
	}
	door, err := d.ingress.Prepare(listenerOptions(c), next.taking)
	if err != nil {
		return done, errors.Join(err, next.closeBut(before))
	}
	useLog, dropLog, err := d.openLog(c.Log)
	if err != nil {
		door.Abort()
		return done, errors.Join(err, next.closeBut(before))
	}
	if err := d.scheduler.Apply(ctx, next.plan); err != nil {
		door.Abort()
		dropLog()
		return done, errors.Join(fmt.Errorf("the state of upstreams: %w", err), next.closeBut(before))
	}
	d.parts.Store(next)
	d.spool.UseTable(next.table.Fingerprint())
	select {
	case d.reloaded <- struct{}{}:
	default:
	}
	door.Commit()
	d.recorder.Begin(labels(c))
	useLog()
	d.lines.SetAddresses(addressMode(c.Log.Addresses))
	d.setLevel(c.Log.Level)
	d.background.Go(func() {
		if err := before.closeBut(next); err != nil {
			d.log.Warn("a connection of the old configuration could not be closed", "error", err.Error())
		}
	})
	return admin.Reloaded{
		Changes: append([]string{}, changes(before.config, c)...), Restart: append([]string{}, restarts(d.opt.Config, c)...),
		Warnings: diagnostics(c.Warnings),
	}, nil
}

// openLog is Options.OpenLog, where somebody has set it.
func (d *Daemon) openLog(c config.Log) (use, drop func(), err error) {
	if d.opt.OpenLog == nil {
		return func() {}, func() {}, nil
	}
	return d.opt.OpenLog(c)
}

// setLevel changes how much is logged.
func (d *Daemon) setLevel(name string) {
	level := hclog.LevelFromString(name)
	if level == hclog.NoLevel || name == d.level {
		return
	}
	d.level = name
	d.log.SetLevel(level)
	if d.opt.Events != nil {
		d.opt.Events.SetLevel(level)
	}
}
