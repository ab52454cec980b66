package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/hashicorp/go-hclog"

	"relaykeep/relay/config"
	"relaykeep/relay/daemon"
)

// drainTime is how long what is under way may take when the daemon ends.
const drainTime = 30 * time.Second

// heapFloor is a block of addresses that nobody touches, and so takes no memory. The
// garbage collector counts it as in use, and runs when as much again was allocated:
// a heap of a few megabytes would have it run after every few messages.
const heapFloor = 32 << 20

// serveCmd is the command serve.
type serveCmd struct{}

// Run runs the daemon until a signal or a failure ends it.
func (c *serveCmd) Run(ctx context.Context, a *app, g *grammar) (err error) {
	defer runtime.KeepAlive(make([]byte, heapFloor))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)

	conf, err := a.loadWhole(g, a.env)
	if err != nil {
		return err
	}
	logs, err := openLogs(conf.Log, a.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.out.close()) }()
	defer logs.takeStandard()()
	for _, w := range conf.Warnings.List {
		logs.daemon.Warn("configuration", "detail", w.String())
	}
	inherited, err := activation.ListenersWithNames()
	if err != nil {
		return fmt.Errorf("the sockets that systemd passes: %w", err)
	}
	for _, name := range unclaimed(conf, inherited) {
		logs.daemon.Warn("systemd passes a socket that no listener names", "socket", name)
	}
	d, err := daemon.New(daemon.Options{
		Config: conf, Logger: logs.daemon, Events: logs.events, EventLines: logs.lines,
		Version: version(), Inherited: inherited,
		Load: func() (*config.Config, error) {
			path, _ := a.configPath(g)
			return config.Load(path, config.LoadOptions{Secrets: true, LookupEnv: a.env})
		},
		OpenLog:   logs.out.open,
		Reloading: func(begins bool) { notifier{}.reloading(logs.daemon, begins) },
	})
	if err != nil {
		return err
	}
	s := service{daemon: d, log: logs.daemon, signals: signals}
	facts := startLine(conf, d.Addrs())
	if at := d.MetricsAddr(); at != nil {
		facts = append(facts, "metrics", at.String())
	}
	return s.run(ctx, facts)
}

// service runs a daemon for systemd, or for whoever sends signals.
type service struct {
	daemon  *daemon.Daemon
	log     hclog.Logger
	signals <-chan os.Signal
	notify  notifier
	reloads sync.WaitGroup
}

// run starts the daemon and stays until it ends; the error says why, if nobody
// asked for it.
func (s *service) run(ctx context.Context, facts []any) error {
	if err := s.daemon.Start(ctx); err != nil {
		return errors.Join(err, s.stop())
	}
	s.log.Info("relaykeep runs", facts...)
	s.notify.send(s.log, "READY=1")
	beat, end := s.notify.heartbeat(s.log)
	defer end()
	for {
		select {
		case sig := <-s.signals:
			if sig == syscall.SIGHUP {
				s.reloads.Go(s.reload) // beside the heartbeat
				continue
			}
			s.log.Info("stopping", "signal", sig.String(), "drain_ms", drainTime.Milliseconds())
			return s.stop()
		case <-s.daemon.Failed():
			err := s.daemon.Err()
			s.log.Error("relaykeep cannot go on", "error", err.Error())
			return errors.Join(err, s.stop())
		case <-beat:
			s.notify.send(s.log, "WATCHDOG=1")
		}
	}
}

// reload is what SIGHUP asks for. What there is to say of it the daemon logs.
func (s *service) reload() {
	_, _ = s.daemon.Reload(context.Background(), "")
}

// stop drains; another signal cuts it short.
func (s *service) stop() error {
	s.notify.send(s.log, "STOPPING=1")
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		for {
			select {
			case sig := <-s.signals:
				if sig != syscall.SIGHUP {
					s.log.Warn("stopping at once", "signal", sig.String())
					cancel()
				}
			case <-stopped:
				return
			}
		}
	}()
	err := s.daemon.Stop(ctx)
	s.reloads.Wait()
	if err != nil && ctx.Err() != nil { // that not all had its time is what was asked for
		s.log.Warn("stopping was cut short", "detail", err.Error())
		err = nil
	}
	s.log.Info("relaykeep has stopped")
	return err
}

// unclaimed gives the names of the sockets that no listener asks for.
func unclaimed(c *config.Config, inherited map[string][]net.Listener) []string {
	claimed := make(map[string]bool)
	for _, l := range c.Listeners {
		for _, a := range l.Addresses {
			claimed[strings.TrimPrefix(a, "systemd:")] = true
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(inherited)) {
		if !claimed[name] {
			names = append(names, name)
		}
	}
	return names
}

// startLine tells what runs, in pairs for a log line.
func startLine(c *config.Config, bound map[string][]net.Addr) []any {
	var listeners, upstreams []string
	for _, l := range c.Listeners {
		for _, a := range bound[l.Name] {
			listeners = append(listeners, l.Name+" on "+a.Network()+" "+a.String())
		}
	}
	for _, u := range c.Upstreams {
		upstreams = append(upstreams, u.Name+" at "+u.Address)
	}
	return []any{
		"version", version(), "spool", c.Spool.Path, "admin", c.Admin.Socket,
		"listeners", strings.Join(listeners, ", "), "upstreams", strings.Join(upstreams, ", "),
	}
}
