package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// benchstat compares the figures.
const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// part is a package whose benchmarks time a step in the life of a message.
type part struct{ folder, benchmarks string }

func parts() []part {
	return []part{
		{"relay/ingress", "Accept10KB|Repair10KB"},
		{"relay/route", "Match"},
		{"relay/quota", "Take"},
		{"spool", "Codec"},
		{"spool/bolt", "Accept|Claim|Settle|Life"},
		{"upstream/smtp", "Deliver"},
		{"upstream/classify", "Classify"},
		{"relay/outgoing", "Untouched|Rewrite|Recode|Sign"},
		{"relay/message/dkim", "Sign"},
		{"relay/event/logsink", "Line"},
		{"relay/metrics", "Emit"},
	}
}

// byPart runs the benchmarks of the tree's tests, in turn with those of another
// revision where one is named, and lets benchstat say what is known of them.
func byPart(ctx context.Context, o options) error {
	some, err := chosen(parts(), func(p part) string { return p.folder }, o.only)
	if err != nil {
		return err
	}
	trees := []*tree{{name: "now", folder: "."}}
	if o.against != "" {
		before := &tree{name: "before", folder: filepath.Join(o.folder, "before")}
		if err := before.checkOut(ctx, o.against); err != nil {
			return err
		}
		trees = []*tree{before, trees[0]}
	}
	for _, p := range some {
		fmt.Fprintf(os.Stderr, "%s\n", p.folder)
		for range o.rounds {
			for _, t := range trees {
				if err := t.bench(ctx, o.folder, p); err != nil {
					return err
				}
			}
		}
	}
	args := []string{"run", benchstat}
	for _, t := range trees {
		file := filepath.Join(o.folder, t.name+".txt")
		if err := os.WriteFile(file, t.figures.Bytes(), 0o644); err != nil {
			return err
		}
		args = append(args, t.name+"="+file)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// tree is a state of the sources.
type tree struct {
	name, folder string
	figures      bytes.Buffer // what its benchmarks printed
}

// checkOut writes the sources of a revision.
func (t *tree) checkOut(ctx context.Context, revision string) error {
	if err := os.MkdirAll(t.folder, 0o755); err != nil {
		return err
	}
	tar := t.folder + ".tar"
	for _, args := range [][]string{
		{"git", "archive", "--format=tar", "--output", tar, revision},
		{"tar", "-x", "-f", tar, "-C", t.folder},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("-against %s: %s: %w: %s", revision, args[0], err, bytes.TrimSpace(out))
		}
	}
	return nil
}

// bench runs the benchmarks of a part once. A tree that lacks the part has no
// figures of it.
func (t *tree) bench(ctx context.Context, folder string, p part) error {
	if _, err := os.Stat(filepath.Join(t.folder, p.folder)); os.IsNotExist(err) {
		return nil
	}
	binary := filepath.Join(folder, t.name+"-"+strings.ReplaceAll(p.folder, "/", "-")+".test")
	if _, err := os.Stat(binary); err != nil {
		build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./"+p.folder)
		build.Dir, build.Stderr = t.folder, os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build the tests of %s: %w", p.folder, err)
		}
	}
	run := exec.CommandContext(ctx, binary, "-test.run=^$", "-test.benchmem", "-test.bench=^Benchmark("+p.benchmarks+")$")
	// On the disk that is to be measured.
	run.Dir, run.Env = filepath.Join(t.folder, p.folder), append(os.Environ(), "TMPDIR="+folder)
	out, err := run.CombinedOutput()
	if err != nil {
		return fmt.Errorf("the benchmarks of %s: %w\n%s", p.folder, err, out)
	}
	_, err = fmt.Fprintf(&t.figures, "pkg: relaykeep/%s\n%s", p.folder, out)
	return err
}
