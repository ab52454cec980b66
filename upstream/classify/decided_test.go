package classify

import (
	"testing"

	"relaykeep/relay"
)

// TestDecided holds the packs to what was decided for the replies that the
// providers are best known for, as they are pasted: mostly without a stage.
func TestDecided(t *testing.T) {
	c := newClassifier(t)
	for _, tt := range []struct{ provider, stage, reply, want string }{
		{"ses", "", "454 Throttling failure: Maximum sending rate exceeded", "deferred upstream slow+free"},
		{"ses", "", "454 Throttling failure: Daily message quota exceeded", "deferred upstream failover>park+free"},
		{"ses", "", "421 Too many concurrent SMTP connections", "deferred upstream slow+free"},
		{"ses", "", "454 Temporary authentication failure", "deferred upstream failover+free"},
		{"ses", "", "535 Authentication Credentials Invalid", "deferred upstream disable+free"},
		{"ses", "", "535 Account not subscribed to SES", "deferred upstream disable+free"},
		{"ses", "", "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail' on resource `y'", "deferred sender hold+free"},
		{"ses", "", "554 Message rejected: Email address is not verified", "deferred sender hold+free"},
		{"ses", "", "554 Sending paused for this account", "deferred upstream disable+free"},
		{"ses", "", "501 Invalid MAIL FROM address provided", "rejected message failover>bounce"},
		{"ses", "", "552 Message is too long", "rejected message failover>bounce"},

		{"sendgrid", "", "451 Authentication failed: Maximum credits exceeded", "deferred upstream failover>park+free"},
		{"sendgrid", "", "550 The from address does not match a verified Sender Identity", "deferred sender hold+free"},
		{"sendgrid", "", "550 Unauthenticated senders not allowed", "deferred upstream disable+free"},
		{"sendgrid", "", "452 Too many recipients received this hour", "deferred upstream slow+free"},

		{"mailgun", "", "554 Free accounts are for test purposes only", "deferred upstream disable+free"},
		{"mailgun", "", "421 Please activate your Mailgun account", "deferred upstream disable+free"},
		{"mailgun", "", "554 Recipients' domain disabled", "deferred upstream failover>park+free"},

		{"postmark", "", "550 SMTP API error", "rejected recipient bounce"},
		{"postmark", "", "550 5.1.1 inactive recipient", "rejected recipient bounce"},

		{"microsoft365", "", "432 4.3.2 Concurrent connections limit exceeded", "deferred upstream slow+free"},
		{"microsoft365", "", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "deferred upstream slow+free"},
		{"microsoft365", "", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "deferred upstream failover>park+free"},
		{"microsoft365", "", "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", "deferred upstream failover>park+free"},
		{"microsoft365", "", "550 5.2.2 Submission quota exceeded", "deferred upstream failover>park+free"},
		{"microsoft365", "", "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded", "deferred recipient retry"},
		{"microsoft365", "", "550 5.2.122 Recipient's per hour message receive limit exceeded", "deferred recipient retry"},
		{"microsoft365", "", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "deferred sender hold+free"},
		{"microsoft365", "", "554 5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com", "deferred sender hold+free"},
		{"microsoft365", "", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", "deferred upstream disable+free"},
		{"microsoft365", "", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled", "deferred upstream disable+free"},
		{"microsoft365", "", "530 5.7.57 Client not authenticated to send mail", "deferred upstream disable+free"},
		{"microsoft365", "", "550 5.1.8 Access denied, bad outbound sender", "deferred upstream disable+free"},
		{"microsoft365", "", "550 5.7.705 Access denied, tenant has exceeded threshold", "deferred upstream disable+free"},
		{"microsoft365", "", "550 5.7.708 Access denied, traffic not accepted from this IP", "deferred upstream failover"},
		{"microsoft365", "", "451 4.7.500 Server busy. Please try again later", "deferred upstream slow+free"},
		{"microsoft365", "", "451 4.7.699 Access denied, please try again later", "deferred upstream slow+free"},
		{"microsoft365", "", "452 4.5.3 Too many recipients", "deferred recipient retry+free"},
		{"microsoft365", "body", "550 5.5.3 Too many recipients", "deferred message retry"},
		{"microsoft365", "", "550 5.6.11 Invalid characters", "rejected message bounce"},

		{"gmail", "", "550 5.4.5 Daily user sending limit exceeded", "deferred upstream failover>park+free"},
		{"gmail", "", "450 4.2.1 Peak SMTP relay limit exceeded for customer", "deferred upstream slow+free"},
		{"gmail", "", "421 4.7.0 Try again later, closing connection. (EHLO)", "deferred upstream disable+free"},
		{"gmail", "hello", "421 4.7.0 Try again later, closing connection.", "deferred upstream disable+free"},
		{"gmail", "", "454 4.7.0 Too many login attempts, please try again later", "deferred upstream slow>failover+free"},
		{"gmail", "", "535 5.7.8 Username and Password not accepted", "deferred upstream disable+free"},
		{"gmail", "", "534 5.7.9 Application-specific password required", "deferred upstream disable+free"},
		{"gmail", "", "534 5.7.14 Please log in through your web browser", "deferred upstream disable+free"},
		{"gmail", "", "550 5.7.0 Mail relay denied", "deferred upstream disable+free"},
		{"gmail", "rcpt", "451 4.3.0 Multiple destination domains per transaction is unsupported", "deferred recipient retry+free"},
		{"gmail", "", "451 4.3.0 Multiple destination domains per transaction is unsupported", "deferred message retry"},
		{"gmail", "", "452 4.5.3 Your message has too many recipients", "deferred recipient retry+free"},
		{"gmail", "", "421 4.7.28 Gmail has detected an unusual rate of mail with the same Message-ID", "deferred upstream slow+free"},
		{"gmail", "", "550 5.7.1 Messages missing a valid messageId header are not accepted", "rejected message bounce"},
		{"gmail", "", "550 5.7.1 Messages missing a valid address in From: header, or having no From: header, are not accepted", "rejected message bounce"},

		{"tencent", "", "550 Ip frequency limited", "deferred message retry"},
		{"tencent", "", "550 Domain frequency limited", "deferred message retry"},
		{"tencent", "", "550 Sender frequency limited", "deferred message retry"},
		{"tencent", "", "550 Connection frequency limited", "deferred message retry"},
		{"tencent", "", "501 mail from address must be same as authorization user", "deferred sender hold+free"},

		{"netease", "", "553 Mail from must equal authorized user", "deferred sender hold+free"},
		{"netease", "", "421 HL:ICC", "deferred upstream slow+free"},
		{"netease", "", "421 HL:IFC", "deferred upstream slow+free"},
		{"netease", "", "451 MI:SFQ", "deferred upstream slow+free"},
		{"netease", "", "451 DT:SPM ,please try again", "deferred message retry>failover"},
		{"netease", "", "451 too many failed authentications", "deferred upstream disable+free"},
		{"netease", "", "451 Requested mail action not taken: too much fail authentication", "deferred upstream disable+free"},

		{"aliyun", "", "552 Daily quota exceeded", "deferred upstream failover>park+free"},
		{"aliyun", "", "552 Monthly sending quota exceeded", "deferred upstream failover>park+free"},
		{"aliyun", "", "551 Main account unavailable", "deferred upstream disable+free"},
		{"aliyun", "", "436 MAIL FROM does not conform", "deferred sender hold+free"},
		{"aliyun", "", "535 Authentication failure", "deferred upstream disable+free"},
		{"aliyun", "", "559 Invalid rcptto", "rejected recipient bounce"},

		{"generic", "greeting", "421 4.3.2 Service not available", "deferred upstream slow>failover+free"},
		{"generic", "data", "421 4.3.2 Service not available", "deferred upstream slow>failover"},
		{"generic", "greeting", "554 No SMTP service here", "deferred upstream disable+free"},
		{"generic", "", "450 Later", "deferred recipient retry"},
		{"generic", "", "451 Later", "deferred message retry"},
		{"generic", "rcpt", "452 Later", "deferred recipient retry"},
		{"generic", "", "550 5.1.1 User unknown", "rejected recipient bounce"},
		{"generic", "", "551 5.1.6 Moved", "rejected recipient bounce"},
		{"generic", "rcpt", "553 5.1.3 Bad address", "rejected recipient bounce"},
		{"generic", "auth", "535 5.7.8 No", "deferred upstream disable+free"},
		{"generic", "auth", "500 No", "deferred upstream disable+free"},
		{"generic", "", "530 Must issue a STARTTLS command first", "deferred upstream disable+free"},
		{"generic", "", "530 5.7.0 Authentication required", "deferred upstream disable+free"},
		{"generic", "", "554 5.7.1 <b@example.com>: Relay access denied", "deferred upstream disable+free"},
		{"generic", "", "550 relaying denied", "deferred upstream disable+free"},
		{"generic", "", "550 relay not permitted", "deferred upstream disable+free"},
		{"generic", "", "550 x is not permitted to relay through this server", "deferred upstream disable+free"},
		{"generic", "", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", "deferred upstream failover"},
		{"generic", "", "550 blacklisted client host", "deferred upstream failover"},
		{"generic", "", "450 4.2.0 Greylisted, see http://postgrey.example.com/", "deferred recipient retry"},
		{"generic", "", "450 Mailbox busy", "deferred recipient retry"},
		{"generic", "", "452-4.2.2", "deferred recipient retry"},
		{"generic", "", "452 4.2.2 Mailbox full", "deferred recipient retry"},
	} {
		var stage relay.Stage
		if err := stage.UnmarshalText([]byte(tt.stage)); err != nil {
			t.Fatal(err)
		}
		a, err := ParseReply(stage, tt.reply)
		if err != nil {
			t.Errorf("%s: %v", tt.reply, err)
			continue
		}
		a.Provider = tt.provider
		if v := c.Classify(a); brief(v) != tt.want {
			t.Errorf("%s: %s at %v: got %s by %q, want %s", tt.provider, tt.reply, a.Stage, brief(v), v.Rule, tt.want)
		}
	}
}
