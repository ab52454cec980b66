package classify

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// TestDecided holds the packs to what was decided for the replies that the
// providers are best known for, as they are pasted: mostly without a stage. The
// decisions are numbered from 1 to 56, and none of them may be missing.
func TestDecided(t *testing.T) {
	c := newClassifier(t)
	left := []string{"54a", "54b", "54c"}
	for n := range 56 {
		left = append(left, strconv.Itoa(n+1))
	}
	// What somebody should know of though nothing is disabled or held.
	warned := []string{"11", "26", "37", "54b"}
	for _, tt := range []struct{ number, provider, stage, reply, want string }{
		{"1", "ses", "", "454 Throttling failure: Maximum sending rate exceeded", "deferred upstream slow+free"},
		{"2", "ses", "", "454 Throttling failure: Daily message quota exceeded", "deferred upstream failover>park+free"},
		{"3", "ses", "", "421 Too many concurrent SMTP connections", "deferred upstream slow+free"},
		{"4", "ses", "", "454 Temporary authentication failure", "deferred upstream failover+free"},
		{"5", "ses", "", "535 Authentication Credentials Invalid", "deferred upstream disable+free"},
		{"5", "ses", "", "535 Account not subscribed to SES", "deferred upstream disable+free"},
		{"6", "ses", "", "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail' on resource `y'", "deferred sender hold+free"},
		{"7", "ses", "", "554 Message rejected: Email address is not verified", "deferred sender hold+free"},
		{"8", "ses", "", "554 Sending paused for this account", "deferred upstream disable+free"},
		{"9", "ses", "", "501 Invalid MAIL FROM address provided", "rejected message failover>bounce"},
		{"10", "ses", "", "552 Message is too long", "rejected message failover>bounce"},

		{"11", "sendgrid", "", "451 Authentication failed: Maximum credits exceeded", "deferred upstream failover>park+free"},
		{"12", "sendgrid", "", "550 The from address does not match a verified Sender Identity", "deferred sender hold+free"},
		{"13", "sendgrid", "", "550 Unauthenticated senders not allowed", "deferred upstream disable+free"},
		{"14", "sendgrid", "", "452 Too many recipients received this hour", "deferred upstream slow+free"},

		{"15", "mailgun", "", "554 Free accounts are for test purposes only", "deferred upstream disable+free"},
		{"15", "mailgun", "", "421 Please activate your Mailgun account", "deferred upstream disable+free"},
		{"16", "mailgun", "", "554 Recipients' domain disabled", "deferred upstream failover>park+free"},

		{"17", "postmark", "", "550 SMTP API error", "rejected recipient bounce"},
		{"17", "postmark", "", "550 5.1.1 inactive recipient", "rejected recipient bounce"},

		{"18", "microsoft365", "", "432 4.3.2 Concurrent connections limit exceeded", "deferred upstream slow+free"},
		{"18", "microsoft365", "", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "deferred upstream slow+free"},
		{"19", "microsoft365", "", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "deferred upstream failover>park+free"},
		{"20", "microsoft365", "", "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", "deferred upstream failover>park+free"},
		{"20", "microsoft365", "", "550 5.2.2 Submission quota exceeded", "deferred upstream failover>park+free"},
		{"21", "microsoft365", "", "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded", "deferred recipient retry"},
		{"21", "microsoft365", "", "550 5.2.122 Recipient's per hour message receive limit exceeded", "deferred recipient retry"},
		{"22", "microsoft365", "", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "deferred sender hold+free"},
		{"22", "microsoft365", "", "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com", "deferred sender hold+free"},
		{"23", "microsoft365", "", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", "deferred upstream disable+free"},
		{"23", "microsoft365", "", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled", "deferred upstream disable+free"},
		{"24", "microsoft365", "", "530 5.7.57 Client not authenticated to send mail", "deferred upstream disable+free"},
		{"25", "microsoft365", "", "550 5.1.8 Access denied, bad outbound sender", "deferred upstream disable+free"},
		{"25", "microsoft365", "", "550 5.7.705 Access denied, tenant has exceeded threshold", "deferred upstream disable+free"},
		{"26", "microsoft365", "", "550 5.7.708 Access denied, traffic not accepted from this IP", "deferred upstream failover"},
		{"27", "microsoft365", "", "451 4.7.500 Server busy. Please try again later", "deferred upstream slow+free"},
		{"27", "microsoft365", "", "451 4.7.699 Access denied, please try again later", "deferred upstream slow+free"},
		{"28", "microsoft365", "", "452 4.5.3 Too many recipients", "deferred recipient retry+free"},
		{"28", "microsoft365", "body", "550 5.5.3 Too many recipients", "deferred message retry"},
		{"29", "microsoft365", "", "550 5.6.11 Invalid characters", "rejected message bounce"},

		{"30", "gmail", "", "550 5.4.5 Daily user sending limit exceeded", "deferred upstream failover>park+free"},
		{"31", "gmail", "", "450 4.2.1 Peak SMTP relay limit exceeded for customer", "deferred upstream slow+free"},
		{"32", "gmail", "", "421 4.7.0 Try again later, closing connection. (EHLO)", "deferred upstream disable+free"},
		{"32", "gmail", "hello", "421 4.7.0 Try again later, closing connection.", "deferred upstream disable+free"},
		{"33", "gmail", "", "454 4.7.0 Too many login attempts, please try again later", "deferred upstream slow>failover+free"},
		{"34", "gmail", "", "535 5.7.8 Username and Password not accepted", "deferred upstream disable+free"},
		{"34", "gmail", "", "534 5.7.9 Application-specific password required", "deferred upstream disable+free"},
		{"34", "gmail", "", "534 5.7.14 Please log in through your web browser", "deferred upstream disable+free"},
		{"35", "gmail", "", "550 5.7.0 Mail relay denied", "deferred upstream disable+free"},
		{"36", "gmail", "rcpt", "451 4.3.0 Multiple destination domains per transaction is unsupported", "deferred recipient retry+free"},
		{"36", "gmail", "", "451 4.3.0 Multiple destination domains per transaction is unsupported", "deferred message retry"},
		{"36", "gmail", "", "452 4.5.3 Your message has too many recipients", "deferred recipient retry+free"},
		{"37", "gmail", "", "421 4.7.28 Gmail has detected an unusual rate of mail with the same Message-ID", "deferred upstream slow+free"},
		{"38", "gmail", "", "550 5.7.1 Messages missing a valid messageId header are not accepted", "rejected message bounce"},
		{"38", "gmail", "", "550 5.7.1 Messages missing a valid address in From: header, or having no From: header, are not accepted", "rejected message bounce"},

		{"39", "tencent", "", "550 Ip frequency limited", "deferred message retry"},
		{"39", "tencent", "", "550 Domain frequency limited", "deferred message retry"},
		{"39", "tencent", "", "550 Sender frequency limited", "deferred message retry"},
		{"39", "tencent", "", "550 Connection frequency limited", "deferred message retry"},
		{"40", "tencent", "", "501 mail from address must be same as authorization user", "deferred sender hold+free"},

		{"40", "netease", "", "553 Mail from must equal authorized user", "deferred sender hold+free"},
		{"41", "netease", "", "421 HL:ICC", "deferred upstream slow+free"},
		{"41", "netease", "", "421 HL:IFC", "deferred upstream slow+free"},
		{"41", "netease", "", "451 MI:SFQ", "deferred upstream slow+free"},
		{"42", "netease", "", "451 DT:SPM ,please try again", "deferred message retry>failover"},
		{"43", "netease", "", "451 too many failed authentications", "deferred upstream disable+free"},
		{"43", "netease", "", "451 Requested mail action not taken: too much fail authentication", "deferred upstream disable+free"},

		{"44", "aliyun", "", "552 Daily quota exceeded", "deferred upstream failover>park+free"},
		{"44", "aliyun", "", "552 Monthly sending quota exceeded", "deferred upstream failover>park+free"},
		{"45", "aliyun", "", "551 Main account unavailable", "deferred upstream disable+free"},
		{"46", "aliyun", "", "436 MAIL FROM does not conform", "deferred sender hold+free"},
		{"47", "aliyun", "", "535 Authentication failure", "deferred upstream disable+free"},
		{"48", "aliyun", "", "559 Invalid rcptto", "rejected recipient bounce"},

		{"49", "generic", "greeting", "421 4.3.2 Service not available", "deferred upstream slow>failover+free"},
		{"49", "generic", "data", "421 4.3.2 Service not available", "deferred upstream slow>failover"},
		{"50", "generic", "greeting", "554 No SMTP service here", "deferred upstream disable+free"},
		{"51", "generic", "", "450 Later", "deferred recipient retry"},
		{"51", "generic", "", "451 Later", "deferred message retry"},
		{"51", "generic", "rcpt", "452 Later", "deferred recipient retry"},
		{"52", "generic", "", "550 5.1.1 User unknown", "rejected recipient bounce"},
		{"52", "generic", "", "551 5.1.6 Moved", "rejected recipient bounce"},
		{"52", "generic", "rcpt", "553 5.1.3 Bad address", "rejected recipient bounce"},
		{"53", "generic", "auth", "535 5.7.8 No", "deferred upstream disable+free"},
		{"53", "generic", "auth", "500 No", "deferred upstream disable+free"},
		{"54", "generic", "", "530 Must issue a STARTTLS command first", "deferred upstream disable+free"},
		{"54", "generic", "", "530 5.7.0 Authentication required", "deferred upstream disable+free"},
		{"54a", "generic", "", "554 5.7.1 <b@example.com>: Relay access denied", "deferred upstream disable+free"},
		{"54a", "generic", "", "550 relaying denied", "deferred upstream disable+free"},
		{"54a", "generic", "", "550 relay not permitted", "deferred upstream disable+free"},
		{"54a", "generic", "", "550 x is not permitted to relay through this server", "deferred upstream disable+free"},
		{"54b", "generic", "", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", "deferred upstream failover"},
		{"54b", "generic", "", "550 blacklisted client host", "deferred upstream failover"},
		{"54c", "generic", "", "450 4.2.0 Greylisted, see http://postgrey.example.com/", "deferred recipient retry"},
		{"54c", "generic", "", "450 Mailbox busy", "deferred recipient retry"},
		{"54c", "generic", "", "452-4.2.2", "deferred recipient retry"},
		{"54c", "generic", "", "452 4.2.2 Mailbox full", "deferred recipient retry"},

		{"55", "generic", "dial", "!refused", "deferred upstream failover+free"},
		{"55", "generic", "dial", "!dns-temporary", "deferred upstream failover+free"},
		{"55", "generic", "tls", "!tls", "deferred upstream failover+free"},
		{"55", "generic", "greeting", "!timeout", "deferred upstream failover+free"},
		{"55", "generic", "mail", "!closed", "deferred upstream failover"},
		{"55", "generic", "body", "!closed", "deferred upstream failover"},
		{"56", "generic", "dot", "!closed", "unknown upstream retry>hold"},
		{"56", "generic", "dot", "!timeout", "unknown upstream retry>hold"},
	} {
		left = slices.DeleteFunc(left, func(number string) bool { return number == tt.number })
		a := decidedAnswer(t, tt.stage, tt.reply)
		a.Provider = tt.provider
		v := c.Classify(a)
		if brief(v) != tt.want {
			t.Errorf("%s, %s: %s at %v: got %s by %q, want %s", tt.number, tt.provider, tt.reply, a.Stage, brief(v), v.Rule, tt.want)
		}
		if want := slices.Contains(warned, tt.number); v.Warn != want {
			t.Errorf("%s, %s: %s: a warning: %t, want %t", tt.number, tt.provider, tt.reply, v.Warn, want)
		}
	}
	if len(left) > 0 {
		t.Errorf("nothing holds the packs to the decisions %v", left)
	}
}

// decidedAnswer is a reply as it is pasted, or an error ("!KIND") at a stage as
// parseExample has it.
func decidedAnswer(t *testing.T, stage, reply string) upstream.Answer {
	t.Helper()
	if strings.HasPrefix(reply, "!") {
		return parseExample(t, stage+" "+reply)
	}
	var at relay.Stage
	if err := at.UnmarshalText([]byte(stage)); err != nil {
		t.Fatal(err)
	}
	a, err := ParseReply(at, reply)
	if err != nil {
		t.Fatalf("%s: %v", reply, err)
	}
	return a
}
