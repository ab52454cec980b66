package classify

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// maxPasted bounds what ParseReply reads, in bytes.
const maxPasted = 64 << 10

// ParseReply reads a reply as people have it at hand: as the server sent it, in
// one line or several ("550-5.7.1 first\n550 5.7.1 second"), or no further than
// its codes ("452-4.2.2"); in quotes; behind what other programs put before it
// ("smtp; 550 …", "host mx.example.com[192.0.2.1] said: 550 …"); or a line of
// our own log. The provider is the caller's to set.
//
// With StageNone the stage is what the text says of it ("in reply to RCPT TO
// command"), or else what such a reply mostly belongs to: see guessStage. At
// StageBody the reply counts as the one to the final dot.
//
// The error tells people what is missing.
func ParseReply(stage relay.Stage, text string) (upstream.Answer, error) {
	if len(text) > maxPasted {
		return upstream.Answer{}, fmt.Errorf("the reply is longer than %d bytes", maxPasted)
	}
	a, ok := parseRecord(text)
	if !ok {
		var err error
		if a, err = parsePasted(text); err != nil {
			return upstream.Answer{}, err
		}
	}
	if stage != relay.StageNone {
		a.Stage = stage
	}
	if a.Stage == relay.StageNone {
		a.Stage = guessStage(a.Code, a.Enhanced, withoutAddresses(folded(a.Text)))
	}
	a.DotSent = a.Stage == relay.StageBody
	return a, nil
}

// parsePasted reads a reply that is somewhere in a text.
func parsePasted(text string) (upstream.Answer, error) {
	text = strings.TrimSpace(escapedLineEnd.ReplaceAllString(text, "\n"))
	if text == "" {
		return upstream.Answer{}, errors.New("there is no reply to read")
	}
	start := replyStart(text)
	if start < 0 {
		return upstream.Answer{}, fmt.Errorf("there is no reply code in %s: write the reply as the server sent it, like \"550 5.1.1 User unknown\"", quoted(text))
	}
	stage, rest := cutContext(text[:start], text[start:])
	if start > 0 {
		rest = trimOpened(rest, text[start-1])
	}
	a, err := parseLines(unfold(rest))
	a.Stage = stage
	return a, err
}

// escapedLineEnd is a line end that a shell or a log has left escaped.
var escapedLineEnd = regexp.MustCompile(`(?:\\r)?\\n`)

var (
	codeAtStart = regexp.MustCompile(`^[2-5]\d\d(?:[ \r\n-]|$)`)
	codeInside  = regexp.MustCompile(`[\s:;('"<>=\[]([2-5]\d\d)(?:[ \r\n-]|, b?['"]|$)`)
	codeMarker  = regexp.MustCompile(`(?i)\b(?:said|smtp|to me|returned|response|replied|error|got|answered)\b[:;]? *['"]?$`)
)

// replyStart gives the index of the reply code in a text, -1 where there is
// none: that at the start, or the first behind a word that announces one, or
// else the first.
func replyStart(text string) int {
	if codeAtStart.MatchString(text) {
		return 0
	}
	first := -1
	for _, m := range codeInside.FindAllStringSubmatchIndex(text, -1) {
		before := text[:m[2]]
		if codeMarker.MatchString(before[max(0, len(before)-40):]) {
			return m[2]
		}
		if first < 0 {
			first = m[2]
		}
	}
	return first
}

// trimOpened takes off the end what closes a quote that was opened before the
// reply.
func trimOpened(reply string, opened byte) string {
	switch opened {
	case '\'', '"':
		return strings.TrimRight(reply, string(opened)+") ")
	case '(':
		return strings.TrimSuffix(reply, ")")
	case '[':
		return strings.TrimSuffix(reply, "]")
	}
	return reply
}

// unfold puts the lines of a reply that was joined with spaces on lines of
// their own: "550-first 550 second".
func unfold(reply string) string {
	if len(reply) < 4 || reply[3] != '-' || strings.Contains(reply, "\n") {
		return reply
	}
	code := reply[:3]
	reply = strings.ReplaceAll(reply, " "+code+"-", "\n"+code+"-")
	return strings.ReplaceAll(reply, " "+code+" ", "\n"+code+" ")
}

// parseLines reads a reply that starts with its code. A line without a code
// goes on where the one before it was wrapped.
func parseLines(reply string) (upstream.Answer, error) {
	var a upstream.Answer
	var text strings.Builder
	for line := range strings.Lines(reply) {
		line = strings.TrimSpace(line)
		code, rest, ok := cutCode(line)
		switch {
		case !ok && line != "":
			text.WriteString(" " + line)
			continue
		case !ok:
			continue
		case a.Code == 0:
			a.Code = code
			a.Enhanced, rest = cutEnhanced(rest, code)
		case code != a.Code:
			return upstream.Answer{}, fmt.Errorf("there are two replies, %d and %d: give one of them", a.Code, code)
		default:
			if enhanced, after := cutEnhanced(rest, code); enhanced == a.Enhanced {
				rest = after
			}
			text.WriteByte('\n')
		}
		text.WriteString(rest)
	}
	a.Text = strings.TrimSpace(text.String())
	return a, nil
}

// cutCode takes the code off a line. Python's way to show a reply, "550, b'No'",
// is understood.
func cutCode(line string) (code int, rest string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
		return 0, "", false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	rest = line[3:]
	if python, found := strings.CutPrefix(rest, ", "); found {
		python = strings.TrimPrefix(python, "b")
		if python != "" && (python[0] == '\'' || python[0] == '"') {
			return code, strings.TrimRight(python[1:], python[:1]+")"), true
		}
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '-' {
		return 0, "", false
	}
	return code, strings.TrimLeft(rest, " -"), true
}

// cutEnhanced takes the enhanced code off the text of a line, where there is
// one and its class is that of the code.
func cutEnhanced(text string, code int) (enhanced, rest string) {
	word, after, _ := strings.Cut(text, " ")
	if e, ok := parseEnhanced(word); ok && e[0] == code/100 {
		return word, strings.TrimLeft(after, " ")
	}
	return "", text
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// quoted shows the beginning of what was pasted.
func quoted(text string) string {
	const most = 60
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}
