package smtp

import (
	"crypto/tls"
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// must gives v, or ends the test.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

type certs struct {
	ca                                   *upstreamtest.CA
	good, expired, wrongName, selfSigned *tls.Certificate
}

func newCerts(t testing.TB) certs {
	t.Helper()
	ca := must[*upstreamtest.CA](t)(upstreamtest.NewCA())
	cert := must[*tls.Certificate](t)
	return certs{
		ca: ca, good: cert(ca.Issue(upstreamtest.Cert{})), expired: cert(ca.Expired()),
		wrongName: cert(ca.WrongName()), selfSigned: cert(upstreamtest.SelfSigned()),
	}
}

// wantNothingInClear checks that nothing but EHLO, STARTTLS and QUIT came
// without TLS, and no login at all.
func wantNothingInClear(t testing.TB, s *upstreamtest.Server) {
	t.Helper()
	for _, c := range s.Commands() {
		verb, _, _ := strings.Cut(c.Line, " ")
		if verb == "AUTH" || (!c.TLS && verb != "EHLO" && verb != "STARTTLS" && verb != "QUIT") {
			t.Errorf("%q was sent (TLS: %v)", c.Line, c.TLS)
		}
	}
}

func TestCertificates(t *testing.T) {
	c := newCerts(t)
	pin := upstreamtest.Pin
	for name, tc := range map[string]struct {
		cert *tls.Certificate
		edit func(*Options)
		ok   bool
	}{
		"good":                      {c.good, nil, true},
		"expired":                   {c.expired, nil, false},
		"wrong name":                {c.wrongName, nil, false},
		"wrong name, told so":       {c.wrongName, func(o *Options) { o.ServerName = "other.test" }, true},
		"self-signed":               {c.selfSigned, nil, false},
		"unknown authority":         {c.good, func(o *Options) { o.RootCAs = nil }, false},
		"skipped":                   {c.selfSigned, func(o *Options) { o.SkipVerify = true }, true},
		"pinned":                    {c.good, func(o *Options) { o.PinSHA256 = [][32]byte{{}, pin(c.good)} }, true},
		"authority pinned":          {c.good, func(o *Options) { o.PinSHA256 = [][32]byte{c.ca.Pin()} }, true},
		"another pinned":            {c.good, func(o *Options) { o.PinSHA256 = [][32]byte{pin(c.expired)} }, false},
		"pinned, but expired":       {c.expired, func(o *Options) { o.PinSHA256 = [][32]byte{pin(c.expired)} }, false},
		"skipped, pinned":           {c.selfSigned, func(o *Options) { o.SkipVerify = true; o.PinSHA256 = [][32]byte{pin(c.selfSigned)} }, true},
		"skipped, authority pinned": {c.expired, func(o *Options) { o.SkipVerify = true; o.PinSHA256 = [][32]byte{c.ca.Pin()} }, true},
		"skipped, another pinned":   {c.selfSigned, func(o *Options) { o.SkipVerify = true; o.PinSHA256 = [][32]byte{pin(c.good)} }, false},
		"skipped, pin borrowed":     {borrow(c.selfSigned, c.ca, t), func(o *Options) { o.SkipVerify = true; o.PinSHA256 = [][32]byte{c.ca.Pin()} }, false},
	} {
		for mode, implicit := range map[TLSMode]bool{STARTTLS: false, Implicit: true} {
			t.Run(name, func(t *testing.T) {
				s := provider(t, upstreamtest.Options{Certificate: tc.cert, Implicit: implicit})
				tr := transport(t, s, func(o *Options) {
					o.TLS, o.RootCAs = mode, c.ca.Pool()
					if tc.edit != nil {
						tc.edit(o)
					}
				})
				v := deliver(t, tr, hello, "b@y.test")[0]
				if !tc.ok {
					wantClass(t, v, relay.ClassDeferred, relay.StageTLS, 0)
					wantMessages(t, s)
				} else {
					wantClass(t, v, relay.ClassDelivered, relay.StageBody, 250)
					wantDelivered(t, tr)
					wantSessions(t, s, 1)
					if m := s.Messages(); len(m) != 2 || !m[0].TLS || m[0].Hello != "relay.test" {
						t.Errorf("arrived %+v", m)
					}
				}
				wantNothingInClear(t, s)
			})
		}
	}
}

// borrow is own with somebody else's authority sent along.
func borrow(own *tls.Certificate, ca *upstreamtest.CA, t testing.TB) *tls.Certificate {
	signed := must[*tls.Certificate](t)(ca.Issue(upstreamtest.Cert{}))
	copied := *own
	copied.Certificate = [][]byte{own.Certificate[0], signed.Certificate[1]}
	return &copied
}

// TestLargeBodiesOverTLS: reading and writing go on at the same time.
func TestLargeBodiesOverTLS(t *testing.T) {
	c := newCerts(t)
	s := provider(t, upstreamtest.Options{Certificate: c.good})
	tr := transport(t, s, func(o *Options) { o.TLS, o.RootCAs = STARTTLS, c.ca.Pool() })
	for range 2 {
		wantClass(t, deliver(t, tr, large, "b@y.test")[0], relay.ClassDelivered, relay.StageBody, 250)
	}
	wantMessages(t, s, string(large), string(large))
	wantSessions(t, s, 1)
	s.On(upstreamtest.Body, upstreamtest.Times(1, upstreamtest.Reply("550 5.7.1 no").ThenDrop().After(1<<18)))
	wantClass(t, deliver(t, tr, huge, "b@y.test")[0], relay.ClassRejected, relay.StageBody, 550)
}

// TestOldTLS: nothing below 1.2 is spoken.
func TestOldTLS(t *testing.T) {
	var verified bool
	if v := newTrust(Options{}, "x.test").config(&verified).MinVersion; v != tls.VersionTLS12 {
		t.Errorf("the least version is %s", tls.VersionName(v))
	}
}

// TestNoSTARTTLS is fault 32: stripped, or refused.
func TestNoSTARTTLS(t *testing.T) {
	c := newCerts(t)
	for name, tc := range map[string]struct {
		hide bool
		act  upstreamtest.Act
		code int
	}{
		"stripped": {hide: true},
		"454":      {act: upstreamtest.Reply("454 4.7.0 not now"), code: 454},
		"502":      {act: upstreamtest.Reply("502 5.5.1 what?"), code: 502},
		"421":      {act: upstreamtest.Reply("421 4.3.2 bye").ThenDrop(), code: 421},
		"closed":   {act: upstreamtest.Drop()},
		"334":      {act: upstreamtest.Reply("334 ")},
		"no TLS":   {act: upstreamtest.Reply("220 go", "250 what do you want?").ThenDrop()},
		"cut off":  {act: upstreamtest.Reply("220 go").ThenDrop()},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, upstreamtest.Options{
				Certificate: c.good, HideSTARTTLS: tc.hide, AuthInClear: true, Users: map[string]string{"u": "secret"},
			})
			s.On(upstreamtest.StartTLS, upstreamtest.Always(tc.act))
			tr := transport(t, s, func(o *Options) {
				o.TLS, o.RootCAs = STARTTLS, c.ca.Pool()
				o.Auth = &Auth{Mechanism: "plain", Username: "u", Password: relay.NewSecret("secret")}
			})
			v := deliver(t, tr, hello, "b@y.test")[0]
			if v.Class == relay.ClassDelivered || v.Stage != relay.StageTLS || v.Code != tc.code {
				t.Errorf("verdict is %+v", v)
			}
			wantNothingInClear(t, s)
		})
	}
}

