# Sinch Mailgun. The format is explained in generic.hcl.

version   = 2
providers = ["mailgun"]

presets {
  max_message_size = "25MiB"
  source           = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages"
}

rule "mailgun-limit" {
  text_regex = "(not allowed to send: .*|\\b(request|sending|message|daily|hourly|monthly) )limit (\\(\\d+\\) )?(is )?(exceeded|reached)"
  scope      = "upstream"
  action     = "failover"
  then       = "park"
  delay      = "1h"
  free       = true
  meaning    = "A limit of the account or the domain is used up."
  source     = "texts of Mailgun's API and SMTP, as seen in public code"
  examples = [
    "data 421 Domain mg.example.com is not allowed to send: daily request limit (100) exceeded",
    "data 420 Domain mg.example.com is not allowed to send: recipient limit exceeded",
  ]
}

rule "mailgun-account" {
  text_regex = [
    "(free accounts|sandbox subdomains) are for test purposes only",
    "activate your (mailgun )?account",
    "\\bdomain\\b.{0,255} is not allowed to send",
    "(^|: |\\byour )account (is )?(terminated|disabled|suspended)",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "Mailgun does not let the account or its domain send: not activated, not verified, a sandbox, or shut."
  source  = "https://help.mailgun.com/hc/en-us/articles/217531258-Authorized-Recipients"
  examples = [
    "data 554 Free accounts are for test purposes only. Please upgrade or add the address to authorized recipients in Account Settings.",
    "data 421 Domain mg.example.com is not allowed to send: Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings.",
    "data 421 Domain mg.example.com is not allowed to send: The domain is unverified and requires DNS configuration. Log in to your control panel to view required DNS records.",
    "data 554 Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients in Account Settings.",
    "mail 421 Domain mg.example.com is not allowed to send: Please activate your Mailgun account. Check your inbox or log in to your control panel to resend the activation email.",
    "dot 421 The domain is not allowed to send: Account Terminated.",
  ]
}

rule "mailgun-recipient-domain" {
  text_regex = "recipients?'? domain (is )?disabled"
  scope      = "upstream"
  action     = "failover"
  then       = "park"
  delay      = "1h"
  free       = true
  meaning    = "Mailgun has throttled the account for the domain of the recipients."
  source     = "spamnesty, issue 97"
  examples   = ["dot 554 Recipients' domain disabled"]
}

rule "mailgun-credentials" {
  code     = "535"
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "Mailgun refuses the login: each domain has SMTP credentials of its own, which are not the API key, and each region a host of its own."
  source   = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages"
  examples = ["auth 535 Authentication failed"]
}

rule "mailgun-bad-recipient" {
  code     = "5xx"
  text     = ["cannot parse to address"]
  scope    = "recipient"
  action   = "bounce"
  meaning  = "A recipient's address is malformed."
  source   = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages"
  examples = ["rcpt 550 cannot parse to address"]
}

rule "mailgun-bad-sender" {
  code     = "5xx"
  text     = ["cannot parse from address"]
  scope    = "message"
  action   = "bounce"
  meaning  = "The address in From is malformed: repair it where the message is made."
  source   = "https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages"
  examples = ["dot 550 cannot parse from address"]
}
