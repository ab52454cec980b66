package smtp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"relaykeep/relay"
	"relaykeep/upstream"
	"relaykeep/upstream/upstreamtest"
)

func tokenServer(t testing.TB, o upstreamtest.TokenOptions) *upstreamtest.TokenServer {
	t.Helper()
	s := must[*upstreamtest.TokenServer](t)(upstreamtest.StartTokens(o))
	t.Cleanup(func() { s.Close() })
	return s
}

func xoauth2(url, refresh string) *Auth {
	return &Auth{
		Mechanism: "xoauth2", Username: "u@x.test", TokenURL: url, ClientID: "client",
		ClientSecret: relay.NewSecret("client secret"), Scopes: []string{"mail"}, RefreshToken: relay.NewSecret(refresh),
	}
}

// keeper is a TokenKeeper in memory.
type keeper struct {
	mu         sync.Mutex
	kept       string
	readErr    error
	keepErr    error
	keepCalled int
}

func (k *keeper) RefreshToken(string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept, k.readErr
}

func (k *keeper) KeepRefreshToken(_, token string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keepCalled++
	if k.keepErr == nil {
		k.kept = token
	}
	return k.keepErr
}

func TestXOAUTH2(t *testing.T) {
	ts := tokenServer(t, upstreamtest.TokenOptions{})
	good := "token-1"
	s := provider(t, upstreamtest.Options{Token: func(user, token string) bool { return user == "u@x.test" && token == good }})
	tr := transport(t, s, func(o *Options) { o.Auth = xoauth2(ts.URL(), ""); o.MaxMessagesPerConnection = 1 })
	wantDelivered(t, tr)
	wantDelivered(t, tr) // another login with the same token
	form := ts.Requests()
	if len(form) != 1 || form[0].Get("grant_type") != "client_credentials" || form[0].Get("scope") != "mail" ||
		form[0].Get("client_id") != "client" || form[0].Get("client_secret") != "client+secret" {
		t.Errorf("the endpoint was asked %v", form)
	}

	// The provider does not take it any more: a verdict, and a new token.
	good = "token-2"
	v := deliver(t, tr, hello, "b@y.test")[0]
	wantClass(t, v, relay.ClassRejected, relay.StageAuth, 535)
	wantNoSecret(t, v.Text, "token-1")
	wantDelivered(t, tr)
}

func TestTokenOfAVeryLongKind(t *testing.T) {
	long := strings.Repeat("t", 2000)
	ts := tokenServer(t, upstreamtest.TokenOptions{Raw: `{"access_token":"` + long + `","token_type":"Bearer","expires_in":3600}`})
	s := provider(t, upstreamtest.Options{Token: func(_, token string) bool { return token == long }})
	wantDelivered(t, transport(t, s, func(o *Options) { o.Auth = xoauth2(ts.URL(), "") }))
}

func TestRefreshTokenIsReplaced(t *testing.T) {
	ts := tokenServer(t, upstreamtest.TokenOptions{Rotate: true, Lifetime: 30 * time.Second}) // less than a minute: never good for a second use
	s := provider(t, upstreamtest.Options{Token: func(string, string) bool { return true }})
	k := &keeper{}
	o := Options{Name: "test", Address: s.Addr(), TLS: NoTLS, Auth: xoauth2(ts.URL(), "refresh-0"), MaxMessagesPerConnection: 1}
	for i, want := range []string{"refresh-0", "refresh-1", "refresh-2"} {
		tr := must[*Transport](t)(New(o, classify, k)) // as after a restart
		wantDelivered(t, tr)
		tr.Close()
		form := ts.Requests()[i]
		if form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != want {
			t.Errorf("the endpoint was asked %v, want %s", form, want)
		}
	}
	if k.kept != "refresh-3" {
		t.Errorf("%q is kept", k.kept)
	}
}

// TestRefreshTokenThatCannotBeKept: it is not used before it is safe, and not
// asked for again.
func TestRefreshTokenThatCannotBeKept(t *testing.T) {
	ts := tokenServer(t, upstreamtest.TokenOptions{Rotate: true})
	k := &keeper{keepErr: errTest}
	src := newTokenSource(Options{Auth: xoauth2(ts.URL(), "refresh-0")}, k)
	for range 2 {
		if _, err := src.token(t.Context()); !errors.Is(err, errTest) {
			t.Errorf("error is %v", err)
		}
	}
	k.keepErr = nil
	if token, err := src.token(t.Context()); err != nil || token != "token-1" || k.kept != "refresh-1" {
		t.Errorf("token %q, kept %q (%v)", token, k.kept, err)
	}
	if n := len(ts.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}

	src = newTokenSource(Options{Auth: xoauth2(ts.URL(), "refresh-0")}, &keeper{readErr: errTest})
	if _, err := src.token(t.Context()); !errors.Is(err, errTest) {
		t.Errorf("error is %v", err)
	}
}

func TestTokenIsReplacedBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		src := newTokenSource(Options{Auth: xoauth2("http://token.test", "")}, nil)
		src.grant = func(context.Context, string) (*oauth2.Token, error) {
			n++
			return &oauth2.Token{AccessToken: strings.Repeat("x", n), Expiry: time.Now().Add(time.Hour)}, nil
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {59*time.Minute - 1, 1}, {1, 2}, {58 * time.Minute, 2}, {2 * time.Hour, 3}} {
			time.Sleep(step.wait) // synthetic
			token, err := src.token(t.Context())
			if err != nil || len(token) != step.want {
				t.Errorf("after %v: token %d (%v), want %d", step.wait, len(token), err, step.want)
			}
		}
	})
}

// TestOneRefreshAtATime: many logins at once make one request, and who gives up
// does not take the others along.
func TestOneRefreshAtATime(t *testing.T) {
	ts := tokenServer(t, upstreamtest.TokenOptions{})
	release := ts.Hold()
	defer release()
	src := newTokenSource(Options{Auth: xoauth2(ts.URL(), "")}, nil)

	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := src.token(ctx)
		gaveUp <- err
	}()
	<-ts.Arrived()
	got := make(chan string)
	for range 10 {
		go func() {
			token, err := src.token(t.Context())
			if err != nil {
				token = err.Error()
			}
			got <- token
		}()
	}
	cancel()
	if err := <-gaveUp; err == nil {
		t.Error("the one who gave up got a token")
	}
	<-ts.Arrived()
	release()
	first := <-got
	for range 9 {
		if token := <-got; token != first || !strings.HasPrefix(token, "token-") {
			t.Errorf("tokens %q and %q", first, token)
		}
	}
	if n := len(ts.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestTokenFailures(t *testing.T) {
	const secret = "client secret"
	for name, c := range map[string]struct {
		o    upstreamtest.TokenOptions
		want string
	}{
		"refused":         {upstreamtest.TokenOptions{Error: "invalid_grant"}, "400 invalid_grant"},
		"server error":    {upstreamtest.TokenOptions{Status: 503, Raw: "<html>" + secret}, "503"},
		"odd error":       {upstreamtest.TokenOptions{Error: "it was " + secret}, "400"},
		"not JSON":        {upstreamtest.TokenOptions{Raw: secret}, "not understood"},
		"no token":        {upstreamtest.TokenOptions{Raw: "{}"}, "not understood"},
		"error as a 200":  {upstreamtest.TokenOptions{Raw: `{"error":"invalid_scope","error_description":"` + secret + `"}`}, "200 invalid_scope"},
		"token with CRLF": {upstreamtest.TokenOptions{Raw: `{"access_token":"a\r\nb` + secret + `","expires_in":3600}`}, "not understood"},
	} {
		for _, refresh := range []string{"", "refresh secret"} {
			t.Run(name, func(t *testing.T) {
				ts := tokenServer(t, c.o)
				s := provider(t, upstreamtest.Options{Token: func(string, string) bool { return true }})
				tr := transport(t, s, func(o *Options) { o.Auth = xoauth2(ts.URL(), refresh) })
				v := deliver(t, tr, hello, "b@y.test")[0]
				wantClass(t, v, relay.ClassDeferred, relay.StageAuth, 0)
				if !strings.Contains(v.Text, c.want) {
					t.Errorf("text is %q, want %q in it", v.Text, c.want)
				}
				wantNoSecret(t, v.Text, secret, "refresh secret")
				if n := s.Reached(upstreamtest.Auth); n != 0 {
					t.Error("AUTH was sent")
				}
			})
		}
	}
	ts := tokenServer(t, upstreamtest.TokenOptions{})
	ts.Close()
	src := newTokenSource(Options{Auth: xoauth2(ts.URL()+"?key=secret", "")}, nil)
	_, err := src.token(t.Context())
	var te *TokenError
	if !errors.As(err, &te) || te.Err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

// Only what waiting cannot mend is a refused login.
func TestTokenErrorIsLoginRefused(t *testing.T) {
	for code, want := range map[string]bool{
		"invalid_grant": true, "invalid_client": true, "unauthorized_client": true, "invalid_scope": true,
		"": false, "temporarily_unavailable": false, "slow_down": false,
	} {
		err := fmt.Errorf("auth: %w", &TokenError{Status: 400, Code: code})
		if got := errors.Is(err, upstream.ErrLoginRefused); got != want {
			t.Errorf("%q: %v, want %v", code, got, want)
		}
	}
}
