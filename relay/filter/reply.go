package filter

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	milter "github.com/d--j/go-milter"
)

// MaxText bounds the texts of filters that are told, in bytes.
const MaxText = 200

// Reply is how a filter refuses a message.
type Reply struct {
	Code     int    // 4xx or 5xx, never 421: the connection goes on
	Enhanced [3]int // of the class of Code (RFC 3463)
	Text     string // one line of printable ASCII, at most MaxText bytes
}

// What filters say that give no text of their own.
const (
	textRefused = "Refused by a content filter"
	textLater   = "Not accepted by a content filter now, try again later"
	textTrouble = "Content filter not available, try again later"
)

// replyTrouble is the reply where a filter is in trouble.
func replyTrouble() Reply { return Reply{451, [3]int{4, 7, 1}, textTrouble} }

// replyLine is a line of a reply: its code, an enhanced status code, its text.
var replyLine = regexp.MustCompile(`^([45][0-9]{2})(?:[ -]|$)(?:([45])\.([0-9]{1,3})\.([0-9]{1,3})(?:\s+|$))?(.*)$`)

// replyOf reads the answer that refuses a message.
func replyOf(a *milter.Action) Reply {
	switch a.Type {
	case milter.ActionReject:
		return Reply{550, [3]int{5, 7, 1}, textRefused}
	case milter.ActionTempFail:
		return Reply{451, [3]int{4, 7, 1}, textLater}
	}
	r := Reply{Code: int(a.SMTPCode)}
	class, text := r.Code/100, textRefused
	if class == 4 {
		text = textLater
	}
	r.Enhanced = [3]int{class, 7, 1}
	var texts []string
	for i, line := range strings.FieldsFunc(a.SMTPReply, func(c rune) bool { return c == '\r' || c == '\n' }) {
		m := replyLine.FindStringSubmatch(line)
		if m == nil {
			texts = append(texts, line)
			continue
		}
		if i == 0 && m[2] != "" && m[2] == m[1][:1] {
			r.Enhanced[1], r.Enhanced[2] = number(m[3]), number(m[4])
		}
		texts = append(texts, m[5])
	}
	said := strings.ReplaceAll(strings.Join(texts, " "), "%%", "%") // as libmilter has them
	r.Text = cmp.Or(printable(said, MaxText), text)
	if r.Code == 421 {
		r.Code = 451
	}
	return r
}

// number reads at most three digits.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// String is the reply as a server gives it.
func (r Reply) String() string {
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, r.Enhanced[0], r.Enhanced[1], r.Enhanced[2], r.Text)
}

// printable makes s one line of ASCII of at most n bytes.
func printable(s string, n int) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(s) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, c := range word {
			if c <= ' ' || c >= 0x7f {
				c = '?'
			}
			b.WriteRune(c)
		}
		if b.Len() > n {
			break
		}
	}
	return strings.TrimSpace(b.String()[:min(b.Len(), n)])
}
