package upstreamtest

import (
	"encoding/base64"
	"strings"
)

// auth runs a login of RFC 4954.
func (s *session) auth(args, line string) error {
	mechanism, initial, _ := strings.Cut(args, " ")
	act, release := s.act(Step{Stage: Auth, Line: line})
	if !act.usual() || act.stall {
		said, err := s.perform(act, release, "334 ")
		if err != nil || said != 334 {
			return err
		}
		if !act.usual() {
			if _, err := s.readLine(); err != nil {
				return err
			}
			return s.say("535 5.7.8 Authentication failed")
		}
		return s.exchange(mechanism, initial, true)
	}
	if !s.mayLogIn() {
		return s.say("538 5.7.11 Encryption required")
	}
	return s.exchange(mechanism, initial, false)
}

// exchange reads what the mechanism wants; asked means that a challenge has
// been sent already.
func (s *session) exchange(mechanism, initial string, asked bool) error {
	ask := func(challenge string) (string, error) {
		if initial != "" {
			answer := initial
			initial = ""
			return decode(answer), nil
		}
		if !asked {
			if err := s.say("334 " + base64.StdEncoding.EncodeToString([]byte(challenge))); err != nil {
				return "", err
			}
		}
		asked = false
		answer, err := s.readLine()
		return decode(answer), err
	}
	var user string
	var ok bool
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, ok, err = s.plain(ask)
	case "LOGIN":
		user, ok, err = s.login(ask)
	case "XOAUTH2":
		user, ok, err = s.xoauth2(ask)
	default:
		return s.say("504 5.5.4 Mechanism not supported")
	}
	if err != nil {
		return err
	}
	if !ok {
		return s.say("535 5.7.8 Authentication credentials invalid")
	}
	s.user = user
	return s.say("235 2.7.0 Authentication successful")
}

type asker func(challenge string) (string, error)

func (s *session) plain(ask asker) (string, bool, error) {
	answer, err := ask("")
	part := strings.Split(answer, "\x00")
	if err != nil || len(part) != 3 {
		return "", false, err
	}
	return part[1], s.knows(part[1], part[2]), nil
}

func (s *session) login(ask asker) (string, bool, error) {
	user, err := ask("Username:")
	if err != nil {
		return "", false, err
	}
	password, err := ask("Password:")
	return user, s.knows(user, password), err
}

// xoauth2 is Google's and Microsoft's mechanism: a refusal is first told as a
// challenge with JSON, which the client answers with an empty line.
func (s *session) xoauth2(ask asker) (string, bool, error) {
	answer, err := ask("")
	if err != nil {
		return "", false, err
	}
	var user, token string
	for field := range strings.SplitSeq(answer, "\x01") {
		if v, ok := strings.CutPrefix(field, "user="); ok {
			user = v
		}
		if v, ok := strings.CutPrefix(field, "auth=Bearer "); ok {
			token = v
		}
	}
	if s.srv.o.Token != nil && s.srv.o.Token(user, token) {
		return user, true, nil
	}
	_, err = ask(`{"status":"400","schemes":"Bearer","scope":"https://mail.test/"}`)
	return "", false, err
}

func (s *session) knows(user, password string) bool {
	want, ok := s.srv.o.Users[user]
	return ok && want == password
}

// decode gives "" for what is not base64, which then matches nobody.
func decode(b64 string) string {
	b, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return ""
	}
	return string(b)
}
