package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"relaykeep/relay/message"
)

// sendmailReadAhead is how much of a text is read before the daemon is called,
// in bytes: a slow program that writes a small mail keeps no connection
// waiting. What is longer is streamed.
const sendmailReadAhead = 256 << 10

// submitter is who calls sendmail.
type submitter struct {
	host     string // the name of this machine
	address  string // user@host, in wire form
	fullName string // "" if not known
}

// compose reads a mail and makes what is submitted. Errors have a status.
func (s *sendmailArgs) compose(in io.Reader, who submitter) (submission, error) {
	m := submission{host: who.host, notify: s.notify, ret: s.ret, envelopeID: s.envelopeID}
	var err error
	if m.envelope.from, err = s.from(who); err != nil {
		return m, err
	}
	if m.envelope.to, err = s.namedRecipients(who.host); err != nil {
		return m, err
	}
	if !s.fromHeader && len(m.envelope.to) == 0 {
		return m, sendmailUsage("no recipient: name one, or say -t to take those of the header section")
	}
	header, text, err := readSendmail(in, !s.loneDots)
	if err != nil {
		return m, err
	}
	if s.fromHeader {
		if err := addRecipients(&m.envelope, header, who.host); err != nil {
			return m, err
		}
	}
	top := rewrite(header, s.author(m.envelope.from, who))
	return m, fillSubmission(&m, top, text, s.eightBit)
}

// from gives the envelope sender.
func (s *sendmailArgs) from(who submitter) (string, error) {
	switch {
	case s.sender == nil:
		return who.address, nil
	case *s.sender == "", *s.sender == "<>":
		return "", nil
	}
	all, err := message.Addresses(*s.sender, who.host)
	switch {
	case err != nil:
		return "", &exitError{exDataErr, fmt.Errorf("-f: %w", err)}
	case len(all) != 1:
		return "", &exitError{exDataErr, fmt.Errorf("-f %q is not one address", *s.sender)}
	}
	return all[0], nil
}

// namedRecipients gives those of the command line.
func (s *sendmailArgs) namedRecipients(host string) ([]string, error) {
	var to []string
	for _, operand := range s.operands {
		all, err := message.Addresses(operand, host)
		if err != nil {
			return nil, &exitError{exDataErr, fmt.Errorf("the recipient %q: %w", operand, err)}
		}
		to = append(to, all...)
	}
	return unique(to), nil
}

// unique keeps the first of equal addresses.
func unique(addresses []string) []string {
	seen := make(map[string]bool, len(addresses))
	return slices.DeleteFunc(addresses, func(a string) bool {
		again := seen[a]
		seen[a] = true
		return again
	})
}

// addRecipients adds the recipients that the header section names: where it has
// Resent- fields, they alone (RFC 5322 3.6.6).
func addRecipients(e *envelope, header *message.Header, host string) error {
	names := []string{"Resent-To", "Resent-Cc", "Resent-Bcc"}
	if !slices.ContainsFunc(names, func(name string) bool { return header.Count(name) > 0 }) {
		names = []string{"To", "Cc", "Bcc"}
	}
	for _, name := range names {
		for _, value := range header.Values(name) {
			all, err := message.Addresses(value, host)
			if err != nil {
				return &exitError{exDataErr, fmt.Errorf("the field %s: %w", name, err)}
			}
			e.to = append(e.to, all...)
		}
	}
	if e.to = unique(e.to); len(e.to) == 0 {
		return &exitError{exDataErr, errors.New("no recipient: -t found none in To, Cc and Bcc, and none is named")}
	}
	return nil
}

// author gives the value of From for a mail without: the envelope sender, or
// who calls where that is null, with the name of -F or of the account.
func (s *sendmailArgs) author(sender string, who submitter) string {
	if sender == "" {
		sender = who.address
	}
	name := s.fullName
	if name == "" && sender == who.address {
		name = who.fullName
	}
	if name == "" {
		return sender
	}
	return phrase(name) + " <" + sender + ">"
}

