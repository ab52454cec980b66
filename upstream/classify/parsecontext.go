package classify

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// inReplyTo is how Postfix says what a reply was the answer to.
var inReplyTo = regexp.MustCompile(`(?i)\s*\((?:in reply to|while) ([^()]{1,80}?)(?: command)?\)+\s*$`)

// cutContext finds what is said about the stage around a reply, and takes it
// off the reply.
func cutContext(before, reply string) (relay.Stage, string) {
	if strings.Contains(strings.ToLower(before), "refused to talk to me") {
		return relay.StageGreeting, reply
	}
	if m := inReplyTo.FindStringSubmatchIndex(reply); m != nil {
		return stageOf(reply[m[2]:m[3]]), reply[:m[0]]
	}
	// Exim puts it first: "SMTP error from remote mail server after RCPT TO:<…>: 550 …"
	if _, after, ok := strings.Cut(before, "remote mail server after "); ok {
		return stageOf(after), reply
	}
	return relay.StageNone, reply
}

// stageOf gives the stage of a command, as logs name it.
func stageOf(command string) relay.Stage {
	command = strings.ToLower(command)
	for _, known := range []struct {
		words string
		stage relay.Stage
	}{
		{"end of data", relay.StageBody},
		{"message body", relay.StageBody},
		{"initial", relay.StageGreeting},
		{"connection", relay.StageGreeting},
		{"ehlo", relay.StageHello},
		{"helo", relay.StageHello},
		{"starttls", relay.StageTLS},
		{"auth", relay.StageAuth},
		{"mail from", relay.StageMail},
		{"rcpt to", relay.StageRcpt},
		{"data", relay.StageData},
	} {
		if strings.Contains(command, known.words) {
			return known.stage
		}
	}
	return relay.StageNone
}

var (
	loggedCode     = regexp.MustCompile(`(?:^|\s)code=([2-5]\d\d)(?:\s|$)`)
	loggedEnhanced = regexp.MustCompile(`(?:^|\s)enhanced=([245](?:\.\d{1,3}){2})(?:\s|$)`)
	loggedReply    = regexp.MustCompile(`(?:^|\s)reply=("(?:[^"\\]|\\.)*"|\S+)`)
	loggedStage    = regexp.MustCompile(`(?:^|\s)stage=([a-z]+)(?:\s|$)`)
)

// record is what our own output says of a reply: lines of the log, and what the
// commands print as JSON.
type record struct {
	Stage    string `json:"stage"`
	Code     int    `json:"code"`
	Enhanced string `json:"enhanced"`
	Reply    string `json:"reply"` // in the log
	Text     string `json:"text"`  // elsewhere
}

// parseRecord reads a line of our own log, or a JSON object of a command's.
func parseRecord(text string) (upstream.Answer, bool) {
	var r record
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") {
		if json.Unmarshal([]byte(text), &r) != nil {
			return upstream.Answer{}, false
		}
	} else {
		r = logged(text)
	}
	if r.Code < 200 || r.Code > 599 {
		return upstream.Answer{}, false
	}
	if r.Text == "" {
		r.Text = r.Reply
	}
	a := upstream.Answer{Code: r.Code, Text: strings.ReplaceAll(r.Text, " / ", "\n")} // as printable joins lines
	if _, ok := parseEnhanced(r.Enhanced); ok {
		a.Enhanced = r.Enhanced
	}
	if a.Stage.UnmarshalText([]byte(r.Stage)) != nil {
		a.Stage = relay.StageNone
	}
	return a, true
}

// logged reads a line of keys and values.
func logged(line string) record {
	field := func(re *regexp.Regexp) string {
		if m := re.FindStringSubmatch(line); m != nil {
			return m[1]
		}
		return ""
	}
	r := record{Stage: field(loggedStage), Enhanced: field(loggedEnhanced), Reply: field(loggedReply)}
	r.Code, _ = strconv.Atoi(field(loggedCode))
	if s, err := strconv.Unquote(r.Reply); err == nil {
		r.Reply = s
	}
	return r
}
