# What the answers of any SMTP server mean, whoever runs it.
#
# Rules are tried from top to bottom; the first that matches decides. All that a
# rule gives must hold, and in a list one is enough. A rule without code is about
# refusals (4xx and 5xx), and one with error about the lack of a reply. A code
# outranks an enhanced code that disagrees with it, which is then ignored.
# Text is never looked for in mail addresses: they are an echo of what we said.
# Examples are "STAGE [CODE [ENHANCED] TEXT | !ERROR]", where dot is the stage
# body after the final dot.
#
# Free (the attempt costs the message none) follows from the rest unless given:
# slow, park, hold and disable are free, and so is an upstream that is to blame
# before MAIL. Warn opens an incident at the first such answer, though nothing is
# disabled: somebody should know.
#
# Split, of a retry, blames the envelope: "half" says that the recipients were too
# many, "domain" that those of one domain go together only. They are sent again at
# once in smaller transactions.
#
# The pack of a provider may have presets: what its manual says of connections,
# recipients in a transaction, rate, size, fields that it replaces, which a DKIM
# signature should leave out, and whether it refuses the null sender.

version = 2

# --- Success -----------------------------------------------------------------

rule "accepted" {
  stage   = ["dial", "tls", "greeting", "hello", "auth", "mail", "rcpt", "body"]
  code    = "2xx"
  action  = "done"
  meaning = "The upstream said yes."
  source  = "RFC 5321 4.2.1"
  examples = [
    "greeting 220 mx.example.com ESMTP",
    "auth 235 2.7.0 Authentication successful",
    "rcpt 251 User not local; will forward",
    "dot 250 2.0.0 Ok: queued as 4ZxY",
  ]
}

rule "data-accepted" {
  stage    = "data"
  code     = "354"
  action   = "done"
  meaning  = "The upstream waits for the body."
  source   = "RFC 5321 4.1.1.4"
  examples = ["data 354 End data with <CR><LF>.<CR><LF>"]
}

# --- No reply ----------------------------------------------------------------

rule "outcome-unknown" {
  error    = "any"
  dot_sent = true
  class    = "unknown"
  scope    = "upstream"
  action   = "retry"
  then     = "hold"
  meaning  = "The final dot was sent and no answer came: the mail may have been delivered or not."
  source   = "RFC 1047; RFC 5321 4.5.3.2.6"
  examples = [
    "dot !timeout",
    "dot !closed",
    "dot !interrupted",
    "dot !protocol",
  ]
}

rule "body-damaged" {
  error   = "body-damaged"
  scope   = "message"
  action  = "hold"
  meaning = "The body in the spool does not have its checksum any more; it was not sent."
  source  = "relaykeep"
  examples = [
    "body !body-damaged",
    "mail !body-damaged",
  ]
}

rule "interrupted" {
  error   = "interrupted"
  scope   = "message"
  action  = "retry"
  free    = true
  meaning = "We broke the attempt off ourselves, before the final dot."
  source  = "relaykeep"
  examples = [
    "dial !interrupted",
    "body !interrupted",
  ]
}

rule "host-not-found" {
  stage    = "dial"
  error    = "dns-nxdomain"
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "The name of the upstream does not exist: see its address in the configuration, and DNS."
  source   = "RFC 8020"
  examples = ["dial !dns-nxdomain"]
}

rule "host-lookup-failed" {
  stage    = "dial"
  error    = "dns-temporary"
  scope    = "upstream"
  action   = "failover"
  meaning  = "The name of the upstream could not be looked up now."
  source   = "RFC 1035 4.1.1"
  examples = ["dial !dns-temporary"]
}

rule "connection-refused" {
  stage    = "dial"
  error    = "refused"
  scope    = "upstream"
  action   = "failover"
  meaning  = "Nobody listens at the upstream's address."
  source   = "RFC 9293 3.10.7.1"
  examples = ["dial !refused"]
}

rule "tls-failed" {
  stage   = ["dial", "tls", "greeting", "hello", "auth"]
  error   = "tls"
  scope   = "upstream"
  action  = "failover"
  meaning = "No TLS with the upstream, or a certificate that does not satisfy; nothing was sent in clear."
  source  = "RFC 3207 4.1"
  examples = [
    "tls !tls",
    "dial !tls",
    "tls !other",
  ]
}

rule "token-refused" {
  stage    = "auth"
  error    = "login"
  scope    = "upstream"
  action   = "disable"
  meaning  = "The token endpoint refuses our credentials: waiting does not mend them."
  source   = "RFC 6749 5.2"
  examples = ["auth !login"]
}

rule "no-session" {
  stage   = ["dial", "tls", "greeting", "hello", "auth"]
  error   = "any"
  scope   = "upstream"
  action  = "failover"
  meaning = "No session with the upstream came about: time-out, lost connection, or no SMTP."
  source  = "RFC 5321 4.5.4.1"
  examples = [
    "dial !timeout",
    "dial !unreachable",
    "greeting !timeout",
    "greeting !protocol",
    "hello !closed",
    "auth !closed",
    "auth !other",
  ]
}

# Not free: a message that always loses its connection must not go round for
# ever, turning each upstream's breaker.
rule "connection-lost" {
  stage   = ["mail", "rcpt", "data", "body"]
  error   = "any"
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "The connection was lost before the final dot, or the upstream fell silent: the mail was not delivered."
  source  = "RFC 5321 4.5.4.1"
  examples = [
    "mail !timeout",
    "rcpt !closed",
    "data !closed",
    "body !closed",
    "body !timeout",
    "body !tls",
  ]
}

rule "no-answer" {
  error    = "any"
  scope    = "message"
  action   = "retry"
  meaning  = "No answer came, at a stage that is not known."
  source   = "relaykeep"
  examples = ["none !closed"]
}

# --- Refused before MAIL -----------------------------------------------------

rule "session-closing" {
  stage   = ["greeting", "hello", "tls", "auth"]
  code    = "421"
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  meaning = "The upstream is going away, or has too many connections."
  source  = "RFC 5321 3.8, 4.2.2"
  examples = [
    "greeting 421 4.3.2 Service not available, closing transmission channel",
    "greeting 421 4.7.0 Error: too many connections from 192.0.2.1",
    "hello 421 4.4.2 Timeout",
    "auth 421 4.7.0 Too many errors",
  ]
}

rule "greeting-deferred" {
  stage   = "greeting"
  code    = "4xx"
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  meaning = "The upstream takes no session now."
  source  = "RFC 5321 3.1"
  examples = [
    "greeting 450 4.3.2 Please try again later",
    "greeting 451 Temporary local problem - please try later",
  ]
}

rule "greeting-refused" {
  stage   = "greeting"
  code    = "5xx"
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream refuses to talk with us at all."
  source  = "RFC 5321 3.1; RFC 7504"
  examples = [
    "greeting 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "greeting 554 No SMTP service here",
    "greeting 521 Server does not accept mail",
  ]
}

