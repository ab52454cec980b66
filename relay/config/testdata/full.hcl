# The sample of the documentation, without what is not supported yet.

hostname = "relay.example.com"

listener "local" {
  address                    = ["127.0.0.1:2525", "[::1]:2525", "unix:/run/relaykeep/smtp.sock"]
  allow                      = ["127.0.0.0/8", "::1/128"]
  max_message_size           = "50MiB"
  max_recipients             = 1000
  max_connections            = 1000
  max_connections_per_client = 100
  rate_per_client            = "100/m"
  idle_timeout               = "5m"
  bare_newline               = "reject"
  proxy_protocol             = false
  tls {
    cert_file   = "good.pem"
    key_file    = "good.key"
    mode        = "implicit"
    min_version = "1.3"
    required    = true
  }
  auth {
    users_file           = "users"
    required             = true
    exempt               = ["10.0.5.0/24", "10.0.6.1"]
    allow_plaintext_from = []
  }
  received        = "minimal"
  header_priority = true
}

spool {
  path                = "spool.db"
  max_size            = "30GiB"
  min_free_disk       = "1GB"
  history             = "8d"
  keep_failed         = "4d"
  encryption_key_file = ""
  fsync               = true
}

upstream "ses" {
  provider        = "ses"
  address         = "smtp.example.com:2587"
  tls             = "starttls"
  tls_ca_file     = "good.pem"
  tls_server_name = "mx.example.com"
  tls_skip_verify = false
  tls_pin_sha256  = ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
  auth {
    mechanism = "login"
    username  = "${env("SECRET")}-user"
    password  = env("SECRET")
  }
  max_connections             = 11
  max_recipients              = 51
  max_messages_per_connection = 101
  idle_timeout                = "31s"
  connect_timeout             = "32s"
  command_timeout             = "5m"
  final_timeout               = "11m"
  source_address              = "192.0.2.1"
  ip_family                   = "4"
  rate                        = "14/s"
  quota                       = ["1000/h", "50000/24h"]
  quota_reset                 = "00:30 UTC"
  count                       = "messages"
  max_message_size            = "10MB"
  dkim                        = false
  breaker {
    failures     = 6
    cooldown     = "33s"
    max_cooldown = "16m"
  }
  rewrite {
    from              = "relay@example.com"
    envelope_from     = "bounces@example.com"
    reply_to_original = false
  }
}

upstream "backup" {
  address = "smtp.example.net:465"
  auth {
    mechanism     = "xoauth2"
    username      = "relay@example.net"
    token_url     = "https://login.example.net/token"
    client_id     = "id"
    client_secret = env("SECRET")
    scopes        = ["mail", "send"]
    refresh_token = env("NOT_SET", "fresh")
  }
}

route "otp" {
  match {
    sender    = ["*@otp.example.com", "<>"]
    recipient = ["*"]
    header    = { "X-Mail-Class" = "otp", A = "b" }
    listener  = ["local"]
    user      = ["app*"]
    client    = ["10.0.0.0/8"]
  }
  upstreams      = ["backup", "ses"]
  strategy       = "failover"
  weights        = {}
  priority       = "high"
  expire         = "10m"
  retry          = "fast"
  failover_after = 2
  in_doubt       = "hold"
  action         = "deliver"
  redirect_to    = ""
}

retry "fast" {
  initial = "10s"
  max     = "2m"
}

route "staging" {
  match {
    sender = "*@staging.example.com"
  }
  upstreams   = ["ses"]
  action      = "redirect"
  redirect_to = "qa@example.com"
  bounce {
    to     = "qa@example.com"
    copy   = ""
    return = "headers"
  }
}

route "default" {
  upstreams = ["ses", "backup"]
  strategy  = "balance"
  weights   = { ses = 3 }
}

retry "default" {
  backoff      = "list"
  jitter       = 0.5
  schedule     = ["1m", "5m", "2h"]
  max_attempts = 7
  expire       = "6d"
  warn_after   = "4h"
}

classify "mine" {
  providers = ["ses"]
  rule {
    code       = "550"
    enhanced   = ["5.4.5", "5.4.6"]
    text       = "daily user sending"
    text_regex = ""
    stage      = ["rcpt", "body"]
    action     = "park"
    scope      = "upstream"
    delay      = "24h"
  }
  rule {
    text_regex = "limit \\d+"
    action     = "slow"
  }
}

dkim "Example.com" {
  key {
    selector = "s1"
    file     = "dkim.pem"
  }
  key {
    selector = "s2.2026"
    file     = "dkim.pem"
  }
}

dedupe {
  header = "X-Relaykeep-Key"
  window = "2h"
}

filter "scanner" {
  milter   = "unix:scanner.sock"
  timeout  = "20s"
  on_error = "accept"
}

filter "signatures" {
  milter = "tcp:127.0.0.1:8891"
}

bounce {
  to     = "sender"
  copy   = "postmaster@example.com"
  from   = "bounces@example.com"
  return = "full"
}

admin {
  socket     = "admin.sock"
  group      = "mail"
  mode       = "0600"
  http       = ""
  token_file = ""
}

log {
  level     = "debug"
  format    = "text"
  addresses = "hash"
  file      = "relaykeep.log"
}
