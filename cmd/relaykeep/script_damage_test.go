package main

import (
	"bytes"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdDamage overwrites each place of a file that holds a text: damage FILE TEXT.
func cmdDamage(ts *testscript.TestScript, _ bool, args []string) {
	path, text := ts.MkAbs(args[0]), []byte(args[1])
	b, err := os.ReadFile(path)
	ts.Check(err)
	if !bytes.Contains(b, text) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, bytes.ReplaceAll(b, text, bytes.Repeat([]byte("#"), len(text))), 0o600))
}
