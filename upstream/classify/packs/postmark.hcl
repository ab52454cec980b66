# Postmark. The format is explained in generic.hcl.

version   = 2
providers = ["postmark"]

presets {
  max_recipients   = 50
  max_message_size = "10MiB"
  # It writes Message-ID anew, unless X-PM-KeepID says true.
  unsigned_headers = ["Message-ID"]
  source           = "https://postmarkapp.com/developer; https://postmarkapp.com/developer/user-guide/send-email-with-smtp"
}

rule "postmark-inactive" {
  code    = "5xx"
  text    = ["smtp api error", "inactive recipient", "marked as inactive", "inactive address"]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient is on Postmark's suppression list, after a bounce, a complaint or an unsubscription: reactivate it there."
  source  = "https://postmarkapp.com/developer/webhooks/smtp-api-error"
  examples = [
    "dot 550 SMTP API error",
    "rcpt 550 5.1.1 Inactive recipient",
    "dot 550 5.7.1 You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: bob@example.com. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression.",
  ]
}

rule "postmark-credits" {
  text     = ["ran out of credits"]
  scope    = "upstream"
  action   = "failover"
  then     = "park"
  delay    = "1h"
  free     = true
  meaning  = "The credits of the account are used up (error 405 of the API)."
  source   = "https://postmarkapp.com/developer/api/overview#error-codes"
  examples = ["dot 550 Not allowed to send: you ran out of credits"]
}

rule "postmark-pending" {
  code     = "5xx"
  text     = ["pending approval"]
  scope    = "message"
  action   = "failover"
  then     = "hold"
  meaning  = "Until Postmark has approved the account, it sends within the domain of From only."
  source   = "https://postmarkapp.com/developer/api/overview#error-codes"
  examples = ["dot 550 While your account is pending approval, all recipient addresses must share the same domain as the 'From' address. The domain of the recipient violating this restriction: example.com."]
}

rule "postmark-sender" {
  code    = "5xx"
  text    = ["sender signature", "invalid 'from'"]
  scope   = "sender"
  action  = "hold"
  meaning = "From is no confirmed sender signature, nor of a verified domain, of the account."
  source  = "https://postmarkapp.com/developer/api/overview#error-codes"
  examples = [
    "dot 550 The 'From' address you supplied (app@example.com) is not a Sender Signature on your account. Please add and confirm this address in order to be able to use it in the 'From' field of your messages.",
    "dot 550 Invalid 'From' value.",
  ]
}

rule "postmark-bad-recipient" {
  code     = "5xx"
  text     = ["invalid 'to'", "invalid 'cc'", "invalid 'bcc'"]
  scope    = "recipient"
  action   = "bounce"
  meaning  = "A recipient's address is malformed."
  source   = "https://postmarkapp.com/developer/api/overview#error-codes"
  examples = ["dot 550 Error parsing 'To': Invalid 'To' address: 'bob@'."]
}

rule "postmark-credentials" {
  code    = "535"
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "Postmark refuses the login: user name and password are both the server API token."
  source  = "https://postmarkapp.com/support/article/common-smtp-connection-errors"
  examples = [
    "auth 535 5.7.8 Error: authentication failed: Invalid user or password",
    "auth 535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
  ]
}
