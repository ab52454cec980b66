package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/config"
	"relaykeep/relay/route"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

const (
	queuedSize   = 2 << 10
	queuedLength = 1_000_000
	producers    = 256 // who fill a spool, one transaction for all of them
)

// longQueue compares a daemon with a long queue to one with none: the start,
// the rates while the queue waits, the rate at which it drains, and the rates
// after that.
func longQueue(ctx context.Context, o options) error {
	long := max(int(queuedLength*o.scale), 1000)
	s := scenario{"2 KB, 20 sessions kept", queuedSize, 20, true, max(min(20_000, long/5), 200)}
	q := &queueBench{options: o, scenario: s}
	steps := []struct {
		what string
		run  func(context.Context) error
	}{
		{"an empty spool", q.rates},
		{fmt.Sprintf("%d messages to deliver", s.messages), func(ctx context.Context) error { return q.drain(ctx, s.messages) }},
		{fmt.Sprintf("%d messages wait until tomorrow", long), func(ctx context.Context) error { return q.beside(ctx, long) }},
		{fmt.Sprintf("%d messages to deliver", long), func(ctx context.Context) error { return q.drain(ctx, long) }},
		{"the spool after that", q.rates},
	}
	for _, step := range steps {
		fmt.Printf("%s:\n", step.what)
		if err := step.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

type queueBench struct {
	options
	scenario
	keep bool // the spool of the step before
}

// rates measures how fast mail comes in and goes out, as often as there are
// rounds.
func (q *queueBench) rates(ctx context.Context) error {
	to, err := startReceiver(nil, nil)
	if err != nil {
		return err
	}
	defer to.stop()
	r := q.relaykeep(variant{keep: q.keep})
	return q.with(ctx, r, to.port(), func(port int) error { return q.rounds(ctx, to, r, port, 0) })
}

// beside is rates with messages that wait.
func (q *queueBench) beside(ctx context.Context, n int) error {
	r, err := q.filled(n, time.Now().Add(24*time.Hour))
	if err != nil {
		return err
	}
	to, err := startReceiver(nil, nil)
	if err != nil {
		return err
	}
	defer to.stop()
	return q.with(ctx, r, to.port(), func(port int) error {
		took, err := q.firstLine(ctx, r)
		if err != nil {
			return err
		}
		fmt.Printf("  spool list begins after %v\n", took.Round(time.Millisecond))
		return q.rounds(ctx, to, r, port, 0)
	})
}

// drain measures how long a daemon takes to its first delivery, and to the
// last.
func (q *queueBench) drain(ctx context.Context, n int) error {
	r, err := q.filled(n, time.Now())
	if err != nil {
		return err
	}
	var once sync.Once
	var first atomic.Int64
	began := time.Now()
	to, err := startReceiver(nil, func(at time.Time) { once.Do(func() { first.Store(int64(at.Sub(began))) }) })
	if err != nil {
		return err
	}
	defer to.stop()
	q.keep = true
	return q.with(ctx, r, to.port(), func(int) error {
		memory := watchMemory(r.pids)
		part := min(n, q.messages)
		if err := to.wait(ctx, part); err != nil {
			return err
		}
		fmt.Printf("  first delivery after %v; %.0f/s to the first %d", time.Duration(first.Load()).Round(time.Millisecond),
			float64(part)/(time.Since(began)-time.Duration(first.Load())).Seconds(), part)
		if err := to.wait(ctx, n); err != nil {
			return err
		}
		fmt.Printf(", %.0f/s to the last; %d MiB of anonymous memory at most\n", float64(n)/time.Since(began).Seconds(), memory()>>20)
		return nil
	})
}

// rounds sends the load again and again. had is what the sink has had.
func (q *queueBench) rounds(ctx context.Context, to *receiver, r *relaykeep, port, had int) error {
	for range q.options.rounds {
		memory := watchMemory(r.pids)
		began := time.Now()
		if err := sendIn(nil)(ctx, q.scenario, port); err != nil {
			return err
		}
		accepted := time.Since(began)
		had += q.messages
		if err := to.wait(ctx, had); err != nil {
			return err
		}
		fmt.Printf("  %.0f/s accepted, %.0f/s end to end, %d MiB of anonymous memory at most\n",
			float64(q.messages)/accepted.Seconds(), float64(q.messages)/time.Since(began).Seconds(), memory()>>20)
	}
	return nil
}

// with runs a relaykeep for as long as do takes.
func (q *queueBench) with(ctx context.Context, r *relaykeep, sink int, do func(port int) error) (err error) {
	port, err := freePort()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.start(ctx, port, sink); err != nil {
		return err
	}
	defer func() {
		if e := r.stop(); err == nil {
			err = e
		}
	}()
	fmt.Printf("  listens after %v, %d MiB of anonymous memory\n", time.Since(began).Round(time.Millisecond), memoryOf(r.pids())>>20)
	return do(port)
}

// firstLine is how long the command spool list takes to its first line.
func (q *queueBench) firstLine(ctx context.Context, r *relaykeep) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.binary, "spool", "list", "--config", r.config())
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	took := time.Since(began)
	cancel()
	_ = cmd.Wait() // it was killed
	if err == io.EOF {
		err = fmt.Errorf("spool list says nothing")
	}
	return took, err
}

// filled makes a spool with n messages that are due at a time.
func (q *queueBench) filled(n int, due time.Time) (*relaykeep, error) {
	r := q.relaykeep(variant{keep: true})
	if err := os.RemoveAll(r.folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		return nil, err
	}
	if err := r.configure(1, 1); err != nil {
		return nil, err
	}
	c, err := config.Load(r.config(), config.LoadOptions{LookupEnv: os.LookupEnv})
	if err != nil {
		return nil, err
	}
	var routes []route.Route
	for _, one := range c.Routes {
		routes = append(routes, one.Route)
	}
	store, err := bolt.Open(bolt.Options{Path: filepath.Join(r.folder, "spool.db"), NoSync: true})
	if err != nil {
		return nil, err
	}
	store.UseTable(route.New(routes).Fingerprint())
	if err := fill(store, n, due); err != nil {
		return nil, err
	}
	return r, store.Close()
}

func fill(store *bolt.Store, n int, due time.Time) error {
	var (
		next   atomic.Int64
		all    sync.WaitGroup
		once   sync.Once
		failed error
	)
	body := string(mailOf(queuedSize))
	for range producers {
		all.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := store.Accept(context.Background(), waiting(body, due)); err != nil {
					once.Do(func() { failed = err })
					return
				}
			}
		})
	}
	all.Wait()
	return failed
}

// waiting is a message that is due at a time.
func waiting(body string, due time.Time) *spool.Incoming {
	now := time.Now()
	return &spool.Incoming{
		Message: &relay.Message{ID: spool.NewID(), From: "app@example.com", ReceivedAt: now, Listener: "bench", Client: "127.0.0.1", Size: int64(len(body))},
		Recipients: []relay.Recipient{{
			Address: "someone@example.org", Route: "default", Eligible: []string{"sink"},
			NextAttempt: due, ExpiresAt: now.Add(5 * 24 * time.Hour),
		}},
		Body: strings.NewReader(body),
	}
}
