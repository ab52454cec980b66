package config

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"relaykeep/relay/bounce"
	"relaykeep/relay/delivery"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

const (
	submissionPort  = 587 // RFC 6409
	submissionsPort = 465 // RFC 8314: implicit TLS
)

// readUpstreams reads the blocks upstream.
func readUpstreams(s *section, hostname string, b bounce.Settings) []Upstream {
	sections := s.named("upstream")
	if !s.contains("upstream") {
		s.errorAt(s.header, "there is no upstream, so mail could go nowhere; write at least %s", smallest)
	}
	var upstreams []Upstream
	for _, u := range sections {
		upstreams = append(upstreams, readUpstream(u, hostname))
		warnNullSender(u, upstreams[len(upstreams)-1], b)
	}
	return upstreams
}

func readUpstream(s *section, hostname string) Upstream {
	provider := s.choice("provider", genericProvider, classify.Providers()...)
	usual := s.d.presets(provider)
	u := Upstream{MaxRecipients: s.count("max_recipients", usual.recipients, 1, 100_000)}
	u.Options = smtp.Options{
		Name:                     s.name,
		Provider:                 provider,
		Address:                  needed(s, "address", `"smtp.example.com:587"`, hostPort(submissionPort)),
		Hello:                    hostname,
		MaxConnections:           s.count("max_connections", usual.connections, 1, 10_000),
		MaxMessagesPerConnection: s.count("max_messages_per_connection", 100, 1, 1_000_000),
		IdleTimeout:              read(s, "idle_timeout", 30*time.Second, positiveDuration),
		ConnectTimeout:           read(s, "connect_timeout", 30*time.Second, positiveDuration),
		CommandTimeout:           read(s, "command_timeout", 0, positiveDuration),
		FinalTimeout:             read(s, "final_timeout", 10*time.Minute, positiveDuration),
		SourceAddress:            read(s, "source_address", netip.Addr{}, optional(ipAddress)),
		IPFamily:                 read(s, "ip_family", 0, ipFamily),
		MaxMessageSize:           read(s, "max_message_size", usual.size, optional(positiveSize)),
	}
	readUpstreamTLS(s, &u.Options)
	if a := s.block("auth"); a.written {
		u.Auth = readUpstreamAuth(a)
	}
	u.Breaker = readBreaker(s.block("breaker"))
	readAmounts(s, &u, usual)
	u.Sign, u.Unsigned = s.boolean("dkim", true), usual.unsigned
	u.Rewrite, u.RefusesNullSender = readRewrite(s.block("rewrite")), usual.refusesNull
	checkSource(s, u.Options)
	warnWeakUpstream(s, u.Options)
	s.end()
	return u
}

// readBreaker reads the block breaker.
func readBreaker(s *section) delivery.Breaker {
	b := delivery.Breaker{
		Failures: s.count("failures", 5, 1, delivery.MaxFailures),
		Cooldown: read(s, "cooldown", 30*time.Second, positiveDuration),
	}
	b.MaxCooldown = read(s, "max_cooldown", max(15*time.Minute, b.Cooldown), positiveDuration)
	if b.MaxCooldown < b.Cooldown {
		s.fault("max_cooldown", "is shorter than cooldown; raise it or leave it out")
	}
	s.end()
	return b
}

func ipAddress(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, errors.New(`is not an IP address; write one of this machine, like "192.0.2.1"`)
	}
	return addr.Unmap(), nil
}

// ipFamily takes any, 4 or 6; any is 0.
func ipFamily(s string) (int, error) {
	switch s {
	case "any":
		return 0, nil
	case "4":
		return 4, nil
	case "6":
		return 6, nil
	}
	return 0, errors.New(`is not one of "any", 4 and 6`)
}

// checkSource refuses a family that contradicts an address given as a number.
func checkSource(s *section, o smtp.Options) {
	if !o.SourceAddress.IsValid() {
		return
	}
	family := func(a netip.Addr) int {
		if a.Is4() {
			return 4
		}
		return 6
	}
	own := family(o.SourceAddress)
	if o.IPFamily != 0 && o.IPFamily != own {
		s.fault("source_address", "is of family %d, but ip_family is %d; make them the same", own, o.IPFamily)
	}
	h, _, _ := net.SplitHostPort(o.Address)
	if remote, err := netip.ParseAddr(h); err == nil && family(remote.Unmap()) != own {
		s.fault("source_address", "is of family %d and cannot reach the address %s", own, s.shown("address", o.Address))
	}
}