rule "authentication-required" {
  stage   = ["hello", "tls", "mail", "rcpt", "data", "body"]
  code    = ["530", "535", "538"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream wants a login, or STARTTLS before it: see tls and auth of the upstream."
  source  = "RFC 4954 6; RFC 3207 4"
  examples = [
    "mail 530 5.7.0 Must issue a STARTTLS command first",
    "mail 530 5.7.0 Authentication required",
    "rcpt 530 5.7.1 Authentication required",
    "mail 538 5.7.11 Encryption required for requested authentication mechanism",
  ]
}

rule "hello-deferred" {
  stage    = "hello"
  code     = "4xx"
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "30s"
  meaning  = "The upstream answers our EHLO with a temporary refusal."
  source   = "RFC 5321 4.1.1.1"
  examples = ["hello 450 4.7.1 <relay>: Helo command rejected: Host not found"]
}

rule "hello-refused" {
  stage   = "hello"
  code    = "5xx"
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream does not like our name: see hostname in the configuration."
  source  = "RFC 5321 4.1.1.1, 4.1.4"
  examples = [
    "hello 501 Syntactically invalid EHLO argument(s)",
    "hello 504 5.5.2 <relay>: Helo command rejected: need fully-qualified hostname",
    "hello 550 5.7.1 Helo command rejected: Access denied",
  ]
}

rule "starttls-refused" {
  stage   = "tls"
  code    = ["4xx", "5xx"]
  scope   = "upstream"
  action  = "failover"
  meaning = "The upstream refuses STARTTLS; nothing was sent in clear."
  source  = "RFC 3207 4"
  examples = [
    "tls 454 4.7.0 TLS not available due to local problem",
    "tls 502 5.5.1 Command not implemented",
  ]
}

rule "login-deferred" {
  stage   = "auth"
  code    = "4xx"
  scope   = "upstream"
  action  = "failover"
  meaning = "The upstream cannot check the login now."
  source  = "RFC 4954 6"
  examples = [
    "auth 454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
    "auth 435 Unable to authenticate at present",
    "auth 450 4.3.0 try again",
  ]
}

rule "login-refused" {
  stage   = "auth"
  code    = "5xx"
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream refuses our login: see auth of the upstream."
  source  = "RFC 4954 6"
  examples = [
    "auth 535 5.7.8 Error: authentication failed: authentication failure",
    "auth 535 Incorrect authentication data",
    "auth 534 5.7.9 Authentication mechanism is too weak",
    "auth 504 5.5.4 Unrecognized authentication type",
    "auth 503 5.5.1 AUTH not available",
  ]
}

# --- The recipient's side, said so -------------------------------------------

rule "greylisted" {
  stage   = ["mail", "rcpt", "data", "body"]
  code    = "4xx"
  text    = ["greylist", "graylist", "grey-list", "gray-list", "grey list", "postgrey"]
  scope   = "recipient"
  action  = "retry"
  meaning = "Greylisting: the same mail is taken when it comes again the same way."
  source  = "RFC 6647; Postfix, Exim texts"
  examples = [
    "rcpt 450 4.2.0 <bob@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html",
    "rcpt 451 4.7.1 Greylisting in action, please come back later",
    "dot 421 4.7.0 Greylisted, please try again in 300 seconds",
  ]
}

rule "recipient-verification-failed" {
  stage = ["rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "recipient address rejected: (undeliverable|unverified) address",
    "(recipient|callout) verif(y|ication) fail",
  ]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The upstream has asked the next host, which does not take mail for the recipient."
  source  = "Postfix ADDRESS_VERIFICATION_README; Exim callout texts"
  examples = [
    "rcpt 550 5.1.1 <bob@example.com>: Recipient address rejected: undeliverable address: host mx.example.com[192.0.2.7] said: 550 5.7.1 Relay access denied (in reply to RCPT TO command)",
    "rcpt 550 Callout verification failed: 550 5.1.1 No such user",
  ]
}

rule "recipient-verification-deferred" {
  stage = ["rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "recipient address rejected: (undeliverable|unverified) address",
    "(recipient|callout) verif(y|ication)",
    "could not complete recipient verify",
  ]
  scope   = "recipient"
  action  = "retry"
  meaning = "The upstream cannot find out yet whether the recipient exists."
  source  = "Postfix ADDRESS_VERIFICATION_README; Exim callout texts"
  examples = [
    "rcpt 450 4.1.1 <bob@example.com>: Recipient address rejected: unverified address: Address verification in progress",
    "rcpt 451 Could not complete recipient verify callout",
  ]
}

rule "recipient-restricted" {
  stage = ["rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "resolver\\.(rst|adr)\\.",
    "delivery restriction",
    "when sending to this (group|recipient)",
    "\\b(group|recipient|list|mailbox) (only )?accepts (only )?(mail|messages|e-?mails)\\b",
  ]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient takes no mail from this sender, or does not exist."
  source  = "Exchange NDR texts"
  examples = [
    "rcpt 550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed because the sender was not authenticated when sending to this group",
    "rcpt 550 5.7.1 Delivery restriction check failed because the sender was not authenticated when sending to this recipient",
    "dot 550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
  ]
}

# Not 5.7.139, which is our own login.
rule "recipient-restricted-by-code" {
  stage    = ["rcpt", "data", "body"]
  enhanced = "5.7.120-138"
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The recipient, mostly a group, takes no mail from this sender."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "rcpt 550 5.7.133 Sender not authenticated for group; authentication required",
    "dot 550 5.7.124 Sender not in allowed-senders list",
  ]
}

# Before all that is said of recipients: a server may call one invalid because it
# does not let us send there.
rule "relay-denied" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "relay(ing)?( access)? (is )?(temporarily )?(denied|disallowed|prohibited|forbidden)",
    "relay(ing)?( (e?-?mails?|messages?))?( (to|for|from) \\S+)? (is )?not (allowed|permitted|authori[sz]ed)",
    "not (allowed|permitted|authori[sz]ed) to (use this server as a )?relay",
    "(un)?able to relay",
    "(do|does)( not|n't) (relay|handle mail for)",
    "not configured to relay",
    "insecure mail relay",
    "not an open relay",
    "not local host \\S+,? not a gateway",
    "^delivery is not allowed to this address",
    "unauthori[sz]ed relay",
    "no relaying",
    "allowed rcpthosts",
    "trying to use me .{0,60}as a relay",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream does not let us relay: we are not logged in, or not registered there."
  source  = "Postfix, Exim, Sendmail, qmail, Exchange, IMail and hMailServer texts"
  examples = [
    "rcpt 554 5.7.1 <bob@example.com>: Relay access denied",
    "rcpt 550 relay not permitted",
    "rcpt 550 5.7.1 <bob@example.com>... Relaying denied",
    "rcpt 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "rcpt 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    "rcpt 550 5.7.64 TenantAttribution; Relay Access Denied",
    "rcpt 550 5.7.1 Relaying mail to bob@example.com is not allowed",
    "rcpt 550 Delivery is not allowed to this address.",
    "rcpt 550 not local host example.com, not a gateway",
    "rcpt 550 This system is not configured to relay mail",
  ]
}