// TestInjectedBeforeTheHandshake is fault 33 (CVE-2021-38371).
func TestInjectedBeforeTheHandshake(t *testing.T) {
	c := newCerts(t)
	for _, mode := range []TLSMode{STARTTLS, Opportunistic} {
		s := provider(t, upstreamtest.Options{Certificate: c.good})
		s.On(upstreamtest.StartTLS, upstreamtest.Always(upstreamtest.Reply("220 go", "250-injected", "250 AUTH PLAIN")))
		tr := transport(t, s, func(o *Options) { o.TLS, o.RootCAs = mode, c.ca.Pool() })
		v := deliver(t, tr, hello, "b@y.test")[0]
		wantClass(t, v, relay.ClassDeferred, relay.StageTLS, 0)
		if !strings.Contains(v.Text, "protocol error") {
			t.Errorf("text is %q", v.Text)
		}
		wantNothingInClear(t, s)
	}
}

func TestOpportunistic(t *testing.T) {
	c := newCerts(t)
	for name, tc := range map[string]struct {
		o      upstreamtest.Options
		act    upstreamtest.Act
		wanted relay.Stage // StageBody: delivered
		tls    bool
	}{
		"any certificate": {o: upstreamtest.Options{Certificate: c.expired}, wanted: relay.StageBody, tls: true},
		"not offered":     {o: upstreamtest.Options{}, wanted: relay.StageBody},
		"refused":         {o: upstreamtest.Options{Certificate: c.good}, act: upstreamtest.Reply("454 4.7.0 not now"), wanted: relay.StageBody},
		"broken":          {o: upstreamtest.Options{Certificate: c.good}, act: upstreamtest.Reply("220 go").ThenDrop(), wanted: relay.StageTLS},
	} {
		t.Run(name, func(t *testing.T) {
			s := provider(t, tc.o)
			s.On(upstreamtest.StartTLS, upstreamtest.Always(tc.act))
			tr := transport(t, s, func(o *Options) { o.TLS = Opportunistic })
			v := deliver(t, tr, hello, "b@y.test")[0]
			if v.Stage != tc.wanted || (v.Class == relay.ClassDelivered) != (tc.wanted == relay.StageBody) {
				t.Errorf("verdict is %+v", v)
			}
			if m := s.Messages(); len(m) > 0 && m[0].TLS != tc.tls {
				t.Errorf("TLS was %v", m[0].TLS)
			}
		})
	}
}
