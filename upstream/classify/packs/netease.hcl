# NetEase: 163, 126, yeah.net and the company mail. The text starts with a code
# of NetEase's own, "HL:ICC". The format is explained in generic.hcl.

version   = 2
providers = ["netease"]

presets {
  # The sender must be the user of the login, and <> is not.
  refuses_null_sender = true
  source              = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
}

rule "netease-slow" {
  code    = "4xx"
  text    = ["hl:icc", "hl:ifc", "hl:mep", "hl:rep", "mi:sfq", "mi:dmc", "rp:qrc"]
  scope   = "upstream"
  action  = "slow"
  delay   = "1m"
  meaning = "Too many connections at a time (HL:ICC), or too much mail in a short time: from our address (HL:IFC), of this sender in 15 minutes (MI:SFQ), in one connection (MI:DMC), to too many recipients (RP:QRC), or of a suspicious kind (HL:REP, HL:MEP)."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "greeting 421 HL:ICC",
    "greeting 421 HL:IFC",
    "dot 451 MI:SFQ",
    "mail 450 MI:DMC",
    "greeting 421 HL:REP",
    "rcpt 451 RP:QRC",
  ]
}

rule "netease-daily" {
  code    = "5xx"
  text    = ["mi:stc", "rp:trc"]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "1h"
  free    = true
  meaning = "The sender has reached its limit of sessions (MI:STC) or recipients (RP:TRC) for the day."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "mail 550 MI:STC",
    "rcpt 550 RP:TRC",
  ]
}

rule "netease-spam-for-now" {
  code     = "4xx"
  text     = ["dt:spm"]
  scope    = "message"
  action   = "retry"
  then     = "failover"
  delay    = "2m"
  meaning  = "NetEase takes the content for spam, and advises to try again after two minutes."
  source   = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = ["dot 451 DT:SPM ,please try again"]
}

rule "netease-spam" {
  code    = "5xx"
  text    = ["dt:spm", "illegal attachment"]
  scope   = "message"
  action  = "bounce"
  meaning = "NetEase takes the content for spam, or does not take its attachment."
  source  = "https://github.com/Vincedream/NodeMail/issues/20"
  examples = [
    "dot 554 DT:SPM 126 smtp2,DMmowAAnNDQz4zxdCk6LIw--.52838S2 1564271411,please see http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1&hostid=smtp2&time=1564271411",
    "dot 550 DT:SPM",
    "dot 552 Illegal Attachment",
  ]
}

# Dressed as temporary.
rule "netease-logins" {
  text_regex = "too (much|many) fail(ed)? authentication|auth error limit exceed"
  scope      = "upstream"
  action     = "disable"
  delay      = "10m"
  meaning    = "Too many failed logins: the credentials are wrong, and NetEase has shut the login for a while."
  source     = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "auth 451 Requested mail action not taken: too much fail authentication",
    "auth 451 too many failed authentications",
    "greeting 554 IP is rejected, smtp auth error limit exceed,126 smtp3,DcmowAAHjJkIJ1JZiXLTJg--.50667S0 1498556168",
  ]
}

rule "netease-credentials" {
  stage      = ["hello", "auth", "mail"]
  code       = "5xx"
  text_regex = "authentication failed|user has no permission|authentication is required|user (is )?locked"
  scope      = "upstream"
  action     = "disable"
  delay      = "1m"
  meaning    = "NetEase refuses the login: it wants an authorization code in place of the password, and SMTP switched on in the mailbox."
  source     = "https://github.com/open-falcon/mail-provider/issues/6"
  examples = [
    "auth 535 Error: authentication failed",
    "auth 550 User has no permission",
    "mail 553 authentication is required",
    "auth 550 User is locked",
  ]
}

rule "netease-sender" {
  code    = "5xx"
  text    = ["must equal authorized user", "dt:sum", "mi:imf"]
  scope   = "sender"
  action  = "hold"
  meaning = "The sender must be the user of the login, in the envelope and in From: see rewrite of the upstream."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "mail 553 Mail from must equal authorized user",
    "dot 554 DT:SUM",
    "mail 550 MI:IMF",
  ]
}

rule "netease-sender-unauthenticated" {
  code    = "5xx"
  text    = ["mi:spf", "mi:dma"]
  scope   = "sender"
  action  = "hold"
  meaning = "SPF (MI:SPF) or DMARC (MI:DMA) of the sender's domain does not let this way send for it."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "mail 550 MI:SPF",
    "dot 550 MI:DMA",
  ]
}

rule "netease-null-sender" {
  code     = "5xx"
  text     = ["null sender is not allowed"]
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "NetEase takes no null sender, so notices must go by another upstream."
  source   = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = ["mail 553 Requested action not taken: NULL sender is not allowed"]
}

rule "netease-address-blocked" {
  text    = ["hl:ipb", "hl:ihu", "dt:rbl", "wm:bli", "wm:blu", "mi:spb", "ip is in blacklist"]
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "Our address (HL:IPB, HL:IHU, DT:RBL, WM:BLI) or the user (WM:BLU) is not let in: the way is at fault."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "greeting 554 HL:IPB",
    "greeting 554 HL:IHU",
    "rcpt 450 DT:RBL",
    "rcpt 450 WM:BLI",
  ]
}

rule "netease-relay-denied" {
  code    = "5xx"
  text    = ["rp:frl", "local user only", "no smtp mx only", "mi:nhd"]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "This host of NetEase does not let us relay, or does not take our name: see address and auth of the upstream, and hostname."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "rcpt 550 RP:FRL",
    "rcpt 553 Requested action not taken: Local user only",
    "mail 553 Requested action not taken: no smtp MX only",
  ]
}

rule "netease-too-many-recipients" {
  stage   = "rcpt"
  text    = ["rp:drc", "rp:rcl", "too much recipient"]
  scope   = "recipient"
  action  = "retry"
  split   = "half"
  free    = true
  meaning = "The transaction has as many recipients as it may; the others go in a later one."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "rcpt 450 RP:DRC",
    "rcpt 550 RP:RCL",
    "rcpt 550 Requested mail action not taken: too much recipient",
  ]
}

rule "netease-out-of-step" {
  code    = "4xx"
  text    = ["mi:cel", "mi:ccl", "rp:cel", "rp:ccl"]
  scope   = "upstream"
  action  = "failover"
  free    = false
  meaning = "Too many commands, or wrong ones, in one connection."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "mail 450 MI:CEL",
    "rcpt 451 RP:CEL",
  ]
}

rule "netease-recipient" {
  stage   = ["rcpt", "data", "body"]
  code    = "5xx"
  text    = ["invalid user", "user not found", "user in blacklist", "user suspended"]
  scope   = "recipient"
  action  = "bounce"
  meaning = "The recipient does not exist, or is shut."
  source  = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = [
    "rcpt 550 Invalid User: bob@example.com",
    "rcpt 550 User not found: bob@example.com",
    "rcpt 550 User suspended",
    "rcpt 550 User in blacklist",
  ]
}

rule "netease-too-large" {
  code     = "552"
  text     = ["exceeded mailsize limit"]
  scope    = "message"
  action   = "failover"
  then     = "bounce"
  meaning  = "The message is larger than NetEase takes; another upstream may take more."
  source   = "http://help.163.com/09/1224/17/5RAJ4LMH00753VB8.html"
  examples = ["dot 552 Requested mail action aborted: exceeded mailsize limit"]
}
