# Gmail (smtp.gmail.com) and the relay of Google Workspace
# (smtp-relay.gmail.com). The format is explained in generic.hcl.

version   = 2
providers = ["gmail"]

presets {
  # The relay's limit for a transaction.
  max_recipients = 100
  source         = "https://support.google.com/a/answer/6140680"
}

rule "gmail-daily-limit" {
  code    = "5xx"
  text    = ["daily user sending", "daily sending quota", "daily smtp relay limit", "daily smtp relay sending limit"]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "24h"
  free    = true
  meaning = "The user, or the whole organization, has sent as much as it may in 24 hours."
  source  = "https://support.google.com/a/answer/3726730; https://support.google.com/a/answer/166852"
  examples = [
    "dot 550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852 - gsmtp",
    "dot 550 5.4.5 Daily user sending quota exceeded. - gsmtp",
    "dot 550 5.4.5 Daily SMTP relay limit exceeded for user. - gsmtp",
    "dot 550 5.7.1 Daily SMTP relay limit exceeded for customer. - gsmtp",
  ]
}

rule "gmail-daily-limit-by-code" {
  enhanced = "5.4.5"
  scope    = "upstream"
  action   = "failover"
  then     = "park"
  delay    = "24h"
  free     = true
  meaning  = "The user, or the whole organization, has sent as much as it may in 24 hours."
  source   = "https://support.google.com/a/answer/3726730"
  examples = ["dot 550 5.4.5 Limit exceeded"]
}

rule "gmail-peak" {
  code    = "4xx"
  text    = ["peak smtp relay limit"]
  scope   = "upstream"
  action  = "slow"
  delay   = "1m"
  meaning = "The organization sends faster than the relay allows."
  source  = "https://support.google.com/a/answer/6140680"
  examples = [
    "dot 450 4.2.1 Peak SMTP relay limit exceeded for customer. This is a temporary error. For more information on SMTP relay limits, please contact your administrator or visit https://support.google.com/a/answer/6140680 - gsmtp",
    "rcpt 450 4.2.1 Peak SMTP relay limit exceeded for customer.",
  ]
}

rule "gmail-name-refused" {
  stage    = "hello"
  code     = "421"
  text     = ["try again later, closing connection"]
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "Gmail refuses our name in EHLO: set hostname in the configuration to a full name of this host; localhost and the like are refused for good."
  source   = "https://support.google.com/a/answer/3221692; https://github.com/calcom/cal.diy/issues/13769"
  examples = ["hello 421 4.7.0 Try again later, closing connection. (EHLO) - gsmtp"]
}

rule "gmail-logins" {
  code     = "4xx"
  text     = ["too many login attempts"]
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "10m"
  meaning  = "Too many logins in a short time: connections must be kept and used again, not opened anew."
  source   = "https://support.google.com/a/answer/3726730"
  examples = ["auth 454 4.7.0 Too many login attempts, please try again later. For more information, go to https://support.google.com/mail/answer/7126229 - gsmtp"]
}

