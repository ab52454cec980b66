package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// scenario is one kind of load.
type scenario struct {
	name     string
	size     int // bytes of the body
	sessions int
	kept     bool // many messages over each connection
	messages int
}

// result is what one run of a scenario through one relay gave.
type result struct {
	accept   float64 // messages a second, as long as the load lasted
	endToEnd float64 // messages a second, until the sink had the last
	cpu      time.Duration
	peak     int64 // bytes
}

// mta is a program under test.
type mta interface {
	name() string
	// start returns when mail can be sent to 127.0.0.1:port.
	start(ctx context.Context, port, sink int) error
	pids() []int // of all its processes
	// spent is the CPU time of all its processes, of those that ended too.
	spent() (time.Duration, error)
	stop() error
}

// sink takes mail and counts it.
type sink interface {
	port() int
	wait(ctx context.Context, messages int) error // until so many have arrived
	stop()
}

// contestant is a relay between a load and a sink that fit it.
type contestant struct {
	mta
	sink func(context.Context) (sink, error)
	load func(ctx context.Context, s scenario, port int) error
}

// besideOthers puts a relay between smtp-source and smtp-sink.
func besideOthers(r mta) contestant {
	return contestant{mta: r, sink: startSink, load: load}
}

func besidePostfix(ctx context.Context, o options) error {
	all := []contestant{besideOthers(o.relaykeep(variant{}))}
	if !o.alone {
		all = append(all, besideOthers(&postfix{folder: filepath.Join(o.folder, "postfix")}))
	}
	return compare(ctx, o, all, []scenario{
		{"10 KB, 20 sessions kept", 10 << 10, 20, true, 20_000},
		{"10 KB, a connection per message", 10 << 10, 20, false, 10_000},
		{"1 KB, 20 sessions kept", 1 << 10, 20, true, 20_000},
		{"100 KB, 20 sessions kept", 100 << 10, 20, true, 4_000},
		{"1 MB, 20 sessions kept", 1 << 20, 20, true, 400},
		{"10 KB, one session", 10 << 10, 1, true, 4_000},
		{"10 KB, 50 sessions kept", 10 << 10, 50, true, 20_000},
	})
}

// signing compares relaykeep with DKIM to itself without.
func signing(ctx context.Context, o options) error {
	return compare(ctx, o, []contestant{
		besideOthers(o.relaykeep(variant{label: "unsigned"})),
		besideOthers(o.relaykeep(variant{label: "Ed25519", key: "ed25519"})),
		besideOthers(o.relaykeep(variant{label: "RSA-2048", key: "rsa"})),
	}, []scenario{{"10 KB, 20 sessions kept", 10 << 10, 20, true, 20_000}})
}

// overTLS compares relaykeep with TLS on both sides to itself in clear. Load
// and sink are our own: those of Postfix know no TLS.
func overTLS(ctx context.Context, o options) error {
	authority, err := newAuthority(o.folder)
	if err != nil {
		return err
	}
	return compare(ctx, o, []contestant{
		{o.relaykeep(variant{label: "in clear"}), receiverIn(nil), sendIn(nil)},
		{o.relaykeep(variant{label: "TLS in and out", tls: authority}), receiverIn(authority), sendIn(authority)},
	}, []scenario{
		{"10 KB, 20 sessions kept", 10 << 10, 20, true, 20_000},
		{"10 KB, a connection per message", 10 << 10, 20, false, 5_000},
	})
}

// compare runs the loads through all, in turn, and prints medians.
func compare(ctx context.Context, o options, all []contestant, loads []scenario) error {
	loads, err := chosen(loads, func(s scenario) string { return s.name }, o.only)
	if err != nil {
		return err
	}
	var rows []row
	for _, s := range loads {
		s.messages = max(int(float64(s.messages)*o.scale), s.sessions)
		r := row{scenario: s, results: make([][]result, len(all))}
		for round := range o.rounds {
			for i, c := range all {
				fmt.Fprintf(os.Stderr, "%s: %s, round %d of %d … ", s.name, c.name(), round+1, o.rounds)
				got, err := measure(ctx, c, s)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, c.name(), err)
				}
				fmt.Fprintf(os.Stderr, "%.0f/s end to end\n", got.endToEnd)
				r.results[i] = append(r.results[i], got)
			}
		}
		rows = append(rows, r)
	}
	return printTable(os.Stdout, all, rows)
}

// measure runs one scenario through one relay.
func measure(ctx context.Context, c contestant, s scenario) (res result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	to, err := c.sink(ctx)
	if err != nil {
		return res, err
	}
	defer to.stop()
	port, err := freePort()
	if err != nil {
		return res, err
	}
	if err := c.start(ctx, port, to.port()); err != nil {
		return res, err
	}
	defer func() {
		if e := c.mta.stop(); err == nil {
			err = e
		}
	}()
	before, err := c.spent()
	if err != nil {
		return res, err
	}
	memory := watchMemory(c.pids)
	began := time.Now()
	if err := c.load(ctx, s, port); err != nil {
		return res, err
	}
	res.accept = float64(s.messages) / time.Since(began).Seconds()
	if err := to.wait(ctx, s.messages); err != nil {
		return res, err
	}
	res.endToEnd = float64(s.messages) / time.Since(began).Seconds()
	res.peak = memory()
	after, err := c.spent()
	res.cpu = (after - before) / time.Duration(s.messages)
	return res, err
}
