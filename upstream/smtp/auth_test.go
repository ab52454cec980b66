package smtp

import (
	"encoding/base64"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

const password = "pa ss\u00e4w0rd"

func login(mechanism string) *Auth {
	return &Auth{Mechanism: mechanism, Username: "u@x.test", Password: relay.NewSecret(password)}
}

func users() map[string]string { return map[string]string{"u@x.test": password} }

func TestLogin(t *testing.T) {
	for _, mechanism := range []string{"plain", "login"} {
		s := provider(t, upstreamtest.Options{Users: users()})
		tr := transport(t, s, func(o *Options) { o.Auth = login(mechanism) })
		wantDelivered(t, tr)
		if u := s.Messages()[0].User; u != "u@x.test" {
			t.Errorf("%s: user is %q", mechanism, u)
		}
	}
}

// TestLongCredential: an initial response that does not fit a command line is
// sent when it is asked for (RFC 4954, section 4).
func TestLongCredential(t *testing.T) {
	long := strings.Repeat("x", 600)
	s := provider(t, upstreamtest.Options{Users: map[string]string{"u": long}})
	tr := transport(t, s, func(o *Options) {
		o.Auth = &Auth{Mechanism: "plain", Username: "u", Password: relay.NewSecret(long)}
	})
	wantDelivered(t, tr)
	for _, c := range s.Commands() {
		if strings.HasPrefix(c.Line, "AUTH") && c.Line != "AUTH PLAIN" {
			t.Errorf("the command has %d bytes", len(c.Line))
		}
	}
	tr = transport(t, s, func(o *Options) {
		o.Auth = &Auth{Mechanism: "plain", Username: "u", Password: relay.NewSecret(strings.Repeat(long, 20))}
	})
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassDeferred, relay.StageAuth, 0)
}

func TestLoginRefused(t *testing.T) {
	sent := map[string]string{"plain": encode("\x00u@x.test\x00" + password), "login": encode(password)}
	for name, c := range map[string]struct {
		reply string
		code  int
		class relay.Class
	}{
		"535":             {"535 5.7.8 bad credentials", 535, relay.ClassRejected},
		"454":             {"454 4.7.0 try later", 454, relay.ClassDeferred},
		"421":             {"421 4.7.0 too many logins", 421, relay.ClassDeferred},
		"echo":            {"535 5.7.8 no: " + password, 535, relay.ClassRejected},
		"echo of base64":  {"535 5.7.8 no: AUTH PLAIN RAW", 535, relay.ClassRejected},
		"echo, malformed": {"what? AUTH PLAIN RAW", 0, relay.ClassDeferred},
		"echo, odd code":  {"250 RAW", 0, relay.ClassDeferred},
		"echo of a piece": {"535 5.7.8 no: [PIECE]", 535, relay.ClassRejected},
		"asks on and on":  {"334 ", 535, relay.ClassRejected},
	} {
		for mechanism, raw := range sent {
			t.Run(mechanism+" "+name, func(t *testing.T) {
				s := provider(t, upstreamtest.Options{Users: users()})
				reply := strings.NewReplacer("RAW", raw, "PIECE", raw[:16]).Replace(c.reply)
				s.On(upstreamtest.Auth, upstreamtest.Always(upstreamtest.Reply(reply)))
				tr := transport(t, s, func(o *Options) { o.Auth = login(mechanism) })
				v := deliver(t, tr, hello, "b@y.test")[0]
				if name == "asks on and on" { // PLAIN has said all with the command
					if v.Class == relay.ClassDelivered || v.Stage != relay.StageAuth {
						t.Errorf("verdict is %+v", v)
					}
				} else {
					wantClass(t, v, c.class, relay.StageAuth, c.code)
				}
				wantNoSecret(t, v.Text, raw, raw[:16], password)
				wantMessages(t, s)
			})
		}
	}
}

func wantNoSecret(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(text, form) {
				t.Errorf("%q has the secret in it", text)
			}
		}
	}
}

func TestMechanismNotOffered(t *testing.T) {
	s := provider(t, upstreamtest.Options{Users: users(), Mechanisms: []string{"CRAM-MD5"}})
	tr := transport(t, s, func(o *Options) { o.Auth = login("plain") })
	wantClass(t, deliver(t, tr, hello, "b@y.test")[0], relay.ClassDeferred, relay.StageAuth, 0)
	if n := s.Reached(upstreamtest.Auth); n != 0 {
		t.Error("AUTH was sent")
	}
}

// TestNoCredentialOverADoubtfulWay goes through the ways to a server.
func TestNoCredentialOverADoubtfulWay(t *testing.T) {
	c := newCerts(t)
	for name, tc := range map[string]struct {
		o    upstreamtest.Options
		edit func(*Options)
		ok   bool
	}{
		"clear, as configured":   {upstreamtest.Options{}, func(o *Options) { o.TLS = NoTLS }, true},
		"verified":               {upstreamtest.Options{Certificate: c.good}, func(o *Options) { o.TLS = STARTTLS }, true},
		"skipped":                {upstreamtest.Options{Certificate: c.expired}, func(o *Options) { o.SkipVerify = true }, true},
		"opportunistic verified": {upstreamtest.Options{Certificate: c.good}, func(o *Options) { o.TLS = Opportunistic }, true},
		"opportunistic pinned": {upstreamtest.Options{Certificate: c.selfSigned}, func(o *Options) {
			o.TLS, o.PinSHA256 = Opportunistic, [][32]byte{upstreamtest.Pin(c.selfSigned)}
		}, true},
		"opportunistic unverified": {upstreamtest.Options{Certificate: c.expired}, func(o *Options) { o.TLS = Opportunistic }, false},
		"opportunistic skipped": {upstreamtest.Options{Certificate: c.expired}, func(o *Options) {
			o.TLS, o.SkipVerify = Opportunistic, true
		}, false},
		"opportunistic clear": {upstreamtest.Options{}, func(o *Options) { o.TLS = Opportunistic }, false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.o.Users, tc.o.AuthInClear = users(), true
			s := provider(t, tc.o)
			tr := transport(t, s, func(o *Options) {
				o.RootCAs, o.Auth, o.TLS = c.ca.Pool(), login("plain"), STARTTLS
				tc.edit(o)
			})
			v := deliver(t, tr, hello, "b@y.test")[0]
			if tc.ok {
				wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
				return
			}
			wantClass(t, v, relay.ClassDeferred, relay.StageAuth, 0)
			if n := s.Reached(upstreamtest.Auth); n != 0 {
				t.Error("AUTH was sent")
			}
		})
	}
}
