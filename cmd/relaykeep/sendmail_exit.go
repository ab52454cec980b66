package main

import (
	"errors"
	"regexp"
)

// The exit statuses of sendmail (sysexits.h), which mailing programs act on.
const (
	exUsage       = 64 // the command line
	exDataErr     = 65 // the mail, or an address in it
	exNoUser      = 67 // no such mailbox
	exNoHost      = 68 // no way to that domain
	exUnavailable = 69 // refused for good, for another reason
	exIOErr       = 74 // standard input fails
	exTempFail    = 75 // not now: try again
	exNoPerm      = 77 // the daemon wants a login, or forbids it
	exConfig      = 78 // --config names no good configuration
)

// exitError is an error with an exit status of its own.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// sendmailStatus says how sendmail exits. What is not known to be final is
// temporary: mail must not be lost.
func sendmailStatus(err error) int {
	var (
		exit    *exitError
		refused *replyError
		input   *inputError
	)
	switch {
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &input):
		return exIOErr
	case errors.As(err, &refused):
		return replyStatus(refused.code, refused.text)
	}
	return exTempFail
}

// enhanced finds an enhanced status code of class 5 (RFC 3463).
var enhanced = regexp.MustCompile(`^5\.(\d{1,3}\.\d{1,3})\b`)

// replyStatus judges a refusal by the daemon.
func replyStatus(code int, text string) int {
	if code < 500 {
		return exTempFail
	}
	if m := enhanced.FindStringSubmatch(text); m != nil {
		switch m[1] {
		case "1.1":
			return exNoUser
		case "1.2":
			return exNoHost
		case "1.3", "1.7", "3.4", "4.6", "6.0", "6.7":
			return exDataErr
		}
		if m[1][:2] == "7." {
			return exNoPerm
		}
	}
	switch code {
	case 530, 535:
		return exNoPerm
	case 501, 552, 553:
		return exDataErr
	}
	return exUnavailable
}
