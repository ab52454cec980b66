package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// latency measures what relaykeep adds to one message on an idle daemon: from
// the 250 at the door to the provider's DATA.
func latency(ctx context.Context, o options) (err error) {
	atData := make(chan time.Time, 1)
	to, err := startReceiver(nil, func(at time.Time) { atData <- at })
	if err != nil {
		return err
	}
	defer to.stop()
	port, stop, err := o.run(ctx, variant{}, to.port())
	if err != nil {
		return err
	}
	defer stop(&err)
	c, err := dial(ctx, port, nil)
	if err != nil {
		return err
	}
	defer c.close()
	var taken []time.Duration
	for range max(int(200*o.scale), 10) {
		if err := c.send(mailOf(10 << 10)); err != nil {
			return err
		}
		accepted := time.Now()
		at, err := arrival(ctx, atData)
		if err != nil {
			return err
		}
		taken = append(taken, max(0, at.Sub(accepted)))
		time.Sleep(100 * time.Millisecond) // it is idle again
	}
	fmt.Printf("one message on an idle daemon, from 250 to the provider's DATA: %s\n", spread(taken))
	return nil
}

// arrivalTime is how long a message may be on its way.
const arrivalTime = time.Minute

// arrival is when the next message came to the provider's DATA.
func arrival(ctx context.Context, atData <-chan time.Time) (time.Time, error) {
	select {
	case at := <-atData:
		return at, nil
	case <-time.After(arrivalTime):
		return time.Time{}, fmt.Errorf("a message has not arrived within %v", arrivalTime)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// mixed measures how long 10 KB take to be accepted, alone and while messages
// of 25 MB come in beside them.
func mixed(ctx context.Context, o options) (err error) {
	for _, large := range []int{0, 1, 4} {
		took, err := o.accepting(ctx, large)
		if err != nil {
			return err
		}
		fmt.Printf("10 KB over 4 sessions, from MAIL to 250, beside %d sending 25 MB: %s\n", large, spread(took))
	}
	return nil
}

func (o options) accepting(ctx context.Context, large int) (all []time.Duration, err error) {
	to, err := startReceiver(nil, nil)
	if err != nil {
		return nil, err
	}
	defer to.stop()
	port, stop, err := o.run(ctx, variant{}, to.port())
	if err != nil {
		return nil, err
	}
	defer stop(&err)
	const sessions = 4
	each := max(int(500*o.scale), 50)
	took := make([][]time.Duration, sessions)
	g, gctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	body := mailOf(25 << 20) // takes as much as sending it: not beside what is timed
	for range large {
		g.Go(func() error { return sendUntil(gctx, port, body, done) })
	}
	var small errgroup.Group
	for i := range took {
		small.Go(func() (err error) {
			took[i], err = timed(gctx, port, each)
			return err
		})
	}
	err = small.Wait()
	close(done)
	if e := g.Wait(); err == nil {
		err = e
	}
	for _, t := range took {
		all = append(all, t...)
	}
	return all, err
}

// sendUntil sends one after the other until done is closed.
func sendUntil(ctx context.Context, port int, body []byte, done <-chan struct{}) error {
	c, err := dial(ctx, port, nil)
	if err != nil {
		return err
	}
	defer c.close()
	for {
		select {
		case <-done:
			return nil
		default:
		}
		if err := c.send(body); err != nil {
			return err
		}
	}
}

// timed sends n messages of 10 KB and tells how long each took.
func timed(ctx context.Context, port, n int) ([]time.Duration, error) {
	c, err := dial(ctx, port, nil)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var took []time.Duration
	body := mailOf(10 << 10)
	for range n {
		began := time.Now()
		if err := c.send(body); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		time.Sleep(5 * time.Millisecond)
	}
	return took, nil
}

// idle measures what connections cost that say EHLO and wait.
func idle(ctx context.Context, o options) (err error) {
	to, err := startReceiver(nil, nil)
	if err != nil {
		return err
	}
	defer to.stop()
	r := o.relaykeep(variant{})
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := r.start(ctx, port, to.port()); err != nil {
		return err
	}
	defer func() {
		if e := r.stop(); err == nil {
			err = e
		}
	}()
	before := memoryOf(r.pids())
	const connections = 1000
	for range connections {
		c, err := dial(ctx, port, nil)
		if err != nil {
			return err
		}
		defer c.conn.Close()
	}
	after := memoryOf(r.pids())
	fmt.Printf("%d idle connections: %.1f MiB of anonymous memory more than the %.1f MiB without\n",
		connections, float64(after-before)/(1<<20), float64(before)/(1<<20))
	return nil
}

// run starts a relaykeep that sends to a sink. stop keeps the first error.
func (o options) run(ctx context.Context, v variant, sink int) (port int, stop func(*error), err error) {
	if port, err = freePort(); err != nil {
		return 0, nil, err
	}
	r := o.relaykeep(v)
	if err := r.start(ctx, port, sink); err != nil {
		return 0, nil, err
	}
	return port, func(err *error) {
		if e := r.stop(); *err == nil {
			*err = e
		}
	}, nil
}

// spread tells the median and the ends of what was measured.
func spread(all []time.Duration) string {
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return all[min(int(share*float64(len(all))), len(all)-1)].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("median %v, 95 %% %v, 99 %% %v, most %v (%d)", at(.5), at(.95), at(.99), all[len(all)-1].Round(10*time.Microsecond), len(all))
}
