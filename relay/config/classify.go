package config

import (
	"errors"
	"regexp"
)

// readClassify reads a block classify: rules of the user's own.
func readClassify(s *section) {
	readList(s, "providers", nil, oneOf(providers...))
	rules := s.unnamed("rule")
	if len(rules) == 0 {
		s.errorAt(s.header, "%s: there is no rule in it; write rule { … }", s.title)
	}
	for _, r := range rules {
		readRule(r)
	}
	s.end()
}

// readRule reads one rule. It must match on something.
func readRule(s *section) {
	matches := []string{"code", "enhanced", "text", "text_regex", "stage"}
	read(s, "code", "", optional(replyCode))
	read(s, "enhanced", "", optional(enhancedCode))
	s.text("text", "")
	read(s, "text_regex", "", optional(expression))
	s.choice("stage", "", "", "dial", "tls", "greeting", "hello", "auth", "mail", "rcpt", "data", "body")
	needed(s, "action", `"retry"`, oneOf("done", "retry", "slow", "failover", "park", "hold", "disable", "bounce"))
	s.choice("scope", "", "", "recipient", "message", "sender", "upstream")
	read(s, "delay", 0, optional(positiveDuration))
	some := false
	for _, key := range matches {
		some = some || s.filled(key)
	}
	if !some && !s.faulty {
		s.errorAt(s.header, "rule: it matches every reply; give it a code, enhanced, text, text_regex or stage")
	}
	s.end()
}

var codeForm = regexp.MustCompile(`^[2-5]([0-9][0-9]|xx)$`)

// replyCode takes a reply code, or a class of them: "550", "4xx".
func replyCode(v string) (string, error) {
	if !codeForm.MatchString(v) {
		return "", errors.New(`is not a reply code; write one like "550" or "4xx"`)
	}
	return v, nil
}

var enhancedForm = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)

// enhancedCode takes an enhanced status code (RFC 3463).
func enhancedCode(v string) (string, error) {
	if !enhancedForm.MatchString(v) {
		return "", errors.New(`is not an enhanced status code; write one like "5.4.5"`)
	}
	return v, nil
}

// expression takes a regular expression of RE2.
func expression(v string) (string, error) {
	if _, err := regexp.Compile(v); err != nil {
		return "", errors.New("is not a valid regular expression (RE2); mind that HCL wants backslashes doubled")
	}
	return v, nil
}
