hostname = "relay.example.com"      # EHLO, Received, Message-ID; default: the machine's FQDN

listener "local" {                  # default: one listener, as written here
  address          = ["127.0.0.1:2525", "[::1]:2525", "unix:/run/relaykeep/smtp.sock"]   # a string or a list; "systemd:NAME" for a socket passed by systemd
  allow            = ["127.0.0.0/8", "::1/128"]   # who may connect; default loopback only. A wider address needs allow or auth, else an error
  max_message_size = "50MiB"
  max_recipients   = 1000
  max_connections  = 1000
  max_connections_per_client = 100
  rate_per_client  = ""             # e.g. "100/m" messages
  idle_timeout     = "5m"
  bare_newline     = "repair"       # or "reject"
  proxy_protocol   = false
  tls {                             # none: no TLS is offered
    cert_file   = "/etc/relaykeep/tls/cert.pem"
    key_file    = "/etc/relaykeep/tls/key.pem"
    mode        = "starttls"        # or "implicit"
    min_version = "1.2"             # "1.0" for old devices, with a warning; files are read again when they change
    required    = false
  }
  auth {                            # PLAIN and LOGIN; only over TLS or loopback
    users_file = "/etc/relaykeep/users"   # name:hash[:sender glob,…]
    required   = true
    exempt     = ["10.0.5.0/24"]    # clients that need no login
    allow_plaintext_from = []       # old devices that cannot do TLS: networks, with a warning
  }
  received         = "full"         # or "minimal": no client address or name in the Received line
  header_priority  = false          # let X-Priority and Importance choose the priority, never above the route's
}

spool {
  path          = "/var/lib/relaykeep/spool.db"
  max_size      = "20GiB"           # of used pages; past it 452 4.3.1 at accept, delivery goes on
  min_free_disk = "512MiB"
  history       = "7d"              # how long finished messages stay listed (without their bodies)
  keep_failed   = "3d"              # how long bodies of bounced and expired mail are kept, so that a retry can mend it
  encryption_key_file = ""          # bodies and envelopes at rest, AES-256-GCM
  fsync         = true              # false only for tests
}

upstream "ses" {
  provider  = "ses"                 # which classification pack: ses sendgrid mailgun postmark microsoft365 gmail tencent netease aliyun generic (default)
  address   = "email-smtp.eu-west-1.amazonaws.com:587"
  tls       = "starttls"            # starttls (required; the default) | implicit (the default on port 465) | opportunistic | none
  tls_ca_file     = ""
  tls_server_name = ""
  tls_skip_verify = false
  tls_pin_sha256  = []
  auth {
    mechanism = "plain"             # plain | login | xoauth2
    username  = env("SES_USER")
    password  = env("SES_PASSWORD")
    # xoauth2: token_url, client_id, client_secret, scopes, refresh_token
  }
  max_connections             = 10  # connections, rate and recipients have presets by provider (Microsoft 365: 3)
  max_recipients              = 50  # per transaction; more are split
  max_messages_per_connection = 100
  idle_timeout    = "30s"
  connect_timeout = "30s"
  command_timeout = "5m"            # RFC 5321 4.5.3.2 minima by stage are the defaults
  final_timeout   = "10m"           # for the answer to the final dot; shorter means more in doubt, and more second copies
  source_address  = ""
  ip_family       = "any"           # any | 4 | 6
  rate            = "14/s"
  quota           = ["50000/24h"]   # a string or a list; rolling, or reset at quota_reset
  quota_reset     = ""              # e.g. "00:00 Asia/Shanghai"
  count           = "recipients"    # what rate and quota count: recipients | messages
  max_message_size = ""             # else what EHLO says
  dkim            = true            # sign what goes here
  breaker {
    failures     = 5
    cooldown     = "30s"
    max_cooldown = "15m"
  }
  rewrite {
    from              = ""
    envelope_from     = ""
    reply_to_original = true
  }
}

route "otp" {                       # in order; the first that matches wins
  match {                           # all given must hold; lists are or; globs
    sender    = ["*@otp.example.com"]
    recipient = ["*"]
    header    = { "X-Mail-Class" = "otp" }
    listener  = ["local"]
    user      = []
    client    = []
  }
  upstreams = ["ses", "backup"]     # order of preference
  strategy  = "failover"            # or "balance"
  weights   = {}                    # for balance: { ses = 3, backup = 1 }
  priority  = "high"                # high | normal | low
  expire    = "10m"                 # fresh or not at all
  retry     = "fast"
  failover_after = 1                # temporary failures of a message at one upstream before the next is tried
  in_doubt  = "retry"               # outcome unknown after the final dot: retry (once, same upstream, then hold) | hold | failover
  action    = "deliver"             # deliver | discard | hold | redirect: for staging and safety
  redirect_to = ""
}

retry "fast" {
  initial = "10s"
  max     = "2m"
}

route "default" {                   # without any route: all upstreams in file order
  upstreams = ["ses", "backup"]
}

retry "default" {
  backoff  = "exponential"          # exponential | fibonacci | fixed | list
  initial  = "1m"
  factor   = 2
  max      = "1h"
  jitter   = 0.2
  schedule = []                     # for list: ["1m", "5m", "30m"]; the last repeats
  max_attempts = 0                  # 0: no limit but expire
  expire     = "5d"
  warn_after = ""                   # e.g. "4h": delay warning to the sender
}

classify "gmail-eu" {               # own rules, tried before the provider's pack
  providers = ["gmail"]
  rule {
    code     = "550"
    enhanced = "5.4.5"
    text     = "daily user sending" # contains, in any case; text_regex for an expression (HCL wants backslashes doubled)
    stage    = ""
    action   = "park"
    scope    = "upstream"
    delay    = "24h"
  }
}

dkim "example.com" {                # by the domain of From (subdomains too, the longest wins)
  key {                             # RSA or Ed25519, several keys sign several times
    selector = "s1"
    file     = "/etc/relaykeep/dkim/s1.pem"
  }
}

bounce {
  to     = "sender"                 # sender | none | an address; a route may have its own bounce block
  copy   = ""                       # a postmaster who gets a copy
  from   = ""
  return = "headers"
}

dedupe {                            # per user or client; the same key with a different envelope or body is a new message, and told
  header = "X-Idempotency-Key"
  window = "24h"
}

filter "rspamd" {
  milter   = "tcp:127.0.0.1:11332"
  timeout  = "10s"
  on_error = "tempfail"             # or accept
}

webhook "events" {
  url     = "https://hooks.example.com/mail"
  secret  = env("HOOK_SECRET")
  events  = ["bounced", "expired"]
  timeout = "10s"
}

notifier "ops" {
  type = "webhook"                  # webhook | slack | dingtalk | wecom | feishu | exec | smtp
  url  = "https://hooks.example.com/ops"
}

alert "success" {
  metric = "success_rate"           # success_rate, failure_rate, oldest_age, queue_length, latency_p95, disk_free, upstream_down, incident
  below  = "0.9"                    # or above = "10m"
  window = "5m"
  for    = "1m"
  notify = ["ops"]
}

admin {
  socket     = "/run/relaykeep/admin.sock"
  group      = ""                   # who may use it beside the owner
  mode       = "0660"
  http       = ""                   # e.g. "127.0.0.1:2580"; wants a token
  token_file = ""
}

metrics {
  address = "127.0.0.1:2581"        # /metrics, /healthz, /readyz
}

log {
  level     = "info"
  format    = "json"
  addresses = "partial"             # full | partial (j***@example.com) | hash
  file      = ""
}
