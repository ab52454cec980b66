package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"relaykeep/relay/ingress"
)

// userCmd holds the commands about users.
type userCmd struct {
	Hash userHashCmd `cmd:"" help:"Hash a password for the users file: NAME:HASH on a line there. Reads it from the terminal, or the first line of standard input."`
}

// userHashCmd is the command user hash.
type userHashCmd struct{}

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// Run prints the hash.
func (c *userHashCmd) Run(a *app) error {
	password, err := a.password()
	if err != nil {
		return err
	}
	hash, err := ingress.HashPassword(password)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, hash)
	return err
}

// password asks twice on a terminal, without echo.
func (a *app) password() (string, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return firstLine(a.in)
	}
	first, err := a.ask(f, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := a.ask(f, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

func (a *app) ask(f *os.File, prompt string) (string, error) {
	fmt.Fprint(a.err, prompt)
	password, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	return string(password), nil
}

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword+2)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", errors.New("there is no password on standard input: its first line is empty")
	case len(line) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", maxPassword)
	}
	return line, nil
}
