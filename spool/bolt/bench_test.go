package bolt

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/spool/spooltest"
)

// openBench opens a spool on disk, fsync on.
func openBench(b *testing.B) *Store {
	b.Helper()
	s, err := Open(Options{Path: filepath.Join(b.TempDir(), "spool.db"), History: time.Hour, KeepFailed: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	s.Open("a", true)
	return s
}

func accept(b *testing.B, s *Store, body []byte) relay.Message {
	m := relay.Message{
		ID: spool.NewID(), MessageID: "<20261124120000.1234@app.example.com>", Subject: "monthly report",
		From: "app@example.com", ReceivedAt: time.Now(), Listener: "local", Client: "127.0.0.1",
	}
	if err := s.Accept(context.Background(), &spool.Incoming{Message: &m, Recipients: spooltest.Recipients("a", "someone@example.org"), Body: bytes.NewReader(body)}); err != nil {
		b.Fatal(err)
	}
	return m
}

// deliver takes one message through claim, mark and settle.
func deliver(b *testing.B, s *Store, d *spool.Delivery) {
	if err := s.Mark(d, []int{0}, nil)(); err != nil {
		b.Fatal(err)
	}
	to := d.Recipients
	to[0].State, to[0].Attempts, to[0].Upstream, to[0].FinishedAt = relay.Delivered, 1, "a", time.Now()
	to[0].Last = relay.Verdict{Class: relay.ClassDelivered, Action: relay.ActionDone, Scope: relay.ScopeRecipient, Stage: relay.StageBody, Code: 250, Enhanced: "2.0.0", Text: "Ok: queued as 4XyzAbc", Rule: "accepted"}
	e := relay.Event{Kind: relay.EventDelivered, At: time.Now(), To: to[0].Address, Upstream: "a", Attempt: 1, Verdict: to[0].Last}
	if err := s.Settle(context.Background(), d, spool.Settlement{Recipients: to, Events: []relay.Event{e}}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLife takes messages through the whole of the spool: accept by 20
// clients, claim, mark and settle by 20 connections.
func BenchmarkLife(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1KB", 1000}, {"10KB", 10_000}, {"100KB", 100_000}} {
		b.Run(size.name, func(b *testing.B) {
			s := openBench(b)
			body := bytes.Repeat([]byte("x"), size.n)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			b.ResetTimer()
			var in, out sync.WaitGroup
			left := make(chan struct{}, b.N)
			for range b.N {
				left <- struct{}{}
			}
			close(left)
			for range 20 {
				in.Go(func() {
					for range left {
						accept(b, s, body)
					}
				})
			}
			due := make(chan spool.Delivery, 20)
			for range 20 {
				out.Go(func() {
					for d := range due {
						deliver(b, s, &d)
					}
				})
			}
			for n := 0; n < b.N; {
				ds, _, err := s.Claim(context.Background(), "a", spool.Limit{Messages: 20, Recipients: 50})
				if err != nil {
					b.Fatal(err)
				}
				for _, d := range ds {
					due <- d
				}
				if n += len(ds); len(ds) == 0 && n < b.N {
					<-s.Ready("a")
				}
			}
			close(due)
			in.Wait()
			out.Wait()
		})
	}
}

// BenchmarkAccept takes messages of 10 KB in, from as many clients at once:
// what one waits for, and what it costs with others beside.
func BenchmarkAccept(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 10_000)
	for _, clients := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d", clients), func(b *testing.B) {
			s := openBench(b)
			b.ReportAllocs()
			b.ResetTimer()
			together(b.N, clients, func() { accept(b, s, body) })
		})
	}
}

// BenchmarkSettle marks and settles messages that were claimed before, on as
// many connections at once.
func BenchmarkSettle(b *testing.B) {
	for _, connections := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d", connections), func(b *testing.B) {
			s := openBench(b)
			together(b.N, 100, func() { accept(b, s, []byte("x")) })
			due := make(chan spool.Delivery, b.N)
			for len(due) < b.N {
				ds, _, err := s.Claim(context.Background(), "a", spool.Limit{Messages: 100, Recipients: 50})
				if err != nil {
					b.Fatal(err)
				}
				for _, d := range ds {
					due <- d
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			together(b.N, connections, func() {
				d := <-due
				deliver(b, s, &d)
			})
		})
	}
}

// together does something n times, by so many at once.
func together(n, workers int, do func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				do()
			}
		})
	}
	wg.Wait()
}

// BenchmarkClaim claims and gives back, with a queue of this length behind.
func BenchmarkClaim(b *testing.B) {
	for _, queued := range []struct {
		name string
		n    int
	}{{"100", 100}, {"20000", 20_000}} {
		b.Run(queued.name, func(b *testing.B) {
			s := openBench(b)
			together(queued.n, 100, func() { accept(b, s, []byte("x")) })
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				ds, _, err := s.Claim(context.Background(), "a", spool.Limit{Messages: 1, Recipients: 50})
				if err != nil || len(ds) != 1 {
					b.Fatal(len(ds), err)
				}
				s.Release(&ds[0])
			}
		})
	}
}
