# Microsoft 365 (Exchange Online), SMTP AUTH submission and relay by connector.
# The format is explained in generic.hcl.

version   = 2
providers = ["microsoft365"]

presets {
  # Of each mailbox: three connections, 30 messages a minute. 4.5.3 is answered
  # above 200 recipients of one domain.
  max_connections = 3
  max_recipients  = 200
  rate            = "30/m"
  count           = "messages"
  source          = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements; https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
}

# --- Rate and quota ----------------------------------------------------------

rule "microsoft365-connections" {
  code = "4xx"
  text = [
    "concurrent connections limit exceeded", "sender thread limit exceeded",
    "submission rate for this client",
  ]
  scope   = "upstream"
  action  = "slow"
  delay   = "1m"
  meaning = "More than three connections, or 30 messages a minute, by this mailbox: another program may use it too."
  source  = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements"
  examples = [
    "mail 432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
    "dot 432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
    "mail 421 4.4.2 Message submission rate for this client has exceeded the configured limit",
  ]
}

rule "microsoft365-submission-quota" {
  text = [
    "submissionquotaexceeded", "submission quota exceeded", "submission quota was exceeded",
  ]
  scope   = "upstream"
  action  = "failover"
  then    = "park"
  delay   = "1h"
  free    = true
  meaning = "The mailbox has reached its limit of recipients in 24 hours."
  source  = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements; OfficeDocs-Support, issue 1150"
  examples = [
    "dot 554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
    "dot 554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception with message The message can't be submitted because the sender's submission quota was exceeded.",
    "dot 550 5.2.2 Submission quota exceeded",
  ]
}

rule "microsoft365-recipient-limit" {
  enhanced = "5.1.90"
  scope    = "upstream"
  action   = "failover"
  then     = "park"
  delay    = "1h"
  free     = true
  meaning  = "The mailbox has reached its limit of recipients in 24 hours."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = ["dot 550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients"]
}

rule "microsoft365-outbound-quota" {
  code       = "5xx"
  text_regex = "verdict is refusequota"
  scope      = "upstream"
  action     = "failover"
  then       = "park"
  delay      = "1h"
  free       = true
  meaning    = "The mailbox has sent as much as Microsoft lets it, for now: an account that is new may send little."
  source     = "https://github.com/nodemailer/nodemailer/issues/1486"
  examples   = ["dot 554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is RefuseQuota, ShowTierUpgrade."]
}

# Must come before what is known of full mailboxes: this one is the sender's.
rule "microsoft365-own-mailbox-full" {
  code    = "5xx"
  text    = ["storedrv.submission.exception:quotaexceeded"]
  scope   = "upstream"
  action  = "disable"
  delay   = "10m"
  meaning = "The mailbox that we log in to is full, its Sent Items included, and may not send: empty it."
  source  = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements"
  examples = [
    "dot 554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
    "dot 554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded",
  ]
}

rule "microsoft365-recipient-hourly" {
  enhanced = ["5.2.121", "5.2.122"]
  scope    = "recipient"
  action   = "retry"
  delay    = "1h"
  meaning  = "The recipient has got as much mail in this hour as one may, in all or of this sender; a 5xx that passes."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "dot 554 5.2.121 The sender has exceeded the limit for the number of messages they can send to this recipient per hour. For more information go to http://go.microsoft.com/fwlink/?LinkId=526653.",
    "rcpt 554 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour. For more information go to http://go.microsoft.com/fwlink/?LinkId=526653.",
  ]
}

rule "microsoft365-recipient-throttled" {
  code     = "4xx"
  text     = ["recipient thread limit exceeded"]
  scope    = "recipient"
  action   = "retry"
  delay    = "1m"
  meaning  = "The recipient's mailbox gets too much mail at the moment."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = ["dot 432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded"]
}

rule "microsoft365-busy" {
  enhanced = "4.7.500-699"
  scope    = "upstream"
  action   = "slow"
  delay    = "1m"
  meaning  = "Exchange Online throttles us, while it looks at what we send."
  source   = "https://learn.microsoft.com/en-us/exchange/troubleshoot/email-delivery/fix-error-code-451-4-7-500-699-asxxx-in-exchange-online"
  examples = [
    "mail 451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS77712344)",
    "rcpt 451 4.7.650 The mail server [192.0.2.25] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S3113)",
    "mail 451 4.7.699 Access denied, please try again later",
  ]
}

rule "microsoft365-limits" {
  code     = "5xx"
  enhanced = "5.7.508"
  scope    = "upstream"
  action   = "slow"
  then     = "failover"
  delay    = "10m"
  meaning  = "Our address has sent more than it may within some time."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = ["mail 550 5.7.508 Access denied, [192.0.2.1] has exceeded permitted limits within range"]
}

