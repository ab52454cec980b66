package upstreamtest

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

var (
	crlf     = []byte("\r\n")
	finalDot = []byte(".\r\n")
)

func (s *session) mailFrom(args, line string) error {
	address, params, ok := path(args, "FROM:")
	switch {
	case s.hello == "" || s.mail != nil:
		return s.say("503 5.5.1 Bad sequence of commands")
	case !ok:
		return s.say("501 5.5.4 Syntax: MAIL FROM:<address>")
	case s.srv.o.wantsLogin() && s.user == "":
		return s.say("530 5.7.0 Authentication required")
	}
	code, err := s.answer(Step{Stage: Mail, Line: line, Address: address}, "250 2.1.0 Ok")
	if code/100 == 2 {
		s.mail = &Message{
			Session: s.n, Hello: s.hello, User: s.user, TLS: s.tls,
			From: address, Params: params,
		}
	}
	return err
}

func (s *session) rcptTo(args, line string) error {
	address, params, ok := path(args, "TO:")
	switch {
	case s.mail == nil:
		return s.say("503 5.5.1 Bad sequence of commands")
	case !ok:
		return s.say("501 5.5.4 Syntax: RCPT TO:<address>")
	}
	code, err := s.answer(Step{Stage: Rcpt, Line: line, Address: address}, "250 2.1.5 Ok")
	if code/100 == 2 {
		s.mail.To = append(s.mail.To, Recipient{Address: address, Params: params})
	}
	return err
}

// data runs DATA up to the answer to the final dot. Without recipients it is
// refused, unless the script says 354 all the same; then nothing is recorded.
func (s *session) data(line string) error {
	usual := "354 End data with <CR><LF>.<CR><LF>"
	if s.mail == nil {
		usual = "503 5.5.1 Bad sequence of commands"
	} else if len(s.mail.To) == 0 {
		usual = "554 5.5.1 No valid recipients"
	}
	said, err := s.answer(Step{Stage: Data, Line: line}, usual)
	if err != nil || said != 354 {
		return err
	}
	if err := s.bw.Flush(); err != nil {
		return err
	}
	m := s.mail
	s.mail = nil
	answered, body, err := s.content()
	if err != nil || answered {
		return err
	}
	return s.dot(m, body)
}

// dot answers the final dot, and records m where that accepts it.
func (s *session) dot(m *Message, body []byte) error {
	usual := "250 2.0.0 Ok: queued as " + s.srv.queueID()
	if int64(len(body)) > s.srv.o.maxSize() {
		usual = "552 5.3.4 Message too big"
	}
	act, release := s.act(Step{Stage: Dot})
	said := code(act.send)
	if act.usual() {
		said = code([]byte(usual))
	}
	if m != nil && len(m.To) > 0 && (act.record || said/100 == 2) {
		s.srv.keep(m, body)
	}
	_, err := s.perform(act, release, usual)
	return err
}

// content reads up to the final dot, acting on the script of Body on the way.
// The result grows past the size limit by one line at most, and is good until
// the next call. answered means that the script has answered the message before
// its end.
func (s *session) content() (answered bool, body []byte, err error) {
	act, release := s.act(Step{Stage: Body})
	pending := !act.usual() || act.stall
	limit := s.srv.o.maxSize()
	var wire int64
	body = s.buf[:0]
	defer func() { s.buf = body[:0] }()
	for start := true; ; {
		if pending && wire >= act.after {
			pending = false
			if answered, err = s.early(act, release); err != nil {
				return answered, body, err
			}
		}
		b, err := s.br.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return answered, body, err
		}
		wire += int64(len(b))
		if start && bytes.Equal(b, finalDot) {
			break
		}
		if start && b[0] == '.' {
			b = b[1:]
		}
		start = err == nil && bytes.HasSuffix(b, crlf)
		if int64(len(body)) <= limit {
			body = append(body, b...)
		}
	}
	if pending {
		answered, err = s.early(act, release)
	}
	return answered, body, err
}

// early does what the script of Body wants while the content is read.
func (s *session) early(act Act, release <-chan struct{}) (answered bool, err error) {
	if act.usual() { // a stall only
		select {
		case <-release:
			return false, nil
		case <-s.srv.done:
			return false, errEnd
		}
	}
	if _, err := s.perform(act, release, ""); err != nil {
		return true, err
	}
	return true, s.bw.Flush()
}

// queueID makes the name that a 250 gives to a message.
func (s *Server) queueID() string {
	return "F" + strconv.FormatInt(s.queued.Add(1), 10)
}

func (s *Server) keep(m *Message, body []byte) {
	m.At = time.Now()
	m.Size = int64(len(body))
	if !s.o.Light {
		m.Body = bytes.Clone(body)
	}
	s.rec.change(func() { s.rec.messages = append(s.rec.messages, *m) })
}

// path splits "FROM:<address> PARAM PARAM", minding quoted local parts.
func path(args, keyword string) (address string, params []string, ok bool) {
	if len(args) < len(keyword) || !strings.EqualFold(args[:len(keyword)], keyword) {
		return "", nil, false
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(args[len(keyword):], " "), "<")
	if !ok {
		return "", nil, false
	}
	quoted := false
	for i := 0; i < len(rest); i++ {
		switch {
		case quoted && rest[i] == '\\':
			i++
		case rest[i] == '"':
			quoted = !quoted
		case rest[i] == '>' && !quoted:
			return rest[:i], strings.Fields(rest[i+1:]), true
		}
	}
	return "", nil, false
}