# Before those of recipients, since some give such a sender the words or the code
# of an unknown recipient.
rule "sender-refused-at-rcpt" {
  stage = "rcpt"
  code  = "5xx"
  text_regex = [
    "\\bsender('s)? (address|domain)\\b.*(reject|refus|denied|invalid|not |unknown|doesn't)",
    "sender verif(y|ication) fail",
    "domain of sender",
    "(invalid|bad|illegal) (envelope )?(sender|from|mail from|return.?path)\\b",
    "sender (is )?unknown\\b",
    "unknown (envelope )?sender\\b",
  ]
  scope   = "sender"
  action  = "hold"
  meaning = "The upstream does not take mail from this sender: not verified, not ours, or not known."
  source  = "RFC 3463 X.1.7, X.1.8; Postfix, Exim, Sendmail texts"
  examples = [
    "rcpt 553 5.7.1 <app@example.com>: Sender address rejected: not owned by user relay",
    "rcpt 550 5.1.0 <app@example.com>: Sender address rejected: User unknown in local recipient table",
    "rcpt 550 5.1.2 Sender Domain Not Found",
    "rcpt 550 Sender verify failed",
  ]
}

# Before all rules on words: a server that says so by code may say anything else
# besides.
rule "no-such-recipient" {
  stage    = "rcpt"
  code     = "5xx"
  enhanced = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"]
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The recipient's address does not exist, or is no address."
  source   = "RFC 3463 X.1"
  examples = [
    "rcpt 550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in local recipient table",
    "rcpt 550 5.1.1 <dmarc@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
    "rcpt 550 5.1.1 spamcop... User unknown",
    "rcpt 550 5.1.2 Bad destination system: no such domain",
    "rcpt 501 5.1.3 Bad recipient address syntax",
    "rcpt 556 5.1.10 Recipient address has null MX",
    "rcpt 551 5.1.6 User has moved",
  ]
}

rule "no-such-recipient-by-text" {
  stage = "rcpt"
  code  = "5xx"
  text_regex = [
    "\\b(user|recipient|mailbox|addressee)( name| \\S+)? (is )?(unknown|not found|does not exist|doesn't exist|not exist)\\b",
    "\\b(unknown|no such) (local )?(user|recipient|mailbox|address|addressee|account|local part|person)\\b",
    "no mailbox here",
    "unrouteable address",
  ]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient's address does not exist."
  source  = "RFC 5321 4.2.3; Exim, qmail, Sendmail texts"
  examples = [
    "rcpt 550 Unrouteable address",
    "rcpt 550 No such user here",
    "rcpt 550 5.1.0 <spf@example.com>: Recipient address rejected: User unknown",
    "rcpt 550 User blacklist unknown",
    "rcpt 550 No such user: rate-limit",
    "rcpt 511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
  ]
}

rule "mailbox-full-of-messages" {
  stage      = ["rcpt", "data", "body"]
  code       = "5xx"
  text_regex = "too many (messages|e?-?mails) (on|in) (\\w+ )?(server|mail ?box|inbox|folder|account)\\b"
  scope      = "recipient"
  action     = "bounce"
  meaning    = "The recipient's mailbox is full, and the upstream does not want to wait for it."
  source     = "texts of servers with a limit on the number of messages, in sisimai"
  examples   = ["rcpt 552 5.2.2 user has too many messages on the server"]
}

rule "mailbox-full-of-messages-for-now" {
  stage      = ["rcpt", "data", "body"]
  code       = "4xx"
  text_regex = "too many (messages|e?-?mails) (on|in) (\\w+ )?(server|mail ?box|inbox|folder|account)\\b"
  scope      = "recipient"
  action     = "retry"
  meaning    = "The recipient's mailbox is full."
  source     = "texts of servers with a limit on the number of messages, in sisimai"
  examples   = ["rcpt 452 4.2.2 User has too many messages in the mailbox"]
}

rule "recipient-rate" {
  stage = ["rcpt", "data", "body"]
  text_regex = [
    "(user|recipient|mailbox).* (is )?receiv(ing|ed) (mail|messages|too many)",
    "exceeded (the|their) limit for the number of messages they can (receive|send to this recipient)",
    "\\breceiv(e|ing) (limit|quota|rate)\\b",
    "\\b(recipient|mailbox|inbox)('s)? ((has|is|have|reached|exceeded|its|their|the|daily|hourly) )*(message|mail) (limit|quota)\\b",
    "recipient has exceeded (the )?message rate",
  ]
  scope   = "recipient"
  action  = "retry"
  meaning = "The recipient gets too much mail at the moment."
  source  = "RFC 3463 X.2.1; Gmail texts"
  examples = [
    "rcpt 450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time",
    "rcpt 550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered",
    "rcpt 550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "rcpt 452 4.2.2 The recipient has reached its message limit",
    "rcpt 554 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.",
    "rcpt 450 4.2.1 The recipient has exceeded message rate limit. Try again later.",
  ]
}

# --- Our account, rate and address -------------------------------------------

# The next connection may have more. A 421 is closing it anyway.
rule "connection-used-up" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = ["450", "451", "452", "5xx"]
  text_regex = [
    "\\b(message|e?-?mail|transaction)s? (limit|count|quota)\\b.{0,20}\\b(per|in|on|for) (this |one |a |each |the )?(smtp )?(connection|session)\\b",
    "\\b(too many|max(imum)?( number of)?|\\d+) (messages?|e?-?mails?|transactions?) (per|in|on|for) (this |one |a |each |the )?(smtp )?(connection|session)\\b",
  ]
  scope   = "upstream"
  action  = "slow"
  delay   = "30s"
  meaning = "The upstream has taken as much in one connection as it does."
  source  = "Exim, PowerMTA texts"
  examples = [
    "mail 452 Message limit per connection reached",
    "mail 450 Too many messages in this connection",
  ]
}

rule "quota-exceeded" {
  stage = ["mail", "rcpt", "data", "body"]
  text_regex = [
    "\\b(sending|send|sender|message|submission|daily|hourly|monthly|outbound|outgoing|relay) (user )?(sending |message |mail |email )?(quota|limit)\\b",
    "\\b(exceeds?|exceeded|reached|over)\\b.{0,30}\\b(sending|message|submission|outbound|outgoing|relay) limits\\b",
    "\\b(daily|hourly|weekly|monthly|per[ -](hour|day|week|month)|24[ -]?h(ou)?rs?)( [^ .]+){0,4} (quota|limits?)\\b",
    "\\b(quota|limits?)( [^ .]+){0,6} (per|in|for|within) (the |this |a |an |one |each )?(last |past )?(hour|day|week|month|24 hours)\\b",
    "(messages|e?mails|recipients|defers and failures) per (hour|day|month)",
    "number of (allowed )?(outgoing|outbound|sent) (e?-?mails?|messages)",
    "\\byou(, [^,]+,| \\S+)? (have |has |had |'ve )?(exceeded|reached) (your|the) ([a-z-]*mail|sending|message|outgoing|outbound|smtp|relay)s? (sending |message )?(quota|limit)",
    "\\b(sender|your account|you)( is| are|'re)? over (your |the )?(\\S+ )?quota",
    "\\baccount limits? (is |has been )?(exceeded|reached)",
    "maximum credits",
    "(not enough|insufficient|out of|no more) (\\w+ )?credits?\\b",
    "policy reject(ed|ion)[- ]+quota",
  ]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "1h"
  free    = true
  meaning = "Our quota at the upstream is used up."
  source  = "texts of cPanel's Exim, Plesk, cluebringer and many providers"
  examples = [
    "rcpt 550 5.7.1 Daily sending quota exceeded",
    "rcpt 550 5.7.1 Daily recipient limit exceeded",
    "rcpt 452 4.5.3 You have reached the limit of 500 recipients per day",
    "rcpt 450-Requested mail action not taken: mailbox unavailable\n450 Mail send limit exceeded.",
    "dot 550 Domain example.com has exceeded the max emails per hour (151/150 (100%)) allowed. Message discarded.",
    "dot 550 Domain example.com has exceeded the max defers and failures per hour (5/5 (100%)) allowed. Message discarded.",
    "dot 550 5.7.0 Your message could not be sent. The limit on the number of allowed outgoing messages was exceeded. Try again later.",
    "mail 452 4.3.1 Sending limit reached for today",
    "rcpt 554 5.7.1 <bob@example.com>: Recipient address rejected: Policy Rejection- Quota Exceeded",
    "rcpt 554 5.7.1 <bob@example.com>: Recipient address rejected: You have exceeded your Outmail quota.",
  ]
}

