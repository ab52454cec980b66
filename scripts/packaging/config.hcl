# The configuration of relaykeep. Every key is explained in
# /usr/share/doc/relaykeep/config.hcl.example; "relaykeep check" tells what is
# wrong, "systemctl restart relaykeep" uses what has changed.
#
# relaykeep takes mail on 127.0.0.1:2525 and keeps it. Fill in your provider,
# take the block "route" out, and release what has been held:
#
#   relaykeep check --probe
#   systemctl restart relaykeep
#   relaykeep spool release --route until-it-is-configured

upstream "provider" {
  provider = "generic"                  # ses, sendgrid, mailgun, postmark, microsoft365, gmail, tencent, netease, aliyun
  address  = "smtp.example.com:587"
  # auth {
  #   username = "me@example.com"
  #   password = file("/etc/relaykeep/password")
  # }
}

route "until-it-is-configured" {
  upstreams = ["provider"]
  action    = "hold"
}
