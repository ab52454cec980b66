package classify

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

func TestParseReply(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stage relay.Stage
		text  string
		want  upstream.Answer
	}{
		{"one line", relay.StageRcpt, "550 5.1.1 User unknown", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "User unknown"}},
		{"several lines", relay.StageRcpt, "550-5.7.1 first\r\n550 5.7.1 second\r\n", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.7.1", Text: "first\nsecond"}},
		{"codes only", relay.StageRcpt, "452-4.2.2", upstream.Answer{Stage: relay.StageRcpt, Code: 452, Enhanced: "4.2.2"}},
		{"code only", relay.StageMail, "421", upstream.Answer{Stage: relay.StageMail, Code: 421}},
		{"escaped line ends", relay.StageRcpt, `550-5.7.1 first\n550 5.7.1 second`, upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.7.1", Text: "first\nsecond"}},
		{"joined lines", relay.StageRcpt, "550-5.1.1 The email account 550-5.1.1 that you 550 5.1.1 tried", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "The email account\nthat you\ntried"}},
		{"wrapped line", relay.StageRcpt, "550 5.1.1 No such\n   user here", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "No such user here"}},
		{"codes that disagree", relay.StageRcpt, "450 5.1.1 Odd", upstream.Answer{Stage: relay.StageRcpt, Code: 450, Text: "5.1.1 Odd"}},
		{"body", relay.StageBody, "554 Transaction failed", upstream.Answer{Stage: relay.StageBody, Code: 554, Text: "Transaction failed", DotSent: true}},
		{"quotes", relay.StageRcpt, `"550 No such user"`, upstream.Answer{Stage: relay.StageRcpt, Code: 550, Text: "No such user"}},
		{"diagnostic code", relay.StageRcpt, "Diagnostic-Code: SMTP; 550 5.1.1 Gone", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "Gone"}},
		{"no space", relay.StageRcpt, "smtp;550 5.1.1 Gone", upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "Gone"}},
		{"transcript", relay.StageMail, "<<< 530 Authentication required", upstream.Answer{Stage: relay.StageMail, Code: 530, Text: "Authentication required"}},
		{"Exchange", relay.StageBody, "Remote Server returned '550 5.1.8 Access denied, bad outbound sender'", upstream.Answer{Stage: relay.StageBody, Code: 550, Enhanced: "5.1.8", Text: "Access denied, bad outbound sender", DotSent: true}},
		{"Python", relay.StageBody, "smtplib.SMTPDataError: (554, b'5.2.252 SendAsDenied; a@example.com not allowed')", upstream.Answer{Stage: relay.StageBody, Code: 554, Enhanced: "5.2.252", Text: "SendAsDenied; a@example.com not allowed", DotSent: true}},
		{"nodemailer", relay.StageNone, "Error: Invalid login: 535 Error: authentication failed", upstream.Answer{Stage: relay.StageAuth, Code: 535, Text: "Error: authentication failed"}},
		{"Postfix", relay.StageNone, "Nov 24 10:00:05 mx postfix/smtp[250]: 4ZxY: to=<b@example.com>, relay=mx.example.com[192.0.2.250]:25, delay=1.2, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.250] said: 550 5.1.1 <b@example.com>: User unknown (in reply to RCPT TO command))",
			upstream.Answer{Stage: relay.StageRcpt, Code: 550, Enhanced: "5.1.1", Text: "<b@example.com>: User unknown"}},
		{"Postfix, end of DATA", relay.StageNone, "host mx.example.com[192.0.2.1] said: 554 5.7.1 Spam (in reply to end of DATA command)", upstream.Answer{Stage: relay.StageBody, Code: 554, Enhanced: "5.7.1", Text: "Spam", DotSent: true}},
		{"Postfix, greeting", relay.StageNone, "host mx.example.com[192.0.2.1] refused to talk to me: 554 No SMTP service here", upstream.Answer{Stage: relay.StageGreeting, Code: 554, Text: "No SMTP service here"}},
		{"Exim", relay.StageNone, "SMTP error from remote mail server after MAIL FROM:<a@example.com> SIZE=2022: 553 5.7.1 [BL21] Connections will not be accepted", upstream.Answer{Stage: relay.StageMail, Code: 553, Enhanced: "5.7.1", Text: "[BL21] Connections will not be accepted"}},
		{"the stage that is given outranks", relay.StageBody, "554 No (in reply to RCPT TO command)", upstream.Answer{Stage: relay.StageBody, Code: 554, Text: "No", DotSent: true}},
		{"our log", relay.StageNone, `2026-11-24T10:00:00.000Z [WARN]  delivery: deferred (ses): message=01J upstream=ses code=451 enhanced=4.7.1 reply="slow down / \"please\"" stage=rcpt class=deferred`,
			upstream.Answer{Stage: relay.StageRcpt, Code: 451, Enhanced: "4.7.1", Text: "slow down\n\"please\""}},
		{"our log in JSON", relay.StageNone, `{"@message":"deferred","code":550,"enhanced":"5.4.5","reply":"Daily limit","stage":"body"}`, upstream.Answer{Stage: relay.StageBody, Code: 550, Enhanced: "5.4.5", Text: "Daily limit", DotSent: true}},
		{"an attempt in JSON", relay.StageNone, `{"stage":"rcpt","code":450,"enhanced":"","text":"Later"}`, upstream.Answer{Stage: relay.StageRcpt, Code: 450, Text: "Later"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseReply(tt.stage, tt.text)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseReplyFaults(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "there is no reply"},
		{" \n\t", "there is no reply"},
		{"User unknown", `no reply code in "User unknown"`},
		{"5.1.1 User unknown", "no reply code"},
		{"150 What", "no reply code"},
		{"650 What", "no reply code"},
		{"55 What", "no reply code"},
		{`{"code":0,"text":"connection lost"}`, "no reply code"},
		{"250 Ok\n550 No", "two replies, 250 and 550"},
		{strings.Repeat("a", 1000), "…"},
		{strings.Repeat("a", maxPasted+1), "longer than"},
	} {
		if a, err := ParseReply(relay.StageNone, tt.text); err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 300 {
			t.Errorf("%.40q: got %+v, %v, want %q", tt.text, a, err, tt.want)
		}
	}
}