rule "throttled" {
  stage = ["mail", "rcpt", "data", "body"]
  text_regex = [
    "too many (concurrent |simultaneous )?(smtp )?(connections|sessions|messages|e?mails|transactions)",
    "too many recipients (from|received)",
    "too many (invalid|unknown|bad|nonexistent|non-existent) (recipients|users|addresses)",
    "concurrent (smtp )?(connections?|sessions?)",
    "too much mail from",
    "\\brate.?limit",
    "(sending|message|connection|mail) (rate|frequency)",
    "rate exceeded",
    "throttl",
    "frequency limit",
    "too (fast|quickly|frequently)",
    "slow down",
    "unusual rate",
  ]
  scope   = "upstream"
  action  = "slow"
  delay   = "1m"
  meaning = "We send faster than the upstream allows."
  source  = "RFC 3463 X.3.2, X.7.0; Postfix anvil, Exim ratelimit and Exchange texts"
  examples = [
    "mail 450 4.7.1 Error: too much mail from 192.0.2.1",
    "rcpt 450 4.7.1 Error: too many recipients from 192.0.2.1",
    "mail 451 4.7.1 Rate limit exceeded, try again later",
    "dot 454 Throttling failure: Maximum sending rate exceeded.",
    "rcpt 550 Too many invalid recipients",
    "mail 550 Connection frequency limited",
    "rcpt 452 Too many recipients received this hour",
  ]
}

# Another upstream may have the time that this one has not.
rule "server-busy" {
  stage = ["mail", "rcpt", "data", "body"]
  text_regex = [
    "\\b(server|system|service)s? (is |are )?(currently |temporarily )?(too )?busy\\b",
    "ports are busy",
  ]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "1m"
  meaning = "The upstream has too much to do at the moment."
  source  = "Exchange, Gmail, Postfix texts"
  examples = [
    "mail 451 4.7.500 Server busy. Please try again later from [192.0.2.1].",
    "dot 450 System is too busy, try again later",
  ]
}

rule "recipients-limit" {
  stage = "rcpt"
  code  = ["4xx", "5xx"]
  text_regex = [
    "too many recipients",
    "(maximum|max|limit).{0,20}\\brecipients",
    "recipients? (limit|count)",
    "more than \\d+ (recipients|e?-?mail addresses)",
  ]
  scope   = "recipient"
  action  = "retry"
  split   = "half"
  free    = true
  meaning = "The transaction has as many recipients as the upstream takes; the others go in a later one."
  source  = "RFC 5321 4.5.3.1.10"
  examples = [
    "rcpt 452 4.5.3 Error: too many recipients",
    "rcpt 452 Too many recipients",
    "rcpt 552 Too many recipients",
    "rcpt 550 5.5.3 Too many recipients",
    "rcpt 452 4.5.3 Recipients limit exceeded",
  ]
}

rule "recipients-limit-by-code" {
  stage    = "rcpt"
  enhanced = ["4.5.3", "5.5.3"]
  scope    = "recipient"
  action   = "retry"
  split    = "half"
  free     = true
  meaning  = "The transaction has as many recipients as the upstream takes; the others go in a later one."
  source   = "RFC 3463 X.5.3"
  examples = [
    "rcpt 452 4.5.3 Try the rest later",
    "rcpt 554 5.5.3 No more",
  ]
}

# All recipients have been accepted, and their number is refused afterwards: a
# bounce for each of them would be the worst of answers.
rule "recipients-limit-at-data" {
  stage = ["data", "body"]
  code  = ["4xx", "5xx"]
  text_regex = [
    "too many recipients",
    "(maximum|max|limit).{0,20}\\brecipients",
    "recipients? (limit|count)",
    "more than \\d+ (recipients|e?-?mail addresses)",
  ]
  scope   = "message"
  action  = "retry"
  split   = "half"
  meaning = "The transaction had more recipients than the upstream takes; max_recipients of the upstream spares the asking."
  source  = "RFC 5321 4.5.3.1.10; provider texts"
  examples = [
    "dot 552 Too many recipients",
    "data 550 5.5.3 Too many recipients",
    "dot 554 5.7.1 Recipient count exceeds 50",
    "dot 452 4.5.3 Error: too many recipients",
    "dot 550 The message has more than 50 recipients",
  ]
}

rule "recipients-limit-at-data-by-code" {
  stage    = ["data", "body"]
  enhanced = ["4.5.3", "5.5.3"]
  scope    = "message"
  action   = "retry"
  split    = "half"
  meaning  = "The transaction had more recipients than the upstream takes; max_recipients of the upstream spares the asking."
  source   = "RFC 3463 X.5.3"
  examples = ["dot 554 5.5.3 No"]
}

rule "relay-deferred" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "relay(ing)?( access)? (is )?(temporarily )?(denied|disallowed|prohibited|forbidden)",
    "relay(ing)? (is )?not (allowed|permitted|authori[sz]ed)",
    "(un)?able to relay",
  ]
  scope   = "upstream"
  action  = "failover"
  meaning = "The upstream does not let us relay, for now: we are not logged in, or not registered there."
  source  = "Postfix defer_unauth_destination; Sendmail texts"
  examples = [
    "rcpt 454 4.7.1 <bob@example.com>: Relay access denied",
    "rcpt 450 4.7.1 <bob@example.com>... Relaying temporarily denied. Cannot resolve PTR record for 192.0.2.1",
  ]
}

# Before those of a login: a domain that must authenticate needs SPF or DKIM.
rule "sender-unauthenticated" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26", "5.7.27"]
  scope    = "sender"
  action   = "hold"
  meaning  = "SPF, DKIM or DMARC of the sender's domain does not let the upstream send for it."
  source   = "RFC 7372; RFC 7505"
  examples = [
    "dot 550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy",
    "rcpt 550 5.7.23 SPF validation failed",
  ]
}

