// Command benchmark measures relaykeep: beside Postfix as a pure relayhost with
// the same load, the same sink and the same disk, in turn, in one run; beside
// itself with signing or TLS; and what a client feels. It is started by
// scripts/bench, which brings the programs that it needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// options are what the command line says.
type options struct {
	binary string // the relaykeep to measure
	folder string // where the relays keep their mail
	rounds int
	only   string // part of the names of loads
	scale  float64
	alone  bool

	against string // a revision whose parts are measured beside
}

// measurements are what can be asked for, by name.
func measurements() map[string]func(context.Context, options) error {
	return map[string]func(context.Context, options) error{
		"postfix": besidePostfix,
		"signing": signing,
		"tls":     overTLS,
		"latency": latency,
		"mixed":   mixed,
		"parts":   byPart,
		"idle":    idle,
		"lanes":   lanes,
		"queue":   longQueue,
	}
}

func main() {
	var o options
	what := flag.String("what", "postfix", "what to measure: `NAMES` with commas between")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each load runs through each relay")
	flag.StringVar(&o.only, "only", "", "run the loads whose name contains `TEXT`")
	flag.Float64Var(&o.scale, "scale", 1, "multiply the number of messages")
	flag.StringVar(&o.against, "against", "", "the `REVISION` whose parts are measured beside")
	flag.BoolVar(&o.alone, "alone", false, "relaykeep without Postfix")
	flag.StringVar(&o.binary, "binary", "", "the relaykeep to measure")
	flag.StringVar(&o.folder, "folder", "", "where the relays keep their mail: on the disk that is to be measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, strings.Split(*what, ","), o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, what []string, o options) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected %q; see scripts/bench --help", flag.Arg(0))
	}
	if o.rounds < 1 || o.scale <= 0 {
		return errors.New("-rounds and -scale must be above zero")
	}
	known := measurements()
	for _, name := range what {
		if known[name] == nil {
			return fmt.Errorf("-what %q is not known; there are %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	folder, err := filepath.Abs(o.folder)
	if err != nil {
		return err
	}
	o.folder = folder
	// The user postfix must get through.
	if err := os.MkdirAll(o.folder, 0o755); err != nil {
		return err
	}
	for _, name := range what {
		if err := known[name](ctx, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// chosen gives those whose name contains what -only says.
func chosen[T any](all []T, name func(T) string, only string) (some []T, err error) {
	var names []string
	for _, one := range all {
		if names = append(names, name(one)); strings.Contains(name(one), only) {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		err = fmt.Errorf("-only %q is in no name; there are: %s", only, strings.Join(names, "; "))
	}
	return some, err
}
