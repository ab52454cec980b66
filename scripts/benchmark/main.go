// Command benchmark measures relaykeep beside Postfix as a pure relayhost: the
// same load, the same sink, the same disk, in turn, in one run. It is started
// by scripts/bench, which brings the programs that it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// scenario is one kind of load, as smtp-source makes it.
type scenario struct {
	name     string
	size     int // bytes of the body
	sessions int
	kept     bool // many messages over each connection
	messages int
}

func scenarios() []scenario {
	return []scenario{
		{"10 KB, 20 sessions kept", 10 << 10, 20, true, 20_000},
		{"10 KB, a connection per message", 10 << 10, 20, false, 10_000},
		{"1 KB, 20 sessions kept", 1 << 10, 20, true, 20_000},
		{"100 KB, 20 sessions kept", 100 << 10, 20, true, 4_000},
		{"1 MB, 20 sessions kept", 1 << 20, 20, true, 400},
		{"10 KB, one session", 10 << 10, 1, true, 4_000},
		{"10 KB, 50 sessions kept", 10 << 10, 50, true, 20_000},
	}
}

// result is what one run of a scenario through one relay gave.
type result struct {
	accept   float64 // messages a second, as long as the load lasted
	endToEnd float64 // messages a second, until the sink had the last
	cpu      time.Duration
	peak     int64 // bytes
}

// relay is a program under test.
type relay interface {
	name() string
	// start returns when mail can be sent to 127.0.0.1:port.
	start(ctx context.Context, port, sink int) error
	pids() []int // of all its processes
	// spent is the CPU time of all its processes, of those that ended too.
	spent() (time.Duration, error)
	stop() error
}

func main() {
	rounds := flag.Int("rounds", 3, "how often each scenario runs through each relay")
	only := flag.String("only", "", "run the scenarios whose name contains `TEXT`")
	scale := flag.Float64("scale", 1, "multiply the number of messages")
	alone := flag.Bool("alone", false, "relaykeep only")
	binary := flag.String("binary", "", "the relaykeep to measure")
	folder := flag.String("folder", "", "where the relays keep their mail: on the disk that is to be measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *folder, *rounds, *only, *scale, *alone); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, folder string, rounds int, only string, scale float64, alone bool) error {
	relays := []relay{&relaykeep{binary: binary, folder: filepath.Join(folder, "relaykeep")}}
	if !alone {
		relays = append(relays, &postfix{folder: filepath.Join(folder, "postfix")})
	}
	// The user postfix must get through.
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var rows []row
	for _, s := range scenarios() {
		if !strings.Contains(s.name, only) {
			continue
		}
		s.messages = max(int(float64(s.messages)*scale), s.sessions)
		r := row{scenario: s, results: make([][]result, len(relays))}
		for round := range rounds {
			for i, one := range relays {
				fmt.Fprintf(os.Stderr, "%s: %s, round %d of %d … ", s.name, one.name(), round+1, rounds)
				got, err := measure(ctx, one, s)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, one.name(), err)
				}
				fmt.Fprintf(os.Stderr, "%.0f/s end to end\n", got.endToEnd)
				r.results[i] = append(r.results[i], got)
			}
		}
		rows = append(rows, r)
	}
	return printTable(os.Stdout, relays, rows)
}

// measure runs one scenario through one relay.
func measure(ctx context.Context, r relay, s scenario) (res result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	sink, err := startSink(ctx)
	if err != nil {
		return res, err
	}
	defer sink.stop()
	port, err := freePort()
	if err != nil {
		return res, err
	}
	if err := r.start(ctx, port, sink.port); err != nil {
		return res, err
	}
	defer func() {
		if e := r.stop(); err == nil {
			err = e
		}
	}()
	before, err := r.spent()
	if err != nil {
		return res, err
	}
	memory := watchMemory(r.pids)
	began := time.Now()
	if err := load(ctx, s, port); err != nil {
		return res, err
	}
	res.accept = float64(s.messages) / time.Since(began).Seconds()
	if err := sink.wait(ctx, s.messages); err != nil {
		return res, err
	}
	res.endToEnd = float64(s.messages) / time.Since(began).Seconds()
	res.peak = memory()
	after, err := r.spent()
	res.cpu = (after - before) / time.Duration(s.messages)
	return res, err
}