# A failure is wanted: "SPF=pass DKIM=pass" is no such thing. What stands between
# has no other value in it, and no pass.
rule "sender-unauthenticated-by-text" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "\\b(spf|dkim|dmarc)\\b([^,;=p]|p[^a]|pa[^s]){0,50}(= ?)?\\b((soft|hard|perm)?fail|mismatch|missing|invalid|reject|refus|denied|violat|un(authori[sz]ed|authenticated|aligned)|(did|does|do|is|are|was|not)( not|n't)? (pass|align|valid|verif|match|authori[sz]|permit|allow|accept|designat))",
    "\\b(fail(s|ed|ure|ing)?|missing|invalid|lacks?|without|violat(es|ed|ion)|un(authori[sz]ed|authenticated|aligned)|requires?|must|not (pass|align|valid|verif|match|authori[sz]|permit|allow|have)\\w*)\\b[^=]{0,60}\\b(spf|dkim|dmarc)\\b([^=:\\s]|[ :][^=p]| p[^a]|$)",
    "\\b(reject(ed|ing|s)?|not accepted|refused?|blocked|denied|bounced)\\b( \\S+){0,3} (by|per|due to|because of|under|based on)\\b[^=]{0,60}\\b(spf|dkim|dmarc)\\b([.!;)/]|$| (policy|policies|record|check|for|by|and|or|please)\\b)",
    "\\bno (valid )?(spf|dkim|dmarc)\\b",
    "openspf\\.",
  ]
  scope   = "sender"
  action  = "hold"
  meaning = "SPF, DKIM or DMARC of the sender's domain does not let the upstream send for it."
  source  = "texts of SPF, DKIM and DMARC filters"
  examples = [
    "mail 550 SPF check failed",
    "dot 554 5.7.1 Rejected by DMARC policy of example.com",
    "rcpt 550 5.7.1 Please see http://www.openspf.org/Why?id=app: SPF fail",
    "dot 550 5.7.1 The message did not pass DKIM verification",
    "dot 550 5.7.1 Authentication results: DKIM = did not pass, SPF [example.com] with ip: [192.0.2.1] = did not pass",
    "dot 554 5.7.1 Rejected, SPF=fail DKIM=fail",
  ]
}

rule "not-logged-in" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "authentication (is )?required",
    "requires authentication",
    "auth(entication)? (is )?(required|needed)",
    "must (first )?(authenticate|log ?in)",
    "(client|user|you) (was |is |are |were )?not (authenticated|logged in)",
    "(please|need to) (authenticate|log ?in)",
    "authenticate first",
    "^(error: )?(smtp |user |login |client )?authentication fail",
    "auth (command )?first",
    "turn on smtp authentication",
    "starttls (command )?(is )?(required|needed|first)",
    "must issue (a |the )?starttls",
    "unauthenticated (senders?|clients?|users?) (is |are )?not",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream wants a login, or STARTTLS before it: see tls and auth of the upstream."
  source  = "RFC 4954 6; Exchange, Exim, qmail texts"
  examples = [
    "mail 550 5.7.1 Client was not authenticated",
    "mail 503 AUTH first",
    "rcpt 550-Please turn on SMTP Authentication in your mail client.",
    "mail 553 authentication is required,smtp7",
    "mail 550 5.7.1 Authentication required",
    "mail 550 5.7.10 STARTTLS is required to send mail",
  ]
}

# Also where it is dressed as temporary: no waiting mends it.
rule "not-logged-in-at-mail" {
  stage = "mail"
  code  = ["4xx", "5xx"]
  text_regex = [
    "auth(entication)? (is )?(required|needed)",
    "requires authentication",
    "must (first )?(authenticate|log ?in)",
    "not (authenticated|logged in)",
    "(encryption|tls|ssl) (is )?(required|needed)",
    "starttls (command )?(is )?(required|needed|first)",
    "must issue (a |the )?starttls",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream wants a login, or STARTTLS before it: see tls and auth of the upstream."
  source  = "Exchange, Postfix texts"
  examples = [
    "mail 451 5.7.3 STARTTLS is required to send mail",
    "mail 454 4.7.0 authentication required",
    "mail 550 5.7.10 Encryption needed",
  ]
}

# Later than MAIL it may be what another host has said of the recipient.
rule "not-logged-in-after-mail" {
  stage = ["rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "auth(entication)? (is )?(required|needed)",
    "requires authentication",
    "must (first )?(authenticate|log ?in)",
    "starttls (command )?(is )?(required|needed|first)",
    "must issue (a |the )?starttls",
  ]
  scope    = "upstream"
  action   = "failover"
  free     = false
  meaning  = "The upstream wants a login, it seems, or STARTTLS before it: see tls and auth of the upstream."
  source   = "Exchange, Postfix texts"
  examples = ["rcpt 454 4.7.0 Authentication required"]
}

rule "account-disabled" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = ["4xx", "5xx"]
  text_regex = [
    "\\b(your|sending) (\\w+ )?account\\b[^.,;]{0,40}\\b(suspended|disabled|locked|closed|deactivated|terminated|inactive|not (yet |been |yet been )?activ|(is|been|temporarily|permanently) blocked)",
    "outgoing (e-?)?mail (suspension|hold|has been suspended)",
    "email outgoing blocked",
    "unusual (sending|outgoing) activity",
    "sending (has been |is )?(temporarily )?(paused|suspended|disabled)",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream has shut our account."
  source  = "texts of cPanel's Exim, Zoho and many providers"
  examples = [
    "rcpt 550 5.7.1 Your account has been suspended",
    "dot 554 Sending paused for this account",
    "mail 502 5.7.0 Your SMTP account is not yet activated",
    "rcpt 451 4.7.1 Your account is temporarily locked",
    "dot 550 Domain example.com has an outgoing mail suspension. Message discarded.",
    "dot 550 5.4.6 Unusual sending activity detected.",
    "mail 554 5.1.8 Email Outgoing Blocked",
  ]
}

# At RCPT the account may be the recipient's, so these words count at MAIL only.
rule "account-disabled-at-mail" {
  stage      = "mail"
  code       = "5xx"
  text_regex = "\\b(account|user|customer)\\b.*(suspend|disabl|locked|closed|deactivat|not active|inactive)"
  scope      = "upstream"
  action     = "disable"
  delay      = "1m"
  meaning    = "The upstream has shut our account."
  source     = "texts of many providers"
  examples = [
    "mail 554 5.7.1 Account suspended",
    "mail 550 5.7.1 The account is temporarily locked",
  ]
}

rule "helo-refused" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "\\b(helo|ehlo)( command| name| argument)?( is)? (rejected|refused|invalid|denied)",
    "(invalid|bad) (helo|ehlo)",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "The upstream does not like our name: see hostname in the configuration."
  source  = "Postfix smtpd_helo_restrictions"
  examples = [
    "rcpt 504 5.5.2 <relay>: Helo command rejected: need fully-qualified hostname",
    "rcpt 550 5.7.1 <relay.example.com>: Helo command rejected: Access denied",
  ]
}

rule "helo-deferred" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "\\b(helo|ehlo)( command| name| argument)?( is)? (rejected|refused|invalid|denied)",
    "(invalid|bad) (helo|ehlo)",
  ]
  scope    = "upstream"
  action   = "failover"
  meaning  = "The upstream cannot check our name, or does not like it: see hostname in the configuration."
  source   = "Postfix smtpd_helo_restrictions"
  examples = ["rcpt 450 4.7.1 <relay.example.com>: Helo command rejected: Host not found"]
}

