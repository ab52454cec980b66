package main

import (
	"fmt"
	"slices"
	"strings"
)

// sendmailMode is what sendmail is asked to do.
type sendmailMode uint8

const (
	sendmailSubmit  sendmailMode = iota // -bm
	sendmailSession                     // -bs
	sendmailQueue                       // -bp, mailq
	sendmailNothing                     // -bi, newaliases, -q
	sendmailHelp
)

// sendmailArgs is a command line of sendmail.
type sendmailArgs struct {
	mode       sendmailMode
	fromHeader bool    // -t
	loneDots   bool    // -i: a line of one dot is text
	verbose    bool    // -v
	eightBit   bool    // -B 8BITMIME
	sender     *string // -f; nil: not given
	fullName   string  // -F

	notify, ret, envelopeID string // -N, -R, -V, as they stand on the wire

	config, smtp string // --config, --smtp
	operands     []string
}

// The flags of sendmail. Those of an old one that say how it works inside are
// taken and ignored: apps give them.
const (
	flagsAlone    = "EGImcintUvx"
	flagsAttached = "dq"                // a value may follow in the same argument
	flagsValued   = "ABCFLNORVXbefhpor" // the rest of the argument, or the next one
)

// parseSendmail reads a command line as getopt(3) of GNU does: flags may stand
// together, and behind addresses. Errors have the status exUsage.
func parseSendmail(args []string) (sendmailArgs, error) {
	var s sendmailArgs
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			s.operands = append(s.operands, args...)
			return s, nil
		case strings.HasPrefix(arg, "--"):
			args, err = s.long(arg, args)
		case strings.HasPrefix(arg, "-"):
			args, err = s.short(arg, args)
		default:
			s.operands = append(s.operands, arg)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func sendmailUsage(format string, args ...any) error {
	return &exitError{exUsage, fmt.Errorf(format+"; see relaykeep sendmail --help", args...)}
}

// long reads --name VALUE and --name=VALUE, which sendmail has none of, and
// gives the arguments that are left.
func (s *sendmailArgs) long(arg string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	if name == "--help" && !given {
		s.mode = sendmailHelp
		return rest, nil
	}
	target, known := map[string]*string{"--config": &s.config, "--smtp": &s.smtp}[name]
	switch {
	case !known:
		return nil, sendmailUsage("unknown flag %s", name)
	case !given && len(rest) == 0, given && value == "":
		return nil, sendmailUsage("%s needs a value", name)
	case !given:
		value, rest = rest[0], rest[1:]
	}
	*target = value
	return rest, nil
}

// short reads an argument of one or more flags of one letter.
func (s *sendmailArgs) short(arg string, rest []string) ([]string, error) {
	for i := 1; i < len(arg); i++ {
		flag, attached := arg[i], arg[i+1:]
		switch {
		case strings.IndexByte(flagsAlone, flag) >= 0:
			s.alone(flag)
			continue
		case strings.IndexByte(flagsAttached, flag) >= 0:
			if flag == 'q' {
				s.mode = sendmailNothing // the daemon works on its queue all the time
			}
			return rest, nil
		case strings.IndexByte(flagsValued, flag) < 0:
			return nil, sendmailUsage("unknown flag -%s", printable(string([]rune(arg[i:])[0])))
		case attached != "":
			return rest, s.valued(flag, attached)
		case len(rest) == 0:
			return nil, sendmailUsage("-%c needs a value", flag)
		}
		return rest[1:], s.valued(flag, rest[0])
	}
	if arg == "-" {
		return nil, sendmailUsage("unknown flag -")
	}
	return rest, nil
}

func (s *sendmailArgs) alone(flag byte) {
	switch flag {
	case 't':
		s.fromHeader = true
	case 'i':
		s.loneDots = true
	case 'v':
		s.verbose = true
	case 'I':
		s.mode = sendmailNothing
	}
}

func (s *sendmailArgs) valued(flag byte, value string) (err error) {
	switch flag {
	case 'b':
		s.mode, err = readSendmailMode(value)
	case 'o':
		s.loneDots = s.loneDots || value == "i"
	case 'f', 'r':
		s.sender = &value
	case 'F':
		s.fullName = value
	case 'B':
		s.eightBit, err = readBodyType(value)
	case 'N':
		s.notify, err = readNotify(value)
	case 'R':
		s.ret, err = readReturn(value)
	case 'V':
		s.envelopeID, err = readEnvelopeID(value)
	}
	return err
}

func readSendmailMode(value string) (sendmailMode, error) {
	switch value {
	case "m":
		return sendmailSubmit, nil
	case "s":
		return sendmailSession, nil
	case "p":
		return sendmailQueue, nil
	case "i":
		return sendmailNothing, nil
	case "d", "D", "l":
		return 0, sendmailUsage("-b%s: the daemon is started by relaykeep serve", value)
	}
	return 0, sendmailUsage("-b%s is not known: there are -bm, -bs, -bp and -bi", printable(value))
}

func readBodyType(value string) (eightBit bool, err error) {
	switch strings.ToUpper(value) {
	case "8BITMIME":
		return true, nil
	case "7BIT":
		return false, nil
	}
	return false, sendmailUsage("-B %s is not known: there are 7BIT and 8BITMIME", printable(value))
}

// readNotify gives NOTIFY of RFC 3461 4.1.
func readNotify(value string) (string, error) {
	upper := strings.ToUpper(value)
	if upper == "NEVER" {
		return upper, nil
	}
	conditions := strings.Split(upper, ",")
	for i, c := range conditions {
		if !slices.Contains([]string{"SUCCESS", "FAILURE", "DELAY"}, c) || slices.Contains(conditions[:i], c) {
			return "", sendmailUsage("-N %s is not known: give never, or some of success,failure,delay", printable(value))
		}
	}
	return upper, nil
}

// readReturn gives RET of RFC 3461 4.3.
func readReturn(value string) (string, error) {
	switch upper := strings.ToUpper(value); upper {
	case "FULL", "HDRS":
		return upper, nil
	}
	return "", sendmailUsage("-R %s is not known: there are full and hdrs", printable(value))
}

// readEnvelopeID gives ENVID as xtext (RFC 3461 4.4, 100 bytes at most).
func readEnvelopeID(value string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c < ' ' || c > '~':
			return "", sendmailUsage("-V may hold printable ASCII only")
		case c == ' ' || c == '+' || c == '=':
			fmt.Fprintf(&b, "+%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 || b.Len() > 100 {
		return "", sendmailUsage("-V is empty or longer than 100 bytes")
	}
	return b.String(), nil
}