func TestGuessStage(t *testing.T) {
	for _, tt := range []struct {
		reply string
		want  relay.Stage
	}{
		{"220 mx.example.com ESMTP", relay.StageGreeting},
		{"421 4.3.2 Service not available", relay.StageGreeting},
		{"504 5.5.2 <relay>: Helo command rejected: need fully-qualified hostname", relay.StageMail},
		{"501 Syntactically invalid HELO argument(s)", relay.StageHello},
		{"454 TLS not available due to temporary reason", relay.StageTLS},
		{"454 4.7.0 Temporary authentication failure", relay.StageAuth},
		{"454 Throttling failure: Maximum sending rate exceeded", relay.StageBody},
		{"451 Authentication failed: Maximum credits exceeded", relay.StageAuth},
		{"535 5.7.8 No", relay.StageAuth},
		{"530 Must issue a STARTTLS command first", relay.StageMail},
		{"501 Invalid MAIL FROM address provided", relay.StageMail},
		{"550 5.1.8 Access denied", relay.StageMail},
		{"550 5.1.1 No", relay.StageRcpt},
		{"550 No", relay.StageRcpt},
		{"452 4.5.3 Too many recipients", relay.StageRcpt},
		{"452-4.2.2", relay.StageRcpt},
		{"450 Later", relay.StageRcpt},
		{"354 Go ahead", relay.StageData},
		{"250 Ok", relay.StageBody},
		{"451 Later", relay.StageBody},
		{"554 5.7.1 Spam", relay.StageBody},
		{"550 5.7.1 Spam", relay.StageBody},
		{"552 Message is too long", relay.StageBody},
	} {
		a, err := ParseReply(relay.StageNone, tt.reply)
		if err != nil || a.Stage != tt.want || a.DotSent != (tt.want == relay.StageBody) {
			t.Errorf("%s: got stage %v, dot sent %v, %v; want %v", tt.reply, a.Stage, a.DotSent, err, tt.want)
		}
	}
}

// FuzzParseReply: whatever is pasted gives an answer with a code and a stage,
// or an error that can be shown.
func FuzzParseReply(f *testing.F) {
	for _, text := range []string{
		"550 5.1.1 User unknown", "550-5.7.1 a\n550 5.7.1 b", "452-4.2.2", `"smtp; 550 x"`,
		"host a[192.0.2.1] said: 550-5.1.1 x 550 5.1.1 y (in reply to end of DATA command)",
		`{"code":550,"text":"x"}`, `code=550 enhanced=5.1.1 reply="x" stage=rcpt`, "(535, b'5.7.8 x')", "\xff550 \x00",
	} {
		f.Add(uint8(0), text)
	}
	c := newClassifier(f)
	f.Fuzz(func(t *testing.T, stage uint8, text string) {
		given := relay.Stage(stage % uint8(stages))
		a, err := ParseReply(given, text)
		if err != nil {
			if a != (upstream.Answer{}) || len(err.Error()) > 500 {
				t.Errorf("got %+v with %v", a, err)
			}
			return
		}
		if a.Code < 200 || a.Code > 599 || a.Stage == relay.StageNone || given != relay.StageNone && a.Stage != given {
			t.Errorf("got %+v", a)
		}
		if len(a.Text) > 3*len(text) { // JSON replaces broken UTF-8 by three bytes
			t.Errorf("%d bytes became %d", len(text), len(a.Text))
		}
		checkComplete(t, c.Explain(a).Verdict)
	})
}
