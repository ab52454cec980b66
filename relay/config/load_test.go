package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/bounce"
	"relaykeep/relay/delivery"
	"relaykeep/relay/filter"
	"relaykeep/relay/ingress"
	"relaykeep/relay/message/dkim"
	"relaykeep/relay/quota"
	"relaykeep/relay/retry"
	"relaykeep/relay/route"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

// TestFull compares everything that can be set today.
func TestFull(t *testing.T) {
	source, err := os.ReadFile("testdata/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	folder := filesFolder(t)
	path := write(t, folder, "config.hcl", source)
	got, err := Load(path, LoadOptions{Secrets: true, LookupEnv: oneSecret})
	if err != nil {
		t.Fatal(err)
	}
	want := fullConfig(t, folder)
	if !got.Upstreams[0].RootCAs.Equal(want.Upstreams[0].RootCAs) {
		t.Error("RootCAs are not those of tls_ca_file")
	}
	got.Upstreams[0].RootCAs, want.Upstreams[0].RootCAs = nil, nil
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s is\n%+v, want\n%+v", g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
}

func fullConfig(t *testing.T, folder string) *Config {
	pem, err := os.ReadFile(filepath.Join(folder, "good.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	prefix := netip.MustParsePrefix
	at := func(line int) string { return fmt.Sprintf("%s:%d", filepath.Join(folder, "config.hcl"), line) }
	const meaning = `A rule of the configuration, in classify "mine".`
	return &Config{
		Hostname: "relay.example.com",
		Listeners: []Listener{{Options: ingress.Options{
			Name: "local", Hostname: "relay.example.com",
			Addresses:      []string{"127.0.0.1:2525", "[::1]:2525", "unix:/run/relaykeep/smtp.sock"},
			Allow:          []netip.Prefix{prefix("127.0.0.0/8"), prefix("::1/128")},
			MaxMessageSize: 50 << 20, MaxRecipients: 1000, MaxConnections: 1000, MaxConnectionsPerClient: 100,
			RatePerClient: ingress.Rate{N: 100, Per: time.Minute}, IdleTimeout: 5 * time.Minute,
			RejectBareNewline: true, MinimalReceived: true, HeaderPriority: true,
			TLS: &ingress.TLSOptions{
				CertFile: filepath.Join(folder, "good.pem"), KeyFile: filepath.Join(folder, "good.key"),
				Implicit: true, MinVersion: tls.VersionTLS13, Required: true,
			},
			Auth: &ingress.AuthOptions{
				UsersFile: filepath.Join(folder, "users"), Required: true,
				Exempt: []netip.Prefix{prefix("10.0.5.0/24"), prefix("10.0.6.1/32")},
			},
		}}},
		Spool: Spool{
			Path: filepath.Join(folder, "spool.db"), MaxSize: 30 << 30, MinFreeDisk: 1e9,
			History: 8 * day, KeepFailed: 4 * day,
		},
		Upstreams: []Upstream{
			{
				Options: smtp.Options{
					Name: "ses", Provider: "ses", Address: "smtp.example.com:2587", Hello: "relay.example.com",
					RootCAs: roots, ServerName: "mx.example.com", PinSHA256: [][32]byte{sha256.Sum256(nil)},
					Auth:          &smtp.Auth{Mechanism: "login", Username: "hunter2-user", Password: relay.NewSecret("hunter2")},
					SourceAddress: netip.MustParseAddr("192.0.2.1"), IPFamily: 4,
					MaxConnections: 11, MaxMessagesPerConnection: 101,
					IdleTimeout: 31 * time.Second, ConnectTimeout: 32 * time.Second,
					CommandTimeout: 5 * time.Minute, FinalTimeout: 11 * time.Minute, MaxMessageSize: 10e6,
				},
				MaxRecipients: 51,
				Breaker:       delivery.Breaker{Failures: 6, Cooldown: 33 * time.Second, MaxCooldown: 16 * time.Minute},
				Rate:          quota.Limit{N: 14, Per: time.Second},
				Quota: []quota.Limit{
					{N: 1000, Per: time.Hour},
					{N: 50000, Per: day, Reset: &quota.Reset{Minute: 30, Location: time.UTC}},
				},
				RateByMessage: true, QuotaByMessage: true,
				Unsigned: []string{"Message-ID", "Date", "Return-Path", "Bounces-To"},

				Rewrite:           Rewrite{From: "relay@example.com", EnvelopeFrom: "bounces@example.com"},
				RefusesNullSender: true,
			},
			{
				Options: smtp.Options{
					Name: "backup", Provider: "generic", Address: "smtp.example.net:465", Hello: "relay.example.com",
					TLS: smtp.Implicit,
					Auth: &smtp.Auth{
						Mechanism: "xoauth2", Username: "relay@example.net", TokenURL: "https://login.example.net/token",
						ClientID: "id", ClientSecret: relay.NewSecret("hunter2"), Scopes: []string{"mail", "send"},
						RefreshToken: relay.NewSecret("fresh"),
					},
					MaxConnections: 10, MaxMessagesPerConnection: 100,
					IdleTimeout: 30 * time.Second, ConnectTimeout: 30 * time.Second, FinalTimeout: 10 * time.Minute,
				},
				MaxRecipients: 50,
				Breaker:       delivery.Breaker{Failures: 5, Cooldown: 30 * time.Second, MaxCooldown: 15 * time.Minute},
				Sign:          true,
				Rewrite:       Rewrite{ReplyToOriginal: true},
			},
		},
		Routes: []Route{
			{
				Route: route.Route{
					Name: "otp",
					Match: route.Match{
						Sender: []string{"*@otp.example.com", ""}, Recipient: []string{"*"},
						Header:   []route.HeaderMatch{{Name: "A", Glob: "b"}, {Name: "X-Mail-Class", Glob: "otp"}},
						Listener: []string{"local"}, User: []string{"app*"}, Client: []netip.Prefix{prefix("10.0.0.0/8")},
					},
					Upstreams: []string{"backup", "ses"}, Priority: relay.High, Expire: 10 * time.Minute,
				},
				RetryName: "fast", FailoverAfter: 2, InDoubt: delivery.InDoubtHold,
			},
			{
				Route: route.Route{
					Name: "staging", Match: route.Match{Sender: []string{"*@staging.example.com"}},
					Upstreams: []string{"ses"}, Expire: 6 * day, WarnAfter: 4 * time.Hour, Action: relay.RouteRedirect, RedirectTo: "qa@example.com",
				},
				RetryName: "default", FailoverAfter: 1,
				Bounce: &bounce.Settings{To: "qa@example.com", From: "bounces@example.com"},
			},
			{
				Route: route.Route{
					Name: "default", Upstreams: []string{"ses", "backup"}, Strategy: route.Balance, Weights: []int{3, 1}, Expire: 6 * day, WarnAfter: 4 * time.Hour,
				},
				RetryName: "default", FailoverAfter: 1,
			},
		},
		Retries: map[string]retry.Policy{
			"fast": {
				Initial: 10 * time.Second, Factor: 2, Max: 2 * time.Minute, Jitter: 0.2, Expire: 5 * day,
			},
			"default": {
				Backoff: retry.List, Initial: time.Minute, Factor: 2, Max: 3 * time.Hour, Jitter: 0.5,
				Schedule: []time.Duration{time.Minute, 5 * time.Minute, 2 * time.Hour}, MaxAttempts: 7, Expire: 6 * day, WarnAfter: 4 * time.Hour,
			},
		},
		Bounce: bounce.Settings{To: bounce.Sender, Copy: "postmaster@example.com", From: "bounces@example.com", Full: true},
		Packs: []classify.Pack{{
			Name: "mine", Providers: []string{"ses"},
			Rules: []classify.Rule{
				{
					Name: "mine/1", Position: at(153), Source: at(153), Meaning: meaning,
					Codes: []string{"550"}, Enhanced: []string{"5.4.5", "5.4.6"}, Text: []string{"daily user sending"},
					Stages: []relay.Stage{relay.StageRcpt, relay.StageBody},
					Action: relay.ActionPark, Scope: relay.ScopeUpstream, Delay: day,
				},
				{
					Name: "mine/2", Position: at(163), Source: at(163), Meaning: meaning,
					TextRegex: []string{`limit \d+`}, Action: relay.ActionSlow,
				},
			},
		}},
		DKIM: []DKIM{{Domain: "example.com", Keys: []DKIMKey{
			dkimKey(t, "s1", filepath.Join(folder, "dkim.pem")), dkimKey(t, "s2.2026", filepath.Join(folder, "dkim.pem")),
		}}},
		Filters: []filter.Options{
			{Name: "scanner", Network: "unix", Address: filepath.Join(folder, "scanner.sock"), Timeout: 20 * time.Second, PassOnError: true},
			{Name: "signatures", Network: "tcp", Address: "127.0.0.1:8891", Timeout: 10 * time.Second},
		},
		Dedupe: &ingress.Dedupe{Header: "X-Relaykeep-Key", Window: 2 * time.Hour},
		Admin:  Admin{Socket: filepath.Join(folder, "admin.sock"), Group: "mail", Mode: 0o600},
		Log:    Log{Level: "debug", Addresses: AddressHash, File: filepath.Join(folder, "relaykeep.log")},
	}
}

func dkimKey(t *testing.T, selector, file string) DKIMKey {
	t.Helper()
	private, err := dkim.ReadKeyFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return DKIMKey{dkim.Key{Selector: selector, Private: private}, file}
}

// TestSmallest checks what one upstream alone makes.
func TestSmallest(t *testing.T) {
	c := mustParse(t, smallest, LoadOptions{Secrets: true})
	l := c.Listeners[0]
	if len(c.Listeners) != 1 || !l.Default || l.Name != "local" || len(l.Addresses) != 3 || len(l.Allow) != 2 ||
		l.MaxMessageSize != 50<<20 || l.IdleTimeout != 5*time.Minute || l.TLS != nil || l.Auth != nil {
		t.Errorf("listeners are %+v", c.Listeners)
	}
	r := c.Routes[0]
	if len(c.Routes) != 1 || r.Name != "default" || r.RetryName != "default" || r.FailoverAfter != 1 ||
		!reflect.DeepEqual(r.Upstreams, []string{"main"}) || r.Expire != 5*day {
		t.Errorf("routes are %+v", c.Routes)
	}
	want := retry.Policy{Initial: time.Minute, Factor: 2, Max: time.Hour, Jitter: 0.2, Expire: 5 * day}
	if !reflect.DeepEqual(c.Retries, map[string]retry.Policy{"default": want}) {
		t.Errorf("retries are %+v", c.Retries)
	}
	if c.Spool != (Spool{"/var/lib/relaykeep/spool.db", 20 << 30, 512 << 20, 7 * day, 3 * day, false, nil}) {
		t.Errorf("spool is %+v", c.Spool)
	}
	if c.Admin != (Admin{"/run/relaykeep/admin.sock", "", 0o660}) {
		t.Errorf("admin is %+v", c.Admin)
	}
	if c.Log != (Log{"info", true, AddressPartial, ""}) {
		t.Errorf("log is %+v", c.Log)
	}
	if c.Hostname == "" || c.Upstreams[0].Hello != c.Hostname || c.Upstreams[0].Address != "smtp.example.com:587" {
		t.Errorf("hostname is %q, upstream %+v", c.Hostname, c.Upstreams[0])
	}
}

// TestPartialDefaults checks defaults that depend on something else.
func TestPartialDefaults(t *testing.T) {
	c := mustParse(t, `
upstream "a" { address = "a.example.com" }
upstream "b" { address = "[2001:db8::1]:465" }
upstream "c" { address = "2001:db8::1" }
listener "l" { address = "127.0.0.1:0" }
listener "m" { address = "127.0.0.1:0" }
spool { history = "1d" }
retry "default" { expire = "2d" }
retry "fixed" {
  backoff = "fixed"
  initial = "2h"
}
route "r" { retry = "fixed" }
`, LoadOptions{Secrets: true})
	if got := c.Upstreams[0]; got.Address != "a.example.com:587" || got.TLS != smtp.STARTTLS {
		t.Errorf("upstream a is %+v", got)
	}
	if got := c.Upstreams[1]; got.Address != "[2001:db8::1]:465" || got.TLS != smtp.Implicit {
		t.Errorf("upstream b is %+v", got)
	}
	if got := c.Upstreams[2]; got.Address != "[2001:db8::1]:587" {
		t.Errorf("upstream c is %+v", got)
	}
	if c.Listeners[0].Default {
		t.Error("a listener with an address counts as the default one")
	}
	if c.Spool.KeepFailed != day {
		t.Errorf("keep_failed is %v", c.Spool.KeepFailed)
	}
	if p := c.Retries["default"]; p.Expire != 2*day || p.Initial != time.Minute {
		t.Errorf("the default policy is %+v", p)
	}
	if p := c.Retries["fixed"]; p.Max != 2*time.Hour+24*time.Minute {
		t.Errorf("the longest delay of the fixed policy is %v", p.Max)
	}
	if got := c.Routes[0]; got.Expire != 5*day || !reflect.DeepEqual(got.Upstreams, []string{"a", "b", "c"}) {
		t.Errorf("the route is %+v", got)
	}
}

// TestExample: config.hcl.example is fine on a machine that has nothing.
func TestExample(t *testing.T) {
	nothing := func(string) (string, bool) { return "", false }
	for _, secrets := range []bool{true, false} {
		c, err := Load("../../config.hcl.example", LoadOptions{Secrets: secrets, LookupEnv: nothing})
		if err != nil {
			t.Fatalf("secrets %v: %v", secrets, err)
		}
		if len(c.Warnings.List) != 0 {
			t.Errorf("warnings: %v", c.Warnings.List)
		}
		if !c.Listeners[0].Default {
			t.Error("the listener of the example is not the default one")
		}
	}
}

// TestExampleInComments: what the example shows in comments is right, too.
func TestExampleInComments(t *testing.T) {
	example, err := os.ReadFile("../../config.hcl.example")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, indent := range []string{" ", "   "} {
		form := regexp.MustCompile(`(?m)^#` + indent + `(?:listener|upstream|route|classify|filter) "(?:.*\n#)+?` + indent + `}\n`)
		blocks = append(blocks, form.FindAllString(string(example), -1)...)
	}
	if len(blocks) < 7 {
		t.Fatalf("found %d blocks in comments", len(blocks))
	}
	for _, block := range blocks {
		source := regexp.MustCompile(`(?m)^#`).ReplaceAllString(block, "")
		if !strings.Contains(source, "upstream ") {
			source += smallest
		}
		mustParse(t, source, LoadOptions{})
	}
}

// TestDocumentedSample: every key of the documentation's sample is known. What
// is said about it is that things are not supported yet, or not on this
// machine.
func TestDocumentedSample(t *testing.T) {
	nothing := func(string) (string, bool) { return "", false }
	_, err := Load("testdata/contract.hcl", LoadOptions{Secrets: true, LookupEnv: nothing})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	expected := []string{
		"not supported yet", "is not set; set it, or give a default", "no such file or directory",
		`there is no upstream "backup"`, // the sample declares one of the two that it names
	}
	refused := 0
	for _, d := range e.List {
		known := false
		for _, text := range expected {
			known = known || strings.Contains(d.Summary, text)
		}
		if !known {
			t.Errorf("unexpected: %s", d)
		}
		if strings.Contains(d.Summary, "not supported yet") {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestUnsupportedIsKnown: what the table refuses exists.
func TestUnsupportedIsKnown(t *testing.T) {
	sample, err := os.ReadFile("testdata/contract.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for name := range unsupported {
		last := name[strings.LastIndexByte(name, '.')+1:]
		if !strings.Contains(string(sample), last) {
			t.Errorf("%s is in the table of what is not supported, but in no documentation", name)
		}
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "config.hcl"), LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), "--config") || !strings.Contains(err.Error(), smallest) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
	_, err = Load(t.TempDir(), LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("error of a folder is %v", err)
	}
}

// mustParse parses a source without files.
func mustParse(t *testing.T, source string, o LoadOptions) *Config {
	t.Helper()
	c, err := Parse(filepath.Join(t.TempDir(), "config.hcl"), []byte(source), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
