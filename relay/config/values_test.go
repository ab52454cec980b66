package config

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"relaykeep/relay/ingress"
)

func TestPositiveDuration(t *testing.T) {
	if d, err := positiveDuration("1h30m"); err != nil || d != 90*time.Minute {
		t.Errorf("got %v, %v", d, err)
	}
	if _, err := positiveDuration("0h"); err != errDurationZero {
		t.Errorf("zero gives %v", err)
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1000": 1000, "7B": 7, "512KiB": 512 << 10, "50MiB": 50 << 20, "20GiB": 20 << 30, "1TiB": 1 << 40,
		"10KB": 10e3, "10MB": 10e6, "1GB": 1e9, "2TB": 2e12, "1PB": 1e15, "8191PiB": 8191 << 50, "9223372036854775807": math.MaxInt64,
	} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": errSize, "MiB": errSize, "-1": errSize, "1.5GiB": errSize, "1 MiB": errSize, "1mib": errSize, "1M": errSize,
		"8192PiB": errSizeLarge, "9223372036854775808": errSizeLarge, "99999999999999999999999B": errSizeLarge,
	} {
		if got, err := parseSize(in); err != want || got != 0 {
			t.Errorf("%q is %v, %v; want error %v", in, got, err, want)
		}
	}
	if _, err := positiveSize("0MiB"); err != errSizeZero {
		t.Errorf("zero gives %v", err)
	}
}

func TestParseRate(t *testing.T) {
	for in, want := range map[string]ingress.Rate{
		"14/s": {N: 14, Per: time.Second}, "30/m": {N: 30, Per: time.Minute}, "50000/24h": {N: 50000, Per: 24 * time.Hour},
		"1/d": {N: 1, Per: day}, "2/1h30m": {N: 2, Per: 90 * time.Minute},
	} {
		if got, err := parseRate(in); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]error{
		"": errRate, "14": errRate, "/s": errRate, "14/": errRate, "14/24": errRate, "-1/s": errRate, "1.5/s": errRate,
		"14/s/s": errRate, "99999999999/s": errRate, "14 /s": errRate, "0/s": errRateZero, "5/0s": errRateZero,
	} {
		if got, err := parseRate(in); err != want || got != (ingress.Rate{}) {
			t.Errorf("%q is %v, %v; want error %v", in, got, err, want)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, seed := range []string{"30s", "1h30m", "36500d", "512KiB", "8191PiB", "50000/24h", "1/ms", "", "-1", "9223372036854775808s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := positiveDuration(s); d < 0 || err == nil && d == 0 {
			t.Errorf("duration %v, %v", d, err)
		}
		if n, err := parseSize(s); n < 0 || err != nil && n != 0 {
			t.Errorf("size %v, %v", n, err)
		}
		if r, err := parseRate(s); err == nil && (r.N <= 0 || r.Per <= 0) {
			t.Errorf("rate %v", r)
		}
	})
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.0.0.1": "10.0.0.1/32", "::1": "::1/128", "fd00::/8": "fd00::/8",
		"::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:10.0.0.1": "10.0.0.1/32", "0.0.0.0/0": "0.0.0.0/0",
	} {
		if got, err := network(in); err != nil || got != netip.MustParsePrefix(want) {
			t.Errorf("%q is %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "10.0.0.1/8", "10/8", "lan", "fe80::1%eth0", "10.0.0.0/33"} {
		if got, err := network(in); err == nil {
			t.Errorf("%q is %v; want an error", in, got)
		}
	}
}

func TestHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"smtp.example.com": "smtp.example.com:587", "smtp.example.com:25": "smtp.example.com:25", "localhost": "localhost:587",
		"192.0.2.1": "192.0.2.1:587", "[2001:db8::1]": "[2001:db8::1]:587", "[2001:db8::1]:465": "[2001:db8::1]:465",
	} {
		if got, err := hostPort(587)(in); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", ":25", "a b", "a:", "a:0", "a:65536", "a:smtp", "a:-1", "-a", "a..b", "smtp://a", "[::1", strings.Repeat("a", 64)} {
		if got, err := hostPort(587)(in); err == nil {
			t.Errorf("%q is %q; want an error", in, got)
		}
	}
}