# --- The sender --------------------------------------------------------------

rule "sender-refused" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "\\bsender('s)? (address|domain|identity|id|email)\\b.*(reject|refus|denied|invalid|block|not |doesn't|unverified|does not)",
    "\\bsender (is )?(rejected|refused|denied|unknown|invalid|unverified|blocked|not )",
    "sender verif(y|ication) fail",
    "(invalid|unknown|bad|unverified|unauthori[sz]ed|illegal) (envelope )?(sender|from|mail from|return.?path)\\b",
    "not owned by user",
    "\\bsendas",
    "unconfigured sending domain",
    "unsolicited (e-?mails?|messages?) originating from your address",
    "send (mail |messages? |e?mails? )?(as|from|on behalf)\\b",
    "from address",
    "\\bfrom domain",
    "verified (sender|domain|address)",
    "mail from (must|command failed|address|not)",
    "envelope sender",
    "domain of sender",
    "domain name required",
    "(address|domain|identity) (is |has )?not (been )?verified",
    "badmailfrom",
    "(address|sender|user) .*does not match .*(auth|login|user|account)",
  ]
  scope   = "sender"
  action  = "hold"
  meaning = "The upstream does not take mail from this sender: not verified, not ours, or not known."
  source  = "RFC 3463 X.1.7, X.1.8; Postfix, Exim, Sendmail, qmail texts"
  examples = [
    "dot 553 5.7.1 <app@example.com>: Sender address rejected: not owned by user relay",
    "mail 550 5.7.1 <app@example.com>: Sender address rejected: Access denied",
    "dot 550 Sender verify failed",
    "mail 553 5.1.8 <app@example.com>... Domain of sender address app@example.com does not exist",
    "mail 553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
    "dot 550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "mail 554 5.7.1 Service unavailable; Sender address [app@example.com] blocked using dbl.spamhaus.org",
    "mail 550 The from address does not match a verified Sender Identity",
  ]
}

rule "sender-invalid" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["5.1.7", "5.1.8"]
  scope    = "sender"
  action   = "hold"
  meaning  = "The upstream does not take the sender's address, or its domain."
  source   = "RFC 3463 X.1.7, X.1.8"
  examples = [
    "mail 501 5.1.7 Bad address syntax",
    "mail 553 5.1.8 Domain does not exist",
    "rcpt 550 5.1.8 Access denied, bad outbound",
  ]
}

rule "sender-deferred" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "\\bsender address rejected",
    "sender verif(y|ication)",
    "domain of sender",
  ]
  scope   = "message"
  action  = "retry"
  meaning = "The upstream cannot check the sender's address now."
  source  = "Postfix, Exim, Sendmail texts"
  examples = [
    "rcpt 450 4.1.8 <app@example.com>: Sender address rejected: Domain not found",
    "rcpt 451 Could not complete sender verify callout",
    "mail 451 4.1.8 Domain of sender address app@example.com does not resolve",
  ]
}

rule "sender-deferred-by-code" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["4.1.7", "4.1.8"]
  scope    = "message"
  action   = "retry"
  meaning  = "The upstream cannot check the sender's address now."
  source   = "RFC 3463 X.1.7, X.1.8"
  examples = ["mail 450 4.1.8 Try again"]
}

# --- The way is blocked ------------------------------------------------------

rule "content-listed" {
  stage = "body"
  code  = "5xx"
  text_regex = [
    "\\bcontain(s|ing|ed)?\\b.{0,40}\\b(ur[li]|link|attachment|website)s?\\b",
    "\\b(blacklisted|listed|blocked|malicious|suspicious|forbidden|banned) (\\w+ )?(ur[li]|link|attachment|website)s?\\b",
    "\\b(surbl|uribl)\\b",
    "(message|its|mail) content\\b",
    "content (was |is )?(rejected|blocked|not |denied)",
  ]
  scope   = "message"
  action  = "bounce"
  meaning = "Something in the message is on a block list, or not allowed."
  source  = "SURBL, URIBL and content filter texts"
  examples = [
    "dot 554 5.7.1 Message contains a URL listed by multi.surbl.org",
    "dot 550 5.7.1 Blacklisted URL in message",
    "dot 552 5.7.0 This message was blocked because its content presents a potential security issue",
    "dot 550 5.7.1 Message content rejected",
  ]
}

rule "client-blocked" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = ["4xx", "5xx"]
  text_regex = [
    "blocked (using|by) [a-z0-9_-]+\\.\\w",
    "\\b(client|host)\\b.{0,60}\\bblocked (using|by)",
    "policy restrictions \\(ip based\\)",
    "\\bbad ip\\b",
    "ipcheck\\.",
    "blacklist",
    "block.?list",
    "deny.?list",
    "black list",
    "(\\bis|currently|\\]|host|address) listed (at|in|on|by) ",
    "\\b(dns|r)bls?\\b",
    "spamhaus",
    "spamcop",
    "barracuda",
    "\\bsorbs\\b",
    "\\breputation\\b",
    "client host (rejected|blocked)",
    "banned sending ip",
    "\\bip( address)?\\b.*(block|bann?ed|reject|refus|denied|not (allowed|authori[sz]ed))",
    "reverse dns",
    "\\bptr\\b",
    "rdns",
  ]
  scope   = "upstream"
  action  = "failover"
  warn    = true
  meaning = "Our address, or the upstream's, is blocked: the way is at fault, not the recipient."
  source  = "Postfix reject_rbl_client, Exim dnslists, Exchange texts"
  examples = [
    "rcpt 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1",
    "rcpt 550 5.7.1 Access denied, banned sending IP [192.0.2.1]",
    "rcpt 554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied",
    "rcpt 450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
    "mail 550 192.0.2.1 is in an RBL: blacklisted",
    "mail 550 IP blocked",
  ]
}

rule "reverse-name-refused" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["4.7.25", "5.7.25"]
  scope    = "upstream"
  action   = "failover"
  meaning  = "The reverse name of our address, or the upstream's, does not satisfy."
  source   = "RFC 7372"
  examples = ["rcpt 550 5.7.25 Validation failed"]
}

# Exchange Online says so after the dot, of the mailbox that sends.
rule "submission-refused" {
  code     = "5xx"
  text     = ["storedrv.submission"]
  scope    = "upstream"
  action   = "failover"
  then     = "hold"
  meaning  = "The upstream cannot send this message from the mailbox that we log in to: never the recipient's fault."
  source   = "Exchange Online texts"
  examples = ["dot 554 5.2.0 STOREDRV.Submission.Exception:StoragePermanentException; Failed to process message due to a permanent exception"]
}

# --- Full ---------------------------------------------------------------------

rule "mailbox-full-for-now" {
  stage = ["rcpt", "data", "body"]
  code  = "4xx"
  text_regex = [
    "(mailbox|inbox|account|user|recipient|mail ?box|mail ?drop)\\b.*(\\bfull\\b|over ?quota|quota exceeded|exceeded .*quota|busy|locked|in use)",
    "over ?quota",
    "quota exceeded",
    "out of storage",
  ]
  scope   = "recipient"
  action  = "retry"
  meaning = "The recipient's mailbox is full or busy."
  source  = "RFC 3463 X.2.2; Dovecot, Exim, Gmail texts"
  examples = [
    "rcpt 452 4.2.2 The email account that you tried to reach is over quota",
    "dot 452 4.2.2 Mailbox full",
    "rcpt 450 Mailbox is busy",
    "dot 452 4.2.2 <bob@example.com> Quota exceeded (mailbox for user is full)",
  ]
}

