package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is said now into the golden files")

var hasUpstream = regexp.MustCompile(`(?m)^(upstream\b|# no upstream)`)

// TestGolden reads each file of the archives under testdata/bad and
// testdata/warn, and compares all that is said about it with the lines
// "# want: LINE [warning: ]SUMMARY" at its end.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	folder, bad := filesFolder(t), 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		wantError := filepath.Base(filepath.Dir(name)) == "bad"
		for i, f := range archive.Files {
			t.Run(filepath.Base(name)+"/"+f.Name, func(t *testing.T) {
				source, want, _ := strings.Cut(string(f.Data), "# want: ")
				if want != "" {
					want = "# want: " + want
				}
				got := golden(t, folder, source, wantError)
				if *update {
					archive.Files[i].Data = []byte(source + got)
				} else if got != want {
					t.Errorf("said\n%swant\n%s", got, want)
				}
			})
			if wantError {
				bad++
			}
		}
		if *update {
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if bad < 60 {
		t.Errorf("there are only %d bad configurations", bad)
	}
}

// golden gives what is said about a source in a folder, in the form of the
// golden files.
func golden(t *testing.T, folder, source string, wantError bool) string {
	t.Helper()
	if !hasUpstream.MatchString(source) {
		source += "upstream \"main\" {\n  address = \"127.0.0.1:1025\"\n}\n"
	}
	path := filepath.Join(folder, "config.hcl")
	c, err := Parse(path, []byte(source), LoadOptions{Secrets: true, LookupEnv: oneSecret})
	var said Diagnostics
	var e *Error
	switch {
	case err == nil && c != nil:
		said = c.Warnings
	case errors.As(err, &e) && c == nil:
		said = e.Diagnostics
	default:
		t.Fatalf("neither a configuration nor diagnostics: %v, %v", c, err)
	}
	if (err != nil) != wantError {
		t.Errorf("error is %v", err)
	}
	mustNotLeak(t, said, err)
	var b strings.Builder
	for _, d := range said.List {
		kind := ""
		if d.Warning {
			kind = "warning: "
		}
		fmt.Fprintf(&b, "# want: %d %s%s\n", d.Line, kind, strings.ReplaceAll(d.Summary, folder, "DIR"))
	}
	return b.String()
}

const theSecret = "hunter2"

// oneSecret is an environment of one variable.
func oneSecret(name string) (string, bool) { return theSecret, name == "SECRET" }

// mustNotLeak fails if the secret is in anything that can be printed.
func mustNotLeak(t *testing.T, said Diagnostics, err error) {
	t.Helper()
	var b strings.Builder
	if err := said.Print(&b, 0); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "%v %+v", err, said.List)
	if strings.Contains(b.String(), theSecret) {
		t.Errorf("the secret was printed:\n%s", b.String())
	}
}