func TestAddressKey(t *testing.T) {
	same := [][2]string{
		{"localhost:25", "127.0.0.1:25"}, {":25", "[::]:25"}, {"[::1]:25", "[0:0:0:0:0:0:0:1]:25"}, {"LOCALHOST:25", "localhost:25"},
		{"unix:/a", "unix:/a"},
	}
	for _, s := range same {
		a, uniqueA := addressKey(s[0])
		b, uniqueB := addressKey(s[1])
		if a != b || !uniqueA || !uniqueB {
			t.Errorf("%s and %s are %q and %q", s[0], s[1], a, b)
		}
	}
	if _, unique := addressKey("127.0.0.1:0"); unique {
		t.Error("port 0 counts as one port")
	}
}

func TestFirstWide(t *testing.T) {
	for in, want := range map[string]bool{
		"127.0.0.1:25": false, "127.1.2.3:25": false, "[::1]:25": false, "localhost:25": false, "unix:/run/a:b": false, "systemd:smtp": false,
		"[::ffff:127.0.0.1]:25": false, "0.0.0.0:25": true, ":25": true, "[::]:25": true, "10.0.0.1:25": true, "relay.example.com:25": true,
	} {
		if _, got := firstWide([]string{"127.0.0.1:1", in}); got != want {
			t.Errorf("%s is wide: %v, want %v", in, got, want)
		}
	}
}

func TestAllowByLogin(t *testing.T) {
	login := &ingress.AuthOptions{Required: true}
	tests := []struct {
		address string
		auth    *ingress.AuthOptions
		want    string
	}{
		{"127.0.0.1:25", login, "127.0.0.0/8"},
		{"127.0.0.1:25", nil, "127.0.0.0/8"},
		{"0.0.0.0:25", login, "0.0.0.0/0"},
		{"systemd:smtp", login, "0.0.0.0/0"},
		{"systemd:smtp", nil, "127.0.0.0/8"},
		{"systemd:smtp", &ingress.AuthOptions{}, "127.0.0.0/8"},
	}
	for _, tt := range tests {
		d := &decoder{}
		got := readAllow(newSection(d, "", nil).unwritten("listener"), ingress.Options{Addresses: []string{tt.address}, Auth: tt.auth})
		if len(got) != 2 || got[0] != netip.MustParsePrefix(tt.want) || d.errors != 0 {
			t.Errorf("%s with %+v allows %v (%v)", tt.address, tt.auth, got, d.list)
		}
	}
}

func TestPin(t *testing.T) {
	for _, in := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
	} {
		if sum, err := pin(in); err != nil || sum[0] != 0xe3 || sum[31] != 0x55 {
			t.Errorf("%q is %x, %v", in, sum, err)
		}
	}
	for _, in := range []string{"", "sha256:", "e3b0", "47DEQpj8HBSa", "sha1:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"} {
		if _, err := pin(in); err != errPin {
			t.Errorf("%q gives %v", in, err)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"address", "auth", "max_connections", "tls"}
	for in, want := range map[string]string{
		"adress": "address", "auht": "auth", "max_conections": "max_connections", "maxconnections": "max_connections", "zzz": "", "": "", "tsl": "tls",
	} {
		got := suggest(in, known)
		if want == "" && got != "" || want != "" && !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%q suggests %q, want %q", in, got, want)
		}
	}
}

func TestFullName(t *testing.T) {
	tests := []struct{ name, hosts, want string }{
		{"relay.example.com", "", "relay.example.com"},
		{"relay", "", "relay"},
		{"relay", "127.0.0.1 localhost\n127.0.1.1 relay.example.com relay # ours\n", "relay.example.com"},
		{"relay", "127.0.1.1 relay relay.example.com", "relay.example.com"},
		{"relay", "127.0.1.1 other.example.com other", "relay"},
		{"relay", "# 127.0.1.1 relay.example.com relay", "relay"},
		{"relay", "127.0.1.1 bad..name relay", "relay"},
		{"my relay", "", "localhost"},
		{"", "", "localhost"},
	}
	for _, tt := range tests {
		if got := fullName(tt.name, strings.NewReader(tt.hosts)); got != tt.want {
			t.Errorf("%q with %q is %q, want %q", tt.name, tt.hosts, got, tt.want)
		}
	}
}