rule "mailbox-full" {
  stage = ["rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "(mailbox|inbox|mail ?box|mail ?drop)\\b.*(\\bfull\\b|over ?quota|quota exceeded|exceeded .*quota|size limit|storage)",
    "(user|account|recipient)\\b.*(\\bfull\\b|over ?quota|quota exceeded)",
    "over ?quota",
    "out of storage",
  ]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient's mailbox is full, and the upstream does not want to wait for it."
  source  = "RFC 3463 X.2.2; Dovecot, Exchange, Gmail texts"
  examples = [
    "rcpt 552 5.2.2 Mailbox full",
    "rcpt 552 5.2.2 <bob@example.com>: mailbox size limit exceeded",
    "dot 552 5.2.2 Over quota",
    "rcpt 554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException",
  ]
}

rule "mailbox-full-by-code" {
  stage    = ["rcpt", "data", "body"]
  enhanced = "5.2.2"
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The recipient's mailbox is full, and the upstream does not want to wait for it."
  source   = "RFC 3463 X.2.2"
  examples = ["rcpt 552 5.2.2 User exceeds the allowed size"]
}

# --- Too large ---------------------------------------------------------------

rule "too-large" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "message (file |size )?(is )?too (big|large|long)",
    "(message|mail|email) size",
    "size (limit|exceed)",
    "exceed(s|ed)? .*(size|length)",
    "length exceeds",
    "too much mail data",
  ]
  scope   = "message"
  action  = "failover"
  then    = "bounce"
  meaning = "The message is larger than the upstream takes; another may take more."
  source  = "RFC 1870 6; Postfix, Exim, Sendmail, qmail, Exchange texts"
  examples = [
    "mail 552 5.3.4 Message size exceeds fixed limit",
    "mail 552 Message size exceeds maximum permitted",
    "dot 552 5.3.4 Error: message file too big",
    "dot 552 sorry, that message size exceeds my databytes limit (#5.3.4)",
    "dot 552 5.2.3 Message size exceeds fixed maximum message size (10485760)",
    "data 552 5.3.4 Message too big for system",
    "dot 552 Message is too long",
  ]
}

rule "too-large-by-code" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = "5.3.4"
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The message is larger than the upstream takes; another may take more."
  source   = "RFC 3463 X.3.4"
  examples = ["mail 552 5.3.4 Too big"]
}

# --- The recipient -----------------------------------------------------------

rule "mailbox-deferred" {
  stage    = ["rcpt", "data", "body"]
  enhanced = "4.2.*"
  scope    = "recipient"
  action   = "retry"
  meaning  = "The recipient's mailbox takes no mail now."
  source   = "RFC 3463 X.2"
  examples = [
    "rcpt 450 4.2.0 Try again later",
    "rcpt 450 4.2.1 Mailbox disabled for now",
    "dot 451 4.2.1 Come back",
  ]
}

rule "bad-recipient-address" {
  stage    = "rcpt"
  code     = "5xx"
  enhanced = "5.1.*"
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The upstream does not take the recipient's address."
  source   = "RFC 3463 X.1"
  examples = [
    "rcpt 550 5.1.0 <bob@example.com>: Address rejected",
    "rcpt 550 5.1.4 Ambiguous address",
  ]
}

rule "recipient-unavailable" {
  stage = "rcpt"
  code  = "5xx"
  text_regex = [
    "(user|recipient|mailbox|address|account|addressee)( name)? (is )?(unknown|unrouteable|invalid|not found|unavailable|does not exist|doesn't exist|not exist)",
    "(invalid|bad) (user|recipient|mailbox|address|account|local part|person|domain)",
    "no such domain",
    "unknown domain",
    "not listed in",
    "doesn't have a",
    "not our customer",
    "not a valid (mailbox|recipient|user)",
  ]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient's address does not exist, or takes no mail."
  source  = "RFC 5321 4.2.3; Exim, Domino texts"
  examples = [
    "rcpt 550 Requested action not taken: mailbox unavailable",
    "rcpt 550 bob@example.com... User bob (bob@example.com) not listed in Domino Directory",
  ]
}

rule "mailbox-refused" {
  stage    = ["rcpt", "data", "body"]
  enhanced = "5.2.*"
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The recipient's mailbox is disabled, or does not take this mail."
  source   = "RFC 3463 X.2"
  examples = [
    "rcpt 550 5.2.1 The email account that you tried to reach is disabled",
    "dot 550 5.2.0 Not taken",
  ]
}

# --- What is left of 421 and of the upstream's own troubles ------------------

# Not free: what is at fault may be the message.
rule "closing" {
  stage   = ["mail", "rcpt", "data", "body"]
  code    = "421"
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  free    = false
  meaning = "The upstream is going away in the middle of the session."
  source  = "RFC 5321 3.8, 4.2.2"
  examples = [
    "mail 421 4.3.2 Shutting down",
    "rcpt 421 4.4.2 Timeout exceeded",
    "data 421 Service not available",
    "dot 421 4.3.0 closing connection",
  ]
}

rule "out-of-resources" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["4.3.1", "4.3.2"]
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "30s"
  free     = false
  meaning  = "The upstream is short of storage or other resources, or takes no mail now."
  source   = "RFC 3463 X.3.1, X.3.2"
  examples = [
    "mail 452 4.3.1 Insufficient system storage",
    "mail 452 4.3.1 Insufficient system resources",
    "dot 451 4.3.2 Please try again later",
  ]
}

rule "out-of-resources-by-text" {
  stage   = ["mail", "rcpt", "data", "body"]
  code    = "4xx"
  text    = ["insufficient system", "insufficient disk", "insufficient resource", "insufficient queue", "queue is full", "queue full", "disk full", "space shortage", "load too high", "load average"]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  free    = false
  meaning = "The upstream is short of storage or other resources."
  source  = "RFC 5321 4.2.3; Exim, Exchange texts"
  examples = [
    "mail 452 Requested action not taken: insufficient system storage",
    "mail 452 space shortage, please try later",
    "dot 451 qq write error or disk full (#4.3.0)",
  ]
}

# At RCPT: scope message, not recipient, so that another upstream may be asked.
rule "upstream-trouble" {
  stage    = "rcpt"
  enhanced = "4.3.*"
  scope    = "message"
  action   = "retry"
  meaning  = "The upstream has a fault of its own."
  source   = "RFC 3463 X.3; Postfix texts"
  examples = [
    "rcpt 451 4.3.0 <bob@example.com>: Temporary lookup failure",
    "rcpt 451 4.3.5 Server configuration error",
  ]
}

# --- By stage and class ------------------------------------------------------

