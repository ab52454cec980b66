package main

import (
	"bufio"
	"context"
	"errors"
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

// longQueue compares a spool that has a long queue to one that has none, in turn:
// the rates while the queue waits, those at which it is delivered, and the rates
// once it is gone.
func longQueue(ctx context.Context, o options) error {
	n := max(int(queuedLength*o.scale), 1000)
	q := &queueBench{options: o, scenario: scenario{"2 KB, 20 sessions kept", queuedSize, 20, true, max(min(20_000, n/20), 200)}}
	long := q.spool(fmt.Sprintf("with %d messages", n))
	short := q.spool("with none")

	fmt.Printf("%d messages wait until tomorrow:\n", n)
	if err := long.fill(n, time.Now().Add(24*time.Hour)); err != nil {
		return err
	}
	if err := q.inTurn(ctx, short, long); err != nil {
		return err
	}
	fmt.Printf("%d messages to deliver:\n", n)
	if err := long.fill(n, time.Now()); err != nil {
		return err
	}
	// When it is full, and when half of it has become history.
	for left := n; left > 0; {
		now, err := q.drainInTurn(ctx, short, long, left)
		if err != nil {
			return err
		}
		part := now - n/2
		if part <= 0 {
			part = now
		}
		if err := q.drain(ctx, long, part); err != nil {
			return err
		}
		left = now - long.had
	}
	fmt.Printf("%d messages were delivered:\n", n)
	return q.inTurn(ctx, short, long)
}

type queueBench struct {
	options
	scenario
}

// queueSpool is a relaykeep with a spool of its own.
type queueSpool struct {
	*relaykeep
	to    *receiver
	port  int
	had   int // messages that its sink has had
	rates []result
}

func (q *queueBench) spool(label string) *queueSpool {
	r := q.relaykeep(variant{label: label, keep: true})
	r.folder = filepath.Join(q.folder, label)
	return &queueSpool{relaykeep: r}
}

// run starts the relaykeep and a sink for it, for as long as do takes.
func (s *queueSpool) run(ctx context.Context, onData func(time.Time), do func() error) (err error) {
	if s.to, err = startReceiver(nil, onData); err != nil {
		return err
	}
	defer s.to.stop()
	if s.port, err = freePort(); err != nil {
		return err
	}
	if err := s.start(ctx, s.port, s.to.port()); err != nil {
		return err
	}
	defer func() {
		if e := s.stop(); err == nil {
			err = e
		}
	}()
	s.had = 0
	return do()
}

// inTurn measures how fast mail comes in and goes out, once through each spool,
// as often as there are rounds.
func (q *queueBench) inTurn(ctx context.Context, short, long *queueSpool) error {
	if err := short.empty(); err != nil {
		return err
	}
	short.rates, long.rates = nil, nil
	return short.run(ctx, nil, func() error {
		return long.run(ctx, nil, func() error {
			took, err := firstLine(ctx, long.relaykeep)
			if err != nil {
				return err
			}
			fmt.Printf("  spool list begins after %v\n", took.Round(time.Millisecond))
			for range q.rounds {
				for _, s := range []*queueSpool{short, long} {
					if err := q.send(ctx, s); err != nil {
						return err
					}
				}
			}
			tellMedians(short, long)
			return nil
		})
	})
}

// send sends the load once.
func (q *queueBench) send(ctx context.Context, s *queueSpool) error {
	memory := watchMemory(s.pids)
	began := time.Now()
	if err := sendIn(nil)(ctx, q.scenario, s.port); err != nil {
		return err
	}
	accepted := time.Since(began)
	s.had += q.messages
	if err := s.to.wait(ctx, s.had); err != nil {
		return err
	}
	r := result{accept: float64(q.messages) / accepted.Seconds(), endToEnd: float64(q.messages) / time.Since(began).Seconds(), peak: memory()}
	s.rates = append(s.rates, r)
	fmt.Printf("  %s: %.0f/s accepted, %.0f/s end to end, %d MiB of anonymous memory at most\n", s.label, r.accept, r.endToEnd, r.peak>>20)
	return nil
}

// tellMedians prints them, and what remains of the rates of the short one.
func tellMedians(short, long *queueSpool) {
	a, b := medians(short.rates), medians(long.rates)
	fmt.Printf("  medians: %.0f and %.0f/s end to end, %.2f of the rate", a.endToEnd, b.endToEnd, b.endToEnd/a.endToEnd)
	if a.accept > 0 {
		fmt.Printf("; %.0f and %.0f/s accepted, %.2f", a.accept, b.accept, b.accept/a.accept)
	}
	fmt.Println()
}

// drainInTurn delivers as much of the long queue as a short one holds, and a
// short one, in turn. It tells how much of the long one is left.
func (q *queueBench) drainInTurn(ctx context.Context, short, long *queueSpool, n int) (left int, err error) {
	short.rates, long.rates = nil, nil
	for range min(q.rounds, n/q.messages/2) {
		if err := short.fill(q.messages, time.Now()); err != nil {
			return 0, err
		}
		for _, s := range []*queueSpool{short, long} {
			if err := q.drain(ctx, s, q.messages); err != nil {
				return 0, err
			}
		}
		n -= long.had
	}
	tellMedians(short, long)
	return n, nil
}

// drain measures how long a daemon takes to its first delivery, and how fast so
// many come then.
func (q *queueBench) drain(ctx context.Context, s *queueSpool, n int) error {
	var once sync.Once
	var first atomic.Int64
	began := time.Now()
	err := s.run(ctx, func(at time.Time) { once.Do(func() { first.Store(int64(at.Sub(began))) }) }, func() error {
		memory := watchMemory(s.pids)
		if err := s.to.wait(ctx, n); err != nil {
			return err
		}
		to := time.Duration(first.Load())
		rate := float64(n) / (time.Since(began) - to).Seconds()
		peak := memory()
		s.rates = append(s.rates, result{endToEnd: rate, peak: peak})
		fmt.Printf("  %s: first delivery after %v, then %.0f/s to the first %d, %d MiB of anonymous memory at most\n", s.label, to.Round(time.Millisecond), rate, n, peak>>20)
		return nil
	})
	// What was on its way when it was told to stop has arrived, too.
	s.had = s.to.count()
	return err
}

// firstLine is how long the command spool list takes to its first line.
func firstLine(ctx context.Context, r *relaykeep) (time.Duration, error) {
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

// empty makes the spool anew, without a message.
func (s *queueSpool) empty() error {
	if err := os.RemoveAll(s.folder); err != nil {
		return err
	}
	return os.MkdirAll(s.folder, 0o700)
}

// fill makes the spool anew, with n messages that are due at a time.
func (s *queueSpool) fill(n int, due time.Time) error {
	if err := s.empty(); err != nil {
		return err
	}
	if err := s.configure(1, 1); err != nil {
		return err
	}
	c, err := config.Load(s.config(), config.LoadOptions{LookupEnv: os.LookupEnv})
	if err != nil {
		return err
	}
	var routes []route.Route
	for _, one := range c.Routes {
		routes = append(routes, one.Route)
	}
	store, err := bolt.Open(bolt.Options{Path: filepath.Join(s.folder, "spool.db"), NoSync: true})
	if err != nil {
		return err
	}
	store.UseTable(route.New(routes).Fingerprint())
	if err := fill(store, n, due); err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	// It was written without fsync: the first one must not be that of the daemon.
	return syncFile(filepath.Join(s.folder, "spool.db"))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
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
