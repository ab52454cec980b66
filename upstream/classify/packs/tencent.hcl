# Tencent: QQ mail and Exmail. The format is explained in generic.hcl.

version   = 2
providers = ["tencent"]

presets {
  # The sender must be the user of the login, and <> is not.
  refuses_null_sender = true
  source              = "https://github.com/nodeSolidServer/node-solid-server/issues/1281"
}

# How many in a minute, an hour or a day is not published, so the presets have
# no rate. Before MAIL nothing is known of the message.
rule "tencent-sessions" {
  stage      = ["greeting", "hello", "auth"]
  code       = "5xx"
  text_regex = "(ip|connection) frequency limited|connection denied"
  scope      = "upstream"
  action     = "slow"
  then       = "failover"
  delay      = "1m"
  meaning    = "More connections from our address than Tencent allows in a minute, an hour or a day."
  source     = "https://service.mail.qq.com/detail/122/175; https://service.mail.qq.com/detail/122/170"
  examples   = ["greeting 550 Connection denied"]
}

rule "tencent-frequency" {
  stage      = ["mail", "rcpt", "data", "body"]
  code       = "5xx"
  text_regex = "(ip|domain|sender|connection) frequency limited|connection denied"
  scope      = "message"
  action     = "retry"
  delay      = "1m"
  free       = false
  meaning    = "Our address, the domain or the sender has sent more than Tencent allows in a minute, an hour or a day; a 550 that passes."
  source     = "https://service.mail.qq.com/detail/122/172 to 175; https://service.mail.qq.com/detail/122/170"
  examples = [
    "rcpt 550 Ip frequency limited [V2VkIEFwciAgMyAxNjozNjo1OSBKU1QgMjAxOQo=/RkNGMjlFQTVEQ0E Blocked IP 192.0.2.22]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725",
    "dot 550 Domain frequency limited",
    "dot 550 Sender frequency limited. http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000723",
    "mail 550 Connection frequency limited [Q1YzZ3kxdnRYYnpkbVZ0MAo+QTMzMTMzRjUxNzQ4Cg/MTI3MTY2MDge= Blocked IP 192.0.2.22]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000722",
    "rcpt 550 Connection denied",
  ]
}

rule "tencent-recipient-busy" {
  code     = "5xx"
  text     = ["mailbox unavailable or access denied", "mailbox unavailable or access denined"]
  scope    = "recipient"
  action   = "retry"
  delay    = "10m"
  meaning  = "The recipient has got too much mail in a short time; Tencent shuts the mailbox for a while."
  source   = "https://service.mail.qq.com/detail/122/166"
  examples = ["rcpt 550 Mailbox unavailable or access denied"]
}

rule "tencent-sender" {
  code    = ["4xx", "5xx"]
  text    = ["must be same as authorization user"]
  scope   = "sender"
  action  = "hold"
  meaning = "The sender must be the user of the login: see rewrite of the upstream."
  source  = "https://github.com/nodeSolidServer/node-solid-server/issues/1281"
  examples = [
    "mail 501 mail from address must be same as authorization user",
    "dot 501 mail from address must be same as authorization user.",
  ]
}

rule "tencent-credentials" {
  stage      = ["hello", "auth", "mail"]
  code       = "5xx"
  text_regex = "login fail|authentication failed|authorization code"
  scope      = "upstream"
  action     = "disable"
  delay      = "1m"
  meaning    = "Tencent refuses the login: it wants an authorization code in place of the password, and SMTP switched on in the mailbox."
  source     = "https://github.com/YMFE/yapi/issues/2219"
  examples = [
    "auth 535 Login Fail. Please enter your authorization code to login. More information in http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256",
    "auth 535 Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy. More information at https://help.mail.qq.com/detail/108/1023",
    "auth 535 Error: authentication failed, system busy",
  ]
}

rule "tencent-recipient" {
  stage   = ["rcpt", "data", "body"]
  code    = "5xx"
  text    = ["mailbox not found", "is a deactivated mailbox", "mail is rejected by recipients", "user does not exist"]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient does not exist, or does not want this mail."
  source  = "https://service.mail.qq.com/detail/122/169; https://service.mail.qq.com/detail/122/92"
  examples = [
    "rcpt 550 Mailbox not found. http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728",
    "dot 550 Mail is rejected by recipients",
  ]
}

rule "tencent-content" {
  code    = "5xx"
  text    = ["mail content denied", "content rejected", "spam is embedded in the email"]
  scope   = "message"
  action  = "bounce"
  meaning = "Tencent takes the content for spam."
  source  = "https://service.mail.qq.com/detail/122/171"
  examples = [
    "dot 550 Mail content denied. http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726",
    "dot 550 Error: content rejected;",
  ]
}

rule "tencent-suspected" {
  code    = "5xx"
  text    = ["suspected bounce attacks", "suspected spam ip", "suspected spam"]
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "Tencent takes our address or the sender for a source of spam: the way is at fault, not the recipient."
  source  = "https://service.mail.qq.com/detail/122/66; https://service.mail.qq.com/detail/122/57"
  examples = [
    "dot 550 Suspected spam sender.",
    "greeting 550 Suspected spam ip",
    "rcpt 550 Suspected bounce attacks",
  ]
}

rule "tencent-sender-unauthenticated" {
  code    = "5xx"
  text    = ["spf check failed", "dmarc check failed"]
  scope   = "sender"
  action  = "hold"
  meaning = "SPF or DMARC of the sender's domain does not let this way send for it."
  source  = "https://service.mail.qq.com/detail/122/72"
  examples = [
    "dot 550 DMARC check failed. http://service.mail.qq.com/cgi-bin/help?subtype=1&&no=1001508&&id=16.",
    "mail 550 SPF check failed",
  ]
}

rule "tencent-too-large" {
  stage    = ["mail", "data", "body"]
  code     = "552"
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The message is larger than Tencent takes; another upstream may take more."
  source   = "https://service.mail.qq.com/detail/122/168"
  examples = ["dot 552 Message too large"]
}