// phrase writes a name as RFC 5322 3.2.5 or RFC 2047 want it.
func phrase(name string) string {
	encoding := mime.QEncoding
	if strings.ContainsAny(name, "\"#$%&'(),.:;<>@[]^`{|}~") { // of which a phrase may hold none (RFC 2047 5)
		encoding = mime.BEncoding
	}
	if encoded := encoding.Encode("utf-8", name); encoded != name {
		return encoded
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// readSendmail reads the header section, with CRLF line ends, and gives the
// rest: the empty line, where there is one, and the text. The mail ends with
// the input, or with a line of one dot where atDot says so. What mbox files
// have on top ("From bob Mon …") is no part of it.
func readSendmail(in io.Reader, atDot bool) (*message.Header, io.Reader, error) {
	lines := bufio.NewReader(&message.Newlines{Source: in})
	if err := skipMbox(lines); err != nil {
		return nil, nil, &inputError{err}
	}
	var source io.Reader = lines
	if atDot {
		source = &untilDot{lines: lines}
	}
	header, whole, err := message.ReadHeader(source)
	switch {
	case errors.Is(err, message.ErrHeaderTooLarge):
		return nil, nil, &exitError{exDataErr, fmt.Errorf("%w: at most %d KiB and %d fields", err, message.MaxHeader>>10, message.MaxHeaderFields)}
	case err != nil:
		return nil, nil, &inputError{err}
	}
	if _, err := io.CopyN(io.Discard, whole, int64(header.Len())); err != nil {
		return nil, nil, &inputError{err}
	}
	return header, whole, nil
}

// skipMbox reads over lines that begin with "From ", quoted ones too.
func skipMbox(lines *bufio.Reader) error {
	for {
		start, err := lines.Peek(len(">>>>From "))
		if err != nil && err != io.EOF {
			return err
		}
		if !bytes.HasPrefix(bytes.TrimLeft(start, ">"), []byte("From ")) {
			return nil
		}
		for {
			_, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if err != nil && err != io.EOF {
				return err
			}
			break
		}
	}
}

// untilDot reads up to a line of one dot.
type untilDot struct {
	lines  *bufio.Reader
	got    []byte // of lines' buffer
	within bool   // a line whose beginning was read before
	err    error
}

// Read implements io.Reader.
func (u *untilDot) Read(p []byte) (int, error) {
	for len(u.got) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		line, err := u.lines.ReadSlice('\n')
		switch {
		case !u.within && string(line) == ".\r\n":
			line, err = nil, io.EOF
		case errors.Is(err, bufio.ErrBufferFull):
			err = nil
		}
		u.within = len(line) > 0 && line[len(line)-1] != '\n'
		u.got, u.err = line, err
	}
	n := copy(p, u.got)
	u.got = u.got[n:]
	return n, nil
}

// rewrite gives the header section without Bcc and with a From.
func rewrite(header *message.Header, author string) []byte {
	var b bytes.Buffer
	for _, field := range header.Fields() {
		if !field.Is("Bcc") && !field.Is("Resent-Bcc") {
			b.Write(field.Raw())
		}
	}
	if header.Count("From") == 0 {
		fmt.Fprintf(&b, "From: %s\r\n", author)
	}
	return b.Bytes()
}

// fillSubmission reads ahead and says what the content needs.
func fillSubmission(m *submission, top []byte, text io.Reader, eightBit bool) error {
	var ahead bytes.Buffer
	_, err := io.CopyN(&ahead, text, sendmailReadAhead)
	whole := err == io.EOF
	if err != nil && !whole {
		return &inputError{err}
	}
	if whole && ahead.Len() == 0 {
		ahead.WriteString("\r\n") // no text: the section is closed all the same
	}
	m.utf8 = !isASCII(top) && utf8.Valid(top)
	m.eightBit = eightBit || !whole || !isASCII(top) || !isASCII(ahead.Bytes())
	m.content = io.MultiReader(bytes.NewReader(top), &ahead, text)
	if whole {
		m.size = int64(len(top) + ahead.Len())
	}
	return nil
}
