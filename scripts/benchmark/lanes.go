package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

// lanes measures what upstreams that do not work cost one that does: how long a
// message takes to it from MAIL at the door to the provider's DATA, alone and
// while mail waits for one that refuses connections, one that lets connect and
// says nothing, and one that takes two seconds for each message.
func lanes(ctx context.Context, o options) error {
	for _, each := range []int{0, max(int(1000*o.scale), 20)} {
		taken, err := o.besideBadLanes(ctx, each)
		if err != nil {
			return err
		}
		fmt.Printf("one message, from MAIL to the provider's DATA, while %d wait for each of a dead, a silent and a slow upstream: %s\n", each, spread(taken))
	}
	return nil
}

// besideBadLanes sends to an upstream that works while each of the others has
// this many messages to wait for.
func (o options) besideBadLanes(ctx context.Context, each int) (taken []time.Duration, err error) {
	atData := make(chan time.Time, 1)
	good, err := startReceiver(nil, func(at time.Time) { atData <- at })
	if err != nil {
		return nil, err
	}
	defer good.stop()
	slow, err := startReceiver(nil, func(time.Time) { time.Sleep(2 * time.Second) })
	if err != nil {
		return nil, err
	}
	defer slow.stop()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts but the kernel
	if err != nil {
		return nil, err
	}
	defer silent.Close()
	dead, err := freePort()
	if err != nil {
		return nil, err
	}
	bad := map[string]int{"slow": slow.port(), "silent": silent.Addr().(*net.TCPAddr).Port, "dead": dead}
	port, stop, err := o.run(ctx, variant{more: laneBlocks(bad)}, good.port())
	if err != nil {
		return nil, err
	}
	defer stop(&err)
	g, gctx := errgroup.WithContext(ctx)
	for name := range bad {
		g.Go(func() error { return sendMany(gctx, port, "someone@"+name+".example.org", each) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return oneByOne(ctx, port, max(int(200*o.scale), 10), atData)
}

// laneBlocks gives each upstream the mail for a domain of its name.
func laneBlocks(ports map[string]int) (blocks string) {
	for name, port := range ports {
		blocks += fmt.Sprintf("upstream %[1]q {\n  address = \"127.0.0.1:%[2]d\"\n  tls = \"none\"\n}\n"+
			"route %[1]q {\n  match { recipient = [\"*@%[1]s.example.org\"] }\n  upstreams = [%[1]q]\n}\n", name, port)
	}
	return blocks + "route \"default\" { upstreams = [\"sink\"] }\n"
}

// sendMany sends n messages of 10 KB in one session.
func sendMany(ctx context.Context, port int, to string, n int) error {
	c, err := dial(ctx, port, nil)
	if err != nil {
		return err
	}
	defer c.close()
	body := mailOf(10 << 10)
	for range n {
		if err := c.sendTo(to, body); err != nil {
			return err
		}
	}
	return nil
}

// oneByOne sends n messages, each when the one before has arrived, and tells how
// long each took from MAIL to the provider's DATA.
func oneByOne(ctx context.Context, port, n int, atData <-chan time.Time) (taken []time.Duration, err error) {
	c, err := dial(ctx, port, nil)
	if err != nil {
		return nil, err
	}
	defer c.close()
	body := mailOf(10 << 10)
	for range n {
		began := time.Now()
		if err := c.send(body); err != nil {
			return nil, err
		}
		at, err := arrival(ctx, atData)
		if err != nil {
			return nil, err
		}
		taken = append(taken, at.Sub(began))
		time.Sleep(20 * time.Millisecond) // for the outcome to be stored
	}
	return taken, nil
}
