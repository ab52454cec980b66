# Twilio SendGrid, SMTP API. The format is explained in generic.hcl.

version   = 2
providers = ["sendgrid"]

presets {
  # The message with its attachments; connections and recipients have limits
  # far above what a relay uses by itself.
  max_message_size = "30MiB"
  source           = "https://www.twilio.com/docs/sendgrid/api-reference/mail-send/limitations"
}

# Dressed as a failed login, and as temporary.
rule "sendgrid-credits" {
  text    = ["maximum credits exceeded"]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "1h"
  free    = true
  warn    = true
  meaning = "The credits of the account are used up: those of a free account return at midnight UTC."
  source  = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting"
  examples = [
    "auth 451 Authentication failed: Maximum credits exceeded",
    "mail 451 Authentication failed: Maximum credits exceeded",
    "dot 550 Maximum credits exceeded",
  ]
}

rule "sendgrid-sender" {
  code    = "5xx"
  text    = ["does not match a verified sender identity", "not authorized to send from that email address"]
  scope   = "sender"
  action  = "hold"
  meaning = "From is not a verified sender identity of the account."
  source  = "https://github.com/chatwoot/chatwoot/issues/9188"
  examples = [
    "dot 550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements",
    "dot 550 You are not authorized to send from that email address",
  ]
}

rule "sendgrid-not-logged-in" {
  code     = "5xx"
  text     = ["unauthenticated senders not allowed"]
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "There was no login: see auth of the upstream; the user name is the word apikey."
  source   = "https://github.com/sendgrid/docs/issues/6473"
  examples = ["mail 550 Unauthenticated senders not allowed"]
}

rule "sendgrid-hourly-recipients" {
  code    = "4xx"
  text    = ["too many recipients received"]
  scope   = "upstream"
  action  = "slow"
  delay   = "5m"
  meaning = "Too many recipients within the hour."
  source  = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting"
  examples = [
    "rcpt 452 Too many recipients received this hour",
    "mail 452 Too many recipients received this hour (throttled)",
  ]
}

rule "sendgrid-too-frequent" {
  code    = "4xx"
  text    = ["too frequent connects", "temporarily deferred"]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "1m"
  meaning = "Too many messages or connections in too short a time."
  source  = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting"
  examples = [
    "greeting 450 too frequent connects from 192.0.2.1, please try again later.",
    "dot 421 Message from (192.0.2.1) temporarily deferred",
  ]
}

rule "sendgrid-credentials" {
  stage      = ["hello", "auth", "mail"]
  code       = "5xx"
  text_regex = "authentication failed|bad username / password|authorization grant is invalid|account (is )?(disabled|suspended|under review)"
  scope      = "upstream"
  action     = "disable"
  delay      = "1m"
  meaning    = "SendGrid refuses the API key, or has shut the account."
  source     = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api"
  examples = [
    "auth 535 Authentication failed: Bad username / password",
    "auth 535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
  ]
}

rule "sendgrid-too-large-or-full" {
  code     = "552"
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The message is larger than SendGrid takes; another upstream may take more."
  source   = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting"
  examples = ["dot 552 This message is larger than the current system limit or the recipient's mailbox is full. Create a shorter message body or remove attachments and try sending it again."]
}
