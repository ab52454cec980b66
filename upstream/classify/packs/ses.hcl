# Amazon SES, SMTP interface. The format is explained in generic.hcl.

version   = 2
providers = ["ses"]

presets {
  # 50 recipients for each message, 40 MB after encoding, which EHLO does not
  # tell. The rate is the account's: see the console.
  max_recipients   = 50
  max_message_size = "40MiB"
  # SES writes Message-ID and Date anew, and asks not to sign the other two.
  unsigned_headers = ["Message-ID", "Date", "Return-Path", "Bounces-To"]
  # The answer is that of the rule ses-null-sender.
  refuses_null_sender = true
  source              = "https://docs.aws.amazon.com/ses/latest/dg/quotas.html; https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-manual.html; https://github.com/docker-mailserver/docker-mailserver/issues/2403"
}

rule "ses-rate" {
  code    = "4xx"
  text    = ["maximum sending rate exceeded"]
  scope   = "upstream"
  action  = "slow"
  delay   = "2s"
  meaning = "More messages a second than the account may send: see rate of the upstream."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"
  examples = [
    "dot 454 Throttling failure: Maximum sending rate exceeded.",
    "data 454 Throttling failure: Maximum sending rate exceeded",
  ]
}

rule "ses-daily-quota" {
  text    = ["daily message quota exceeded", "daily sending quota exceeded"]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "1h"
  free    = true
  meaning = "The account's quota of recipients in 24 hours is used up."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"
  examples = [
    "dot 454 Throttling failure: Daily message quota exceeded.",
    "data 454 Throttling failure: Daily sending quota exceeded",
  ]
}

rule "ses-connections" {
  code    = "421"
  text    = ["too many concurrent smtp connections"]
  scope   = "upstream"
  action  = "slow"
  delay   = "30s"
  meaning = "More connections at a time than the account may have: see max_connections of the upstream."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = [
    "greeting 421 Too many concurrent SMTP connections",
    "mail 421 Too many concurrent SMTP connections",
  ]
}

# A breaker sees to it where this goes on.
rule "ses-login-trouble" {
  code     = "454"
  text     = ["temporary authentication failure"]
  scope    = "upstream"
  action   = "failover"
  free     = true
  meaning  = "SES cannot check the login now: a fault on its side, mostly."
  source   = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = ["auth 454 Temporary authentication failure"]
}

rule "ses-service-trouble" {
  code    = ["451", "454"]
  text    = ["temporary service failure", "timeout waiting for data"]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  free    = false
  meaning = "SES has a fault of its own, or did not get the message in time."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = [
    "dot 454 Temporary service failure",
    "dot 451 Temporary service failure",
    "body 451 4.4.2 Timeout waiting for data from client.",
  ]
}

rule "ses-credentials" {
  code    = ["530", "535"]
  text    = ["authentication credentials invalid", "not subscribed", "authentication required"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "SES refuses the login: SMTP credentials are not the keys of an IAM user, and each belongs to one region. Or the account is not subscribed to SES."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = [
    "auth 535 Authentication Credentials Invalid",
    "auth 535 Account not subscribed to SES",
    "mail 530 Authentication required",
  ]
}

rule "ses-not-authorized" {
  code     = "5xx"
  text     = ["is not authorized to perform"]
  scope    = "sender"
  action   = "hold"
  meaning  = "The IAM user may not send as this identity: see its policy, and that of the identity."
  source   = "https://repost.aws/knowledge-center/amazon-ses-iam-user-email-access-denied"
  examples = ["dot 554 Access denied: User `arn:aws:iam::123456789012:user/iam-user-name' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:eu-west-1:123456789012:identity/example.com'"]
}

rule "ses-not-verified" {
  code    = "5xx"
  text    = ["address is not verified", "identities failed the check"]
  scope   = "sender"
  action  = "hold"
  meaning = "The sender is not a verified identity in this region; in the sandbox the recipients must be, too."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = [
    "dot 554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: app@example.com",
    "dot 554 Message rejected: Email address is not verified.",
  ]
}

rule "ses-paused" {
  code    = "5xx"
  text    = ["sending paused for this account", "sending suspended for this account", "account is paused"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "AWS has paused sending for the account: it has written to its owner why."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html"
  examples = [
    "dot 554 Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",
    "dot 554 Message rejected: Sending suspended for this account. For more information, please check the inbox of the email address associated with your AWS account.",
  ]
}

rule "ses-configuration-set" {
  code       = "5xx"
  text_regex = "configuration set .*(does ?n.t|not) exist|paused for (this )?configuration set"
  scope      = "message"
  action     = "failover"
  then       = "hold"
  meaning    = "The configuration set that X-SES-CONFIGURATION-SET of the message names does not exist, or is paused."
  source     = "errors of https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html"
  examples = [
    "dot 554 Configuration set <news> does not exist.",
    "dot 554 Message rejected: Sending paused for configuration set <news>.",
  ]
}

rule "ses-null-sender" {
  code     = "501"
  text     = ["invalid mail from address"]
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "SES takes no null sender, so notices must go by another upstream; else the sender's address is malformed."
  source   = "https://github.com/docker-mailserver/docker-mailserver/issues/2403"
  examples = ["mail 501 Invalid MAIL FROM address provided"]
}

rule "ses-recipient-count" {
  code     = "5xx"
  text     = ["recipient count exceeds"]
  scope    = "message"
  action   = "retry"
  split    = "half"
  meaning  = "The transaction had more recipients than SES takes: see max_recipients of the upstream, 50 at most."
  source   = "https://docs.aws.amazon.com/ses/latest/dg/quotas.html"
  examples = ["dot 554 Transaction failed: Recipient count exceeds 50."]
}

rule "ses-too-long" {
  stage   = ["mail", "data", "body"]
  code    = "552"
  scope   = "message"
  action  = "failover"
  then    = "bounce"
  meaning = "The message is larger than SES takes, 40 MB after encoding; another upstream may take more."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
  examples = [
    "dot 552 Message is too long.",
    "dot 552 5.3.4 Error: message file too big",
  ]
}

rule "ses-malformed" {
  code    = "554"
  text    = ["duplicate header", "missing final '@domain'", "invalid domain name", "local address contains control or whitespace", "illegal address", "domain contains"]
  scope   = "message"
  action  = "bounce"
  meaning = "SES cannot read the header of the message: repair the field that it names; each of the usual ones may be there once."
  source  = "https://docs.aws.amazon.com/ses/latest/dg/header-fields.html"
  examples = [
    "dot 554 Transaction failed: Duplicate header 'DKIM-Signature'.",
    "dot 554 Transaction failed: Missing final '@domain'",
    "dot 554 Transaction failed: Invalid domain name: 'localhost'.",
  ]
}

rule "ses-suppressed" {
  code     = "554"
  text     = ["address blacklisted"]
  scope    = "message"
  action   = "bounce"
  meaning  = "A recipient is on the suppression list of SES: mail to it has bounced before."
  source   = "https://docs.aws.amazon.com/ses/latest/dg/sending-email-global-suppression-list.html"
  examples = ["dot 554 Message rejected: Address blacklisted."]
}