rule "gmail-credentials" {
  code    = ["534", "535"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "Google refuses the login: it wants an application password or xoauth2, or a look at the account by its owner."
  source  = "https://support.google.com/a/answer/3726730"
  examples = [
    "auth 535 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials - gsmtp",
    "auth 534 5.7.9 Application-specific password required. For more information, go to https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp",
    "auth 534 5.7.9 Please log in with your web browser and then try again. For more information, go to https://support.google.com/mail/?p=WebLoginRequired - gsmtp",
    "auth 534 5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in through your web browser and then try again. - gsmtp",
  ]
}

rule "gmail-relay-denied" {
  code    = "5xx"
  text    = ["mail relay denied", "invalid credentials for relay", "mail sending denied"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "Our address or the sender's domain is not registered in the relay settings of the organization."
  source  = "https://support.google.com/a/answer/6140680"
  examples = [
    "mail 550 5.7.0 Mail relay denied [192.0.2.1]. Invalid credentials for relay for one of the domains in: example.com (as obtained from HELO and MAIL FROM). - gsmtp",
    "rcpt 550 5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've registered in your Workspace SMTP Relay service doesn't match the domain of the account this email is being sent from. - gsmtp",
    "mail 550 5.7.0 Mail Sending denied. - gsmtp",
  ]
}

rule "gmail-one-domain" {
  stage   = "rcpt"
  code    = "4xx"
  text    = ["multiple destination domains per transaction", "policy size per transaction"]
  scope   = "recipient"
  action  = "retry"
  split   = "domain"
  free    = true
  meaning = "The recipient's domain does not go with those before it in one transaction; it goes in a later one."
  source  = "https://support.google.com/a/answer/3726730"
  examples = [
    "rcpt 451 4.3.0 Multiple destination domains per transaction is unsupported. Please try again. - gsmtp",
    "rcpt 452 4.5.3 Domain policy size per transaction exceeded, please try this recipient in a separate transaction. - gsmtp",
  ]
}

rule "gmail-too-many-recipients" {
  stage    = "rcpt"
  enhanced = ["4.5.3", "5.5.3"]
  scope    = "recipient"
  action   = "retry"
  split    = "half"
  free     = true
  meaning  = "The transaction has as many recipients as it may, 100 at the relay; the others go in a later one."
  source   = "https://support.google.com/a/answer/3726730"
  examples = [
    "rcpt 452 4.5.3 Your message has too many recipients. For more information regarding Google's sending limits, go to https://support.google.com/mail/?p=TooManyRecipientsError - gsmtp",
    "rcpt 550 5.5.3 Too many recipients for this sender - gsmtp",
  ]
}

rule "gmail-one-domain-at-data" {
  stage    = ["data", "body"]
  code     = "4xx"
  text     = ["multiple destination domains per transaction", "policy size per transaction"]
  scope    = "message"
  action   = "retry"
  split    = "domain"
  meaning  = "The recipients of the transaction do not go together: see max_recipients of the upstream."
  source   = "https://support.google.com/a/answer/3726730"
  examples = ["dot 451 4.3.0 Multiple destination domains per transaction is unsupported. Please try again. - gsmtp"]
}

rule "gmail-same-message-id" {
  text_regex = "same message-?id"
  scope      = "upstream"
  action     = "slow"
  delay      = "10m"
  warn       = true
  meaning    = "Too many messages with the same Message-ID: something sends the same message again and again."
  source     = "https://support.google.com/mail/answer/188131"
  examples = [
    "dot 421 4.7.28 Gmail has detected this message exceeded its quota for sending messages with the same Message-ID:. To best protect our users, the message has been temporarily rejected. - gsmtp",
    "dot 421 4.7.28 Gmail has detected an unusual rate of mail with the same Message-ID. - gsmtp",
  ]
}

rule "gmail-unusual-rate" {
  text    = ["unusual rate of"]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "10m"
  meaning = "More mail than Gmail is used to from us or the sender's domain."
  source  = "https://support.google.com/a/answer/3726730"
  examples = [
    "dot 421 4.7.28 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. Please visit https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp",
    "dot 550 5.7.28 There is an unusual rate of unsolicited mail originating from your IP address. - gsmtp",
  ]
}

rule "gmail-format" {
  code = "5xx"
  text_regex = [
    "missing a valid (message-?id|address in (the )?from)",
    "multiple addresses in from",
    "not rfc 5322 compliant",
    "encoded-word syntax",
    "unicode character in a disallowed header",
    "message is malformed",
    "header (size|name) limit",
  ]
  scope   = "message"
  action  = "bounce"
  meaning = "The header of the message is not as RFC 5322 wants it: repair the field that Gmail names (Message-ID, From, one that is there twice) where the message is made."
  source  = "https://support.google.com/a/answer/3726730"
  examples = [
    "dot 550 5.7.1 [192.0.2.1] Messages missing a valid messageId header are not accepted. - gsmtp",
    "dot 550 5.7.1 Messages missing a valid Message-ID: header are not accepted. - gsmtp",
    "dot 550 5.7.1 [192.0.2.1 14] Messages missing a valid address in From: header, or having no From: header, are not accepted. - gsmtp",
    "dot 550 5.7.1 This message is not RFC 5322 compliant. There are multiple Subject headers. To reduce the amount of spam sent to Gmail, this message has been blocked. - gsmtp",
    "dot 554 5.6.0 Mail message is malformed. Not accepted. - gsmtp",
  ]
}

rule "gmail-size" {
  code    = "552"
  text    = ["message size limit", "number of attachments", "header size"]
  scope   = "message"
  action  = "failover"
  then    = "bounce"
  meaning = "The message, its header or the number of its attachments is larger than Google takes; another upstream may take more."
  source  = "https://support.google.com/mail/?p=MaxSizeError"
  examples = [
    "dot 552 5.3.4 Your message exceeded Google's message size limits. To view our message size guidelines, go to https://support.google.com/mail/?p=MaxSizeError - gsmtp",
    "dot 552 5.2.3 Your message exceeded Google's message size limits. Please visit http://mail.google.com/support/bin/answer.py?answer=8770 to review our size guidelines.",
  ]
}

rule "gmail-busy" {
  enhanced = ["4.3.0", "4.4.5", "4.4.2"]
  stage    = ["greeting", "hello", "auth", "mail", "data", "body"]
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "30s"
  free     = false
  meaning  = "Google has a fault of its own, or is busy."
  source   = "https://support.google.com/a/answer/3726730"
  examples = [
    "mail 421 4.3.0 Temporary System Problem. Try again later. - gsmtp",
    "mail 421 4.4.5 Server busy, try again later. - gsmtp",
    "dot 451 4.3.0 Mail server temporarily rejected message. - gsmtp",
    "body 451 4.4.2 Timeout - closing connection. - gsmtp",
  ]
}

rule "gmail-policy" {
  code    = "5xx"
  text    = ["has a policy that prohibited", "email policy. - gcdp"]
  scope   = "message"
  action  = "bounce"
  meaning = "A rule that the administrator of a domain has made prohibits this mail."
  source  = "https://support.google.com/a/answer/172179"
  examples = [
    "dot 550 5.7.1 The user or domain that you are sending to (or from) has a policy that prohibited the mail that you sent. Please contact your domain administrator for further details. - gsmtp",
    "dot 550 5.7.1 This message violates example.com email policy. - gcdp 123 - gsmtp",
  ]
}