# A 5xx that is no verdict on the mail, nor on the recipient: another upstream
# may be well.
rule "upstream-broken" {
  stage = ["mail", "rcpt", "data", "body"]
  code  = "5xx"
  text_regex = [
    "\\b(server|system|local) (mis)?config",
    "internal (server |system )?error",
    "temporary (local |system |server )?(problem|error|failure)",
    "service (is )?(currently|temporarily) unavailable",
    "local error in processing",
    "queue file write error",
    "could not load drd",
    "interrupted system call",
    "(system|server) (is )?not accepting",
  ]
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "The upstream has a fault of its own, and calls it permanent."
  source  = "RFC 3463 X.3.2, X.3.5; Postfix, Exim, qmail texts, in sisimai"
  examples = [
    "rcpt 554 5.3.5 Local configuration error",
    "rcpt 550 5.3.2 System not accepting network messages",
    "dot 554 5.3.0 Internal server error",
    "dot 550 Temporary local problem",
  ]
}

rule "upstream-broken-by-code" {
  stage    = ["mail", "rcpt", "data", "body"]
  enhanced = ["5.3.2", "5.3.5"]
  scope    = "upstream"
  action   = "failover"
  free     = false
  meaning  = "The upstream takes no mail now, or is not set up for it, and calls that permanent."
  source   = "RFC 3463 X.3.2, X.3.5"
  examples = ["rcpt 554 5.3.2 Shutting down"]
}

rule "bad-sequence" {
  stage   = ["mail", "rcpt", "data", "body"]
  code    = "503"
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "The upstream and we do not agree on where the session stands."
  source  = "RFC 5321 4.2.2"
  examples = [
    "mail 503 5.5.1 Error: nested MAIL command",
    "rcpt 503 5.5.1 Error: need MAIL command",
    "data 503 5.5.1 Error: need RCPT command",
  ]
}

rule "recipient-deferred" {
  stage   = "rcpt"
  code    = "4xx"
  scope   = "recipient"
  action  = "retry"
  meaning = "The upstream does not take the recipient now."
  source  = "RFC 5321 4.2.1"
  examples = [
    "rcpt 450 Requested mail action not taken: mailbox unavailable",
    "rcpt 451 Temporary local problem - please try later",
    "rcpt 450 4.1.2 <bob@example.com>: Recipient address rejected: Domain not found",
    "rcpt 451 4.4.4 Temporary server error",
  ]
}

rule "recipient-refused" {
  stage   = "rcpt"
  code    = "5xx"
  scope   = "recipient"
  action  = "bounce"
  meaning = "The upstream does not take the recipient."
  source  = "RFC 5321 4.2.1"
  examples = [
    "rcpt 550 5.7.1 <bob@example.com>: Recipient address rejected: Access denied",
    "rcpt 550 5.4.1 Recipient address rejected: Access denied",
    "rcpt 553 Requested action not taken",
    "rcpt 500 5.3.0 Error: command failed",
    "rcpt 550 4.1.1 Contradiction",
  ]
}

rule "message-deferred" {
  stage   = ["mail", "data", "body"]
  code    = "4xx"
  scope   = "message"
  action  = "retry"
  meaning = "The upstream does not take the message now."
  source  = "RFC 5321 4.2.1"
  examples = [
    "mail 450 4.3.0 Error: command failed",
    "mail 452 Requested action not taken",
    "data 451 Requested action aborted: local error in processing",
    "dot 451 4.3.0 Error: queue file write error",
    "dot 451 4.7.1 Service unavailable - try again later",
    "dot 450 5.7.1 Contradiction",
  ]
}

rule "mail-not-understood" {
  stage   = "mail"
  code    = ["500", "501", "502", "504", "555"]
  scope   = "message"
  action  = "failover"
  then    = "bounce"
  meaning = "The upstream does not understand MAIL for this message; another may."
  source  = "RFC 5321 4.2.2; RFC 1869"
  examples = [
    "mail 501 5.5.4 Syntax: MAIL FROM:<address>",
    "mail 555 5.5.4 Unsupported option: SMTPUTF8",
    "mail 500 5.3.0 Error: command failed",
  ]
}

rule "mail-form-refused" {
  stage    = "mail"
  enhanced = ["5.5.*", "5.6.*"]
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The upstream cannot carry a message of this form; another may."
  source   = "RFC 3463 X.5, X.6; RFC 6531"
  examples = [
    "mail 553 5.6.7 SMTPUTF8 is required",
    "mail 554 5.6.3 Conversion required but not supported",
  ]
}

rule "mail-too-large" {
  stage    = "mail"
  code     = "552"
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The upstream has no room for a message of this size; another may."
  source   = "RFC 1870 6"
  examples = ["mail 552 Requested mail action aborted: exceeded storage allocation"]
}

# MAIL carries little but the sender, so that is what is refused.
rule "mail-refused" {
  stage   = "mail"
  code    = "5xx"
  scope   = "sender"
  action  = "hold"
  meaning = "The upstream refuses mail of this sender."
  source  = "RFC 5321 4.2.1, 3.3"
  examples = [
    "mail 550 5.7.1 Access denied",
    "mail 553 Requested action not taken",
    "mail 554 Transaction failed",
    "mail 550 5.1.0 Address rejected",
  ]
}

rule "content-refused" {
  stage    = "body"
  enhanced = ["5.6.*", "5.7.*"]
  scope    = "message"
  action   = "bounce"
  meaning  = "The upstream does not take what is in the message."
  source   = "RFC 3463 X.6, X.7"
  examples = [
    "dot 554 5.7.1 Spam message rejected",
    "dot 550 5.7.1 Message rejected due to virus",
    "dot 550 5.6.0 Lone CR or LF in body",
    "body 554 5.7.1 Rejected while it was sent",
  ]
}

rule "no-room" {
  stage    = ["data", "body"]
  code     = "552"
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The upstream has no room for a message of this size; another may."
  source   = "RFC 5321 4.2.2; RFC 1870 6"
  examples = ["dot 552 Requested mail action aborted: exceeded storage allocation"]
}

rule "message-refused" {
  stage   = ["data", "body"]
  code    = "5xx"
  scope   = "message"
  action  = "bounce"
  meaning = "The upstream does not take the message."
  source  = "RFC 5321 4.2.1"
  examples = [
    "data 554 5.5.1 Error: no valid recipients",
    "dot 554 Transaction failed",
    "dot 550 Administrative prohibition",
    "dot 554 5.4.6 Too many hops",
  ]
}

# --- Not SMTP ----------------------------------------------------------------

rule "answer-unclear" {
  code     = "xxx"
  dot_sent = true
  class    = "unknown"
  scope    = "upstream"
  action   = "retry"
  then     = "hold"
  meaning  = "The final dot was answered by something that is neither yes nor no: the mail may have been delivered or not."
  source   = "RFC 5321 4.2.1"
  examples = [
    "dot 354 Go ahead",
    "dot 999 What",
    "dot 150 Later",
  ]
}

rule "out-of-step" {
  code    = "xxx"
  scope   = "upstream"
  action  = "failover"
  meaning = "The upstream gave an answer that has no place here."
  source  = "RFC 5321 4.2.1, 4.3.2"
  examples = [
    "data 250 Ok",
    "mail 354 Go ahead",
    "rcpt 999 What",
    "auth 334 VXNlcm5hbWU6",
    "greeting 100 Hello",
    "dial 554 How",
    "none 250 Ok",
  ]
}
