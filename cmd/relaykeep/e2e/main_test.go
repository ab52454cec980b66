package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	rounds     = flag.Int("rounds", 30, "how often the crash loop kills the daemon")
	queued     = flag.Int("queued", 5000, "how many messages wait in the long queue; a million is judged by the clock, too")
	raceBinary = flag.Bool("race-binary", false, "build the daemon with the race detector")
)

// binary is the daemon under test.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

// patience bounds one wait for an event: what does not come within it never
// will, and the test says so while it can still clean up.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "relaykeep-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "relaykeep")
	args := []string{"build", "-o", binary}
	if *raceBinary {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "relaykeep/cmd/relaykeep")...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
