package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestPrint(t *testing.T) {
	source := "spool {\n\tfsync = false\n  max_size = \"many\" # é\n}\nhostname = \"relay.example.com\"\n" + smallest + "\nqueue {}\n"
	_, err := Parse("config.hcl", []byte(source), LoadOptions{Secrets: true})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := "config.hcl:2: warning: fsync: mail that was acknowledged is\n" +
		"    lost when the machine crashes; false is for tests only\n" +
		"    2 |  fsync = false\n" +
		"      |          ^^^^^\n" +
		"\n" +
		"config.hcl:3: error: max_size: \"many\" is not a size; write\n" +
		"    one like \"512KiB\", \"50MiB\", \"20GiB\" or plain bytes\n" +
		"    3 |   max_size = \"many\" # é\n" +
		"      |              ^^^^^^\n" +
		"\n" +
		"config.hcl:7: error: unknown block \"queue\"\n" +
		"    7 | queue {}\n" +
		"      | ^^^^^\n"
	var b strings.Builder
	if err := e.Print(&b, 60); err != nil || b.String() != want {
		t.Errorf("printed\n%s%v, want\n%s", b.String(), err, want)
	}
	oneLine := `config.hcl:3: max_size: "many" is not a size; write one like "512KiB", "50MiB", "20GiB" or plain bytes (and 1 more)`
	if e.Error() != oneLine {
		t.Errorf("error is %s", e)
	}
}

func TestPrintNarrow(t *testing.T) {
	source := `hostname = "` + strings.Repeat("é", 200) + `"`
	_, err := Parse("config.hcl", []byte(source), LoadOptions{Secrets: true})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := e.Print(&b, 1); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > minWidth && strings.Contains(line, "|") {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// TestPrintIsHarmless: nothing in a file reaches the terminal as a command.
func TestPrintIsHarmless(t *testing.T) {
	source := "hostname = \"\x1b[31m\u009b\"\n\x1b]0;x\a = 1\n"
	_, err := Parse("conf\x1big.hcl", []byte(source), LoadOptions{Secrets: true})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := e.Print(&b, 80); err != nil {
		t.Fatal(err)
	}
	if s := b.String() + e.Error(); strings.ContainsAny(s, "\x1b\a\u009b") {
		t.Errorf("printed %q", s)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/contract.hcl", "testdata/full.hcl"} {
		source, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitAfterSeq(string(source), "\n}\n") {
			f.Add([]byte(block)) // the fuzzer is slow with large seeds
		}
	}
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	usual := presetsByProvider()
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) > 1<<16 || strings.Contains(string(source), "file(") {
			return // no reading of whatever the fuzzer names
		}
		for _, secrets := range []bool{true, false} {
			c, err := Parse("/nonexistent/config.hcl", source, LoadOptions{Secrets: secrets, LookupEnv: oneSecret, presets: usual})
			var e *Error
			switch {
			case c != nil && err == nil:
				if len(c.Listeners) == 0 || len(c.Upstreams) == 0 || len(c.Routes) == 0 {
					t.Errorf("incomplete: %+v", c)
				}
			case c == nil && errors.As(err, &e) && len(e.List) > 0 && e.Error() != "":
				if strings.Contains(e.Error(), "\n") {
					t.Errorf("more than one line: %q", e.Error())
				}
				mustPrint(t, e.Diagnostics)
			default:
				t.Errorf("neither a configuration nor diagnostics: %+v, %v", c, err)
			}
		}
	})
}

func mustPrint(t *testing.T, ds Diagnostics) {
	t.Helper()
	for _, width := range []int{0, 80} {
		if err := ds.Print(&strings.Builder{}, width); err != nil {
			t.Fatal(err)
		}
	}
}