rule "microsoft365-server-trouble" {
  code    = "4xx"
  text    = ["maximum number of concurrent", "temporary server error", "queue quota exceeded", "failed to be replicated", "pfa agent busy", "insufficient system resource"]
  scope   = "upstream"
  action  = "slow"
  then    = "failover"
  delay   = "30s"
  free    = false
  meaning = "Exchange Online has a fault of its own, or too many connections, of all its customers."
  source  = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "greeting 421 4.3.2 The maximum number of concurrent connections per resource forest has exceeded a limit, closing transmission channel.",
    "dot 451 4.7.0 Temporary server error. Please try again later. PRX4 NextHop: example.com",
    "rcpt 451 4.4.3 Temporary server error. Please try again later ATTR18",
    "mail 450 4.7.3 Organization queue quota exceeded.",
    "dot 451 4.4.0 Message failed to be replicated: No healthy secondary server available to accept replica at this time.",
    "mail 452 4.3.1 Insufficient system resources (TSTE)",
  ]
}

rule "microsoft365-too-many-recipients" {
  stage    = "rcpt"
  enhanced = ["4.5.3", "5.5.3"]
  scope    = "recipient"
  action   = "retry"
  split    = "half"
  free     = true
  meaning  = "The transaction has as many recipients as it may, 200 of one domain; the others go in a later one."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "rcpt 452 4.5.3 Too many recipients (AS780090)",
    "rcpt 550 5.5.3 Too many recipients",
  ]
}

# --- The account -------------------------------------------------------------

rule "microsoft365-account-suspended" {
  code       = "5xx"
  text_regex = ["verdict is (suspend|hip)", "accountdisabledexception"]
  scope      = "upstream"
  action     = "disable"
  delay      = "10m"
  meaning    = "Microsoft has suspended the mailbox that we log in to, or it is disabled: log in to it by a web browser and do what it asks for."
  source     = "https://github.com/DesertsP/Valine-Admin/issues/26; nodejs-nodemailer-outlook, issue 11"
  examples = [
    "dot 554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is HipNotify, ShowTierUpgrade.",
    "dot 554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception with message WASCL UserAction verdict is not None. Actual verdict is Suspend, ShowTierUpgrade.",
    "dot 554 5.2.0 STOREDRV.Submission.Exception:AccountDisabledException.MapiExceptionAccountDisabled",
  ]
}

rule "microsoft365-smtp-auth-off" {
  text_regex = [
    "smtpclientauthentication is disabled",
    "basic authentication is (disabled|not supported)",
    "security defaults policy",
    "did not meet the criteria to be authenticated",
    "user credentials were incorrect",
    "\\buser is locked by your organization",
  ]
  scope   = "upstream"
  action  = "disable"
  delay   = "1m"
  meaning = "A policy of the tenant keeps the mailbox from logging in by SMTP with a password: allow SMTP AUTH for it, or use xoauth2."
  source  = "https://aka.ms/smtp_auth_disabled"
  examples = [
    "auth 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
    "auth 535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
    "auth 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
    "auth 535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
    "mail 550 5.7.30 Basic authentication is not supported for Client Submission.",
    "dot 550 5.7.30 Basic authentication is not supported for Client Submission.",
  ]
}

rule "microsoft365-not-logged-in" {
  enhanced = ["5.7.57", "5.7.3", "5.7.30"]
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "There was no login, or it is refused: see auth of the upstream, and Authenticated SMTP of the mailbox."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off"
  examples = [
    "mail 530 5.7.57 Client not authenticated to send mail.",
    "mail 530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
    "auth 535 5.7.3 Authentication unsuccessful",
  ]
}

rule "microsoft365-source-refused" {
  enhanced = "5.7.708"
  scope    = "upstream"
  action   = "failover"
  free     = false
  warn     = true
  meaning  = "Exchange Online takes no mail from our address, or from that of the tenant: new tenants have a low reputation."
  source   = "https://learn.microsoft.com/en-us/exchange/troubleshoot/email-delivery/ndr/fix-error-code-5-7-700-through-5-7-750"
  examples = ["dot 550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. For more information please go to http://go.microsoft.com/fwlink/?LinkId=526653."]
}

# The one of 5.7.700 to 750 that is about a recipient.
rule "microsoft365-recipient-blocked" {
  enhanced = "5.7.703"
  scope    = "recipient"
  action   = "bounce"
  meaning  = "The organization's own Tenant Allow/Block List keeps mail from the recipient: take the address off it, at https://security.microsoft.com/tenantAllowBlockList."
  source   = "https://learn.microsoft.com/en-us/defender-office-365/tenant-allow-block-list-email-spoof-configure"
  examples = [
    "rcpt 550 5.7.703 Your message can't be delivered because messages to bob@contoso.com are blocked by your organization using Tenant Allow Block List.",
    "dot 550 5.7.703 Your message can't be delivered because messages to bob@contoso.com, eve@contoso.com are blocked by your organization using Tenant Allow Block List.",
  ]
}

