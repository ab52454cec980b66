package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// errDeclined is returned where the person at the terminal did not say yes.
var errDeclined = errors.New("nothing was done")

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256

// confirm asks the person at the terminal; without one it goes on. The error
// says that nothing is to be done.
func (a *app) confirm(question string) error {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(f, maxAnswer)).ReadString('\n')
	if err != nil && err != io.EOF {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
