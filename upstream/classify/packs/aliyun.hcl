# Alibaba Cloud DirectMail, and Alibaba Mail, which answers much the same. The
# format is explained in generic.hcl.

version   = 2
providers = ["aliyun"]

presets {
  # The sender must be the user of the login, and <> is not.
  refuses_null_sender = true
  source              = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
}

rule "aliyun-quota" {
  text_regex = "(daily|monthly)( sending)? quota exceeded|not enough sending quota|sending quota exceeded"
  scope      = "upstream"
  action     = "failover"
  then       = "park"
  delay      = "1h"
  free       = true
  meaning    = "The quota of the account for the day or the month is used up."
  source     = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "dot 552 Daily sending quota exceeded",
    "dot 552 Monthly sending quota exceeded",
    "dot 552 Not enough sending quota",
    "dot 552 Daily quota exceeded",
  ]
}

rule "aliyun-account" {
  code    = "5xx"
  text    = ["main account unavailable", "isn't allowed to send email"]
  scope   = "upstream"
  action  = "disable"
  delay   = "10m"
  meaning = "The account may not send: see its state in the console."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "dot 551 Main account unavailable",
    "mail 541 This account isn't allowed to send email",
  ]
}

# A 4xx that does not pass.
rule "aliyun-sender" {
  code    = ["436", "440", "501"]
  text    = ["conform with authentication", "does not conform", "non-local account"]
  scope   = "sender"
  action  = "hold"
  meaning = "The sender must be the address of the login: see rewrite of the upstream."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "mail 436 \"MAIL FROM\" doesn't conform with authentication [@sm060104] (Auth Account:service1@example.com|Mail Account:service2@example.com)",
    "mail 440 mail from account doesn't conform with authentication",
    "mail 501 \"MAIL FROM\" is non-local account",
    "mail 436 MAIL FROM does not conform",
  ]
}

rule "aliyun-credentials" {
  stage      = ["hello", "auth", "mail"]
  code       = "5xx"
  text_regex = "authentication failure|username or passwd is null|cipher text is invalid"
  scope      = "upstream"
  action     = "disable"
  delay      = "1m"
  meaning    = "The login is refused: see auth of the upstream; the host must be that of the region of the account."
  source     = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "auth 535 Authentication failure.",
    "auth 526 Authentication failure[0]",
    "auth 524 username or passwd is NULL",
    "auth 523 cipher text is invalid base64 format",
  ]
}

rule "aliyun-recipient" {
  stage   = ["rcpt", "data", "body"]
  code    = "5xx"
  text    = ["rcptto", "dosn't exist", "isn't allowed to receive email", "\"rcpt to\" mailbox unavailable"]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient is on a list of invalid addresses, or does not exist."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "rcpt 559 Invalid rcptto",
    "rcpt 559 Invalid rcptto [@sm140302]",
    "rcpt 561 Honeypot rcptto [@out060104]",
    "rcpt 554 RCPT (bob@example.com) dosn't exist",
    "rcpt 553 \"RCPT TO\" mailbox unavailable",
    "rcpt 542 This account isn't allowed to receive email",
  ]
}

rule "aliyun-too-many-recipients" {
  stage   = "rcpt"
  code    = "5xx"
  text    = ["rcpts is over size", "rcpts is achieved the maximum"]
  scope   = "recipient"
  action  = "retry"
  split   = "half"
  free    = true
  meaning = "The transaction has as many recipients as it may; the others go in a later one."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "rcpt 556 The number of RCPTs is over size",
    "rcpt 505 the total of RCPTs is achieved the maximum threshold",
  ]
}

rule "aliyun-too-many-recipients-at-data" {
  stage    = ["data", "body"]
  code     = "5xx"
  text     = ["rcpts is over size", "rcpts is achieved the maximum"]
  scope    = "message"
  action   = "retry"
  split    = "half"
  meaning  = "The transaction had more recipients than DirectMail takes: see max_recipients of the upstream."
  source   = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = ["dot 556 The number of RCPTs is over size"]
}

rule "aliyun-too-large" {
  code    = ["557", "510"]
  text    = ["length of data content", "length of attach", "number of attachments"]
  scope   = "message"
  action  = "failover"
  then    = "bounce"
  meaning = "The message or its attachments are more than Alibaba takes; another upstream may take more."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "dot 557 The length of DATA content is achieved the maximum threshold",
    "dot 510 The length of DATA content is achieved the maximum threshold",
    "dot 510 The number of attachments is achieved the maximum threshold",
  ]
}

rule "aliyun-behaviour-for-now" {
  code     = "4xx"
  text     = ["reject by behaviour spam"]
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "10m"
  meaning  = "Alibaba dislikes how much we send in a short time, for now."
  source   = "Alibaba Mail, common return codes"
  examples = ["dot 454 Transient reject by behaviour spam"]
}

rule "aliyun-behaviour" {
  code     = "5xx"
  text     = ["reject by behaviour spam"]
  scope    = "upstream"
  action   = "failover"
  free     = false
  meaning  = "Alibaba dislikes how much we send, or from where: the way is at fault, not the recipient."
  source   = "Alibaba Mail, common return codes"
  examples = ["dot 554 Reject by behaviour spam"]
}

rule "aliyun-content" {
  code    = "5xx"
  text    = ["reject by content spam", "virus infected mail", "spamed by local spam engine"]
  scope   = "message"
  action  = "bounce"
  meaning = "Alibaba takes the content for spam, or found a virus in it."
  source  = "https://www.alibabacloud.com/help/zh/directmail/latest/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "dot 554 Reject by content spam",
    "dot 551 virus infected mail rejected",
  ]
}

rule "aliyun-settings" {
  code    = "504"
  text    = ["invalid setting"]
  scope   = "message"
  action  = "bounce"
  meaning = "The field X-AliDM-Settings of the message has a value that DirectMail does not know: repair it where the message is made."
  source  = "https://alibabacloud.com/help/tc/direct-mail/user-guide/summary-of-common-email-return-codes-and-solutions"
  examples = [
    "dot 504 Invalid setting [@sm190210]",
    "dot 504 Invalid setting: Unsubscribe.LinkType [@sm190211]",
  ]
}