rule "microsoft365-account-blocked" {
  enhanced = ["5.1.8", "5.7.501-503", "5.7.700-750"]
  scope    = "upstream"
  action   = "disable"
  delay    = "10m"
  meaning  = "The account or the whole tenant is blocked for what it sent, or sends for domains that are not its own: an administrator has to release it."
  source   = "https://learn.microsoft.com/en-us/exchange/troubleshoot/email-delivery/ndr/fix-error-code-5-7-700-through-5-7-750"
  examples = [
    "dot 550 5.1.8 Access denied, bad outbound sender. For more information please go to http://go.microsoft.com/fwlink/?LinkId=875724. S(9333)",
    "dot 550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold.",
    "dot 550 5.7.501 Access denied, spam abuse detected",
    "dot 550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains.",
  ]
}

rule "microsoft365-connector" {
  enhanced = ["5.7.51", "5.7.54", "5.7.64"]
  scope    = "upstream"
  action   = "disable"
  delay    = "1m"
  meaning  = "No connector of the tenant fits our address or certificate, so it does not let us relay."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "rcpt 550 5.7.64 TenantAttribution; Relay Access Denied SMTP",
    "rcpt 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    "mail 550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set",
  ]
}

rule "microsoft365-address-banned" {
  enhanced = ["5.7.606-649", "5.7.511", "5.7.513"]
  scope    = "upstream"
  action   = "failover"
  free     = false
  meaning  = "Our address is on a block list of Microsoft's or the recipient's: the way is at fault. See https://sender.office.com."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "rcpt 550 5.7.606 Access denied, banned sending IP [198.51.100.222]. To request removal from this list please visit https://sender.office.com/ and follow the directions.",
    "rcpt 550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to delist@microsoft.com.",
    "mail 550 5.7.513 Service unavailable, Client host [192.0.2.1] blocked by example.com using Customer Block list (AS16012607)",
  ]
}

# --- The sender --------------------------------------------------------------

rule "microsoft365-send-as" {
  code    = "5xx"
  text    = ["sendasdenied", "permissions to send as this sender", "not allowed to send as"]
  scope   = "sender"
  action  = "hold"
  meaning = "The mailbox may not send as this address: grant it Send As, or see rewrite of the upstream."
  source  = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online; OfficeDocs-Support, issue 1187"
  examples = [
    "dot 550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "dot 554 5.2.252 SendAsDenied; relay@example.com not allowed to send as app@example.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
    "dot 554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message.",
  ]
}

rule "microsoft365-send-as-by-code" {
  enhanced = ["5.7.60", "5.2.252"]
  scope    = "sender"
  action   = "hold"
  meaning  = "The mailbox may not send as this address: grant it Send As, or see rewrite of the upstream."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = ["dot 550 5.7.60 Denied"]
}

rule "microsoft365-sender-unauthenticated" {
  enhanced = ["5.7.509", "5.7.515", "5.7.23"]
  scope    = "sender"
  action   = "hold"
  meaning  = "SPF, DKIM or DMARC of the sender's domain does not let this way send for it."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = [
    "dot 550 5.7.509 Access denied, sending domain [EXAMPLE.JP] does not pass DMARC verification and has a DMARC policy of reject.",
    "dot 550 5.7.515 Access denied, sending domain EXAMPLE.COM does not meet the required authentication level.",
  ]
}

# --- The message -------------------------------------------------------------

# What of STOREDRV.Submission no rule above knows. STOREDRV.Deliver is the
# recipient's mailbox, this is ours.
rule "microsoft365-submission" {
  code     = "5xx"
  text     = ["storedrv.submission"]
  scope    = "upstream"
  action   = "failover"
  then     = "hold"
  meaning  = "Exchange Online cannot send this message from the mailbox that we log in to: never the recipient's fault."
  source   = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements"
  examples = ["dot 554 5.2.0 STOREDRV.Submission.Exception:StoragePermanentException; Failed to process message due to a permanent exception with message Cannot submit message."]
}

rule "microsoft365-bare-line-feed" {
  enhanced = "5.6.11"
  scope    = "message"
  action   = "bounce"
  meaning  = "There are bare line feeds in the message: let the listener repair them with bare_newline = \"repair\", or end the lines with CR LF where the message is made."
  source   = "https://learn.microsoft.com/en-us/exchange/troubleshoot/email-delivery/ndr/fix-error-code-550-5-6-11-in-exchange-online"
  examples = ["dot 550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA and receiving system does not support BDAT"]
}

rule "microsoft365-from" {
  enhanced = "5.7.512"
  scope    = "message"
  action   = "bounce"
  meaning  = "The message has no valid address in From: repair it where the message is made."
  source   = "https://learn.microsoft.com/en-us/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
  examples = ["dot 550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid From address"]
}

rule "microsoft365-mail-flow-rule" {
  code     = "5xx"
  text     = ["transport.rules.rejectmessage"]
  scope    = "message"
  action   = "bounce"
  meaning  = "A mail flow rule of an organization rejects the message."
  source   = "https://learn.microsoft.com/en-us/exchange/security-and-compliance/mail-flow-rules/mail-flow-rule-actions"
  examples = ["dot 550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy"]
}
