package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"relaykeep/upstream"
)

const (
	tokenTimeout = 30 * time.Second // for one request to the token endpoint
	tokenEarly   = time.Minute      // a token is replaced so long before it expires
)

// TokenError says why no access token could be had. Nothing of what the
// endpoint wrote is in it but the error code of RFC 6749, section 5.2.
type TokenError struct {
	Status int    // of HTTP; 0 where no answer came
	Code   string // "invalid_grant", …; "" where the answer had none
	Err    error  // why there was no answer; nil where there was one
}

// Error says it in words.
func (e *TokenError) Error() string {
	switch {
	case e.Err != nil:
		return "no access token: " + e.Err.Error()
	case e.Code != "":
		return fmt.Sprintf("no access token: the token endpoint answered %d %s", e.Status, e.Code)
	}
	return fmt.Sprintf("no access token: the token endpoint answered %d", e.Status)
}

// Unwrap gives Err.
func (e *TokenError) Unwrap() error { return e.Err }

// Is reports whether target is upstream.ErrLoginRefused and the endpoint
// refuses what we are or have (RFC 6749 5.2), rather than the request at hand.
func (e *TokenError) Is(target error) bool {
	if target != upstream.ErrLoginRefused {
		return false
	}
	switch e.Code {
	case "invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope":
		return true
	}
	return false
}

// tokenSource gets the access tokens of one upstream, keeps them until shortly
// before they expire, and has one request under way at most.
type tokenSource struct {
	upstream string
	grant    func(ctx context.Context, refresh string) (*oauth2.Token, error)
	keeper   TokenKeeper // nil: a replaced refresh token lives as long as the process
	client   *http.Client

	busy chan struct{} // holds one value while somebody owns the fields below

	access  string
	expires time.Time // zero: not known to expire
	refresh string    // of the configuration, or what replaced it
	loaded  bool      // the keeper was asked
	unkept  bool      // refresh is newer than what the keeper has
}

func newTokenSource(o Options, keeper TokenKeeper) *tokenSource {
	a := o.Auth
	s := &tokenSource{
		upstream: o.Name,
		keeper:   keeper,
		client:   newTokenClient(),
		busy:     make(chan struct{}, 1),
		refresh:  a.RefreshToken.Reveal(),
	}
	if a.RefreshToken.IsZero() {
		s.loaded = true // nothing to replace
		cfg := &clientcredentials.Config{
			ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(), TokenURL: a.TokenURL, Scopes: a.Scopes,
		}
		s.grant = func(ctx context.Context, _ string) (*oauth2.Token, error) { return cfg.Token(ctx) }
		return s
	}
	cfg := &oauth2.Config{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret.Reveal(), Scopes: a.Scopes,
		Endpoint: oauth2.Endpoint{TokenURL: a.TokenURL},
	}
	s.grant = func(ctx context.Context, refresh string) (*oauth2.Token, error) {
		return cfg.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	}
	return s
}

// newTokenClient makes the client for token endpoints. They are public
// services, so the system's authorities vouch for them and not those of the
// upstream. Redirects are not followed: the request carries secrets.
func newTokenClient() *http.Client {
	return &http.Client{
		Timeout: tokenTimeout,
		Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // one request an hour
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// token gives an access token that is good for a minute at least, or a
// *TokenError.
func (s *tokenSource) token(ctx context.Context) (string, error) {
	if err := s.own(ctx); err != nil {
		return "", &TokenError{Err: err}
	}
	defer s.disown()
	if err := s.keep(); err != nil {
		return "", &TokenError{Err: err}
	}
	if s.access != "" && (s.expires.IsZero() || time.Until(s.expires) > tokenEarly) {
		return s.access, nil
	}
	if err := s.load(); err != nil {
		return "", &TokenError{Err: err}
	}
	if err := s.renew(ctx); err != nil {
		return "", err
	}
	if err := s.keep(); err != nil {
		return "", &TokenError{Err: err}
	}
	return s.access, nil
}

// own waits until nobody else has the source.
func (s *tokenSource) own(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *tokenSource) disown() { <-s.busy }

// renew asks the endpoint.
func (s *tokenSource) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	// The library takes its HTTP client from the context.
	tok, err := s.grant(context.WithValue(ctx, oauth2.HTTPClient, s.client), s.refresh)
	if err != nil {
		return tokenError(err)
	}
	if hasControl([]byte(tok.AccessToken)) { // it would end its field in XOAUTH2
		return &TokenError{Err: errTokenAnswer}
	}
	s.access, s.expires = tok.AccessToken, tok.Expiry
	if s.refresh != "" && tok.RefreshToken != "" && tok.RefreshToken != s.refresh {
		s.refresh, s.unkept = tok.RefreshToken, true
	}
	return nil
}

// load prefers a kept refresh token to the one of the configuration, which it
// has replaced.
func (s *tokenSource) load() error {
	if s.loaded || s.keeper == nil {
		return nil
	}
	kept, err := s.keeper.RefreshToken(s.upstream)
	if err != nil {
		return fmt.Errorf("read the kept refresh token: %w", err)
	}
	if kept != "" {
		s.refresh = kept
	}
	s.loaded = true
	return nil
}

// keep stores a replaced refresh token. Until that has worked no token is
// given out: the one of before is void, and a restart would lose the login.
func (s *tokenSource) keep() error {
	if !s.unkept || s.keeper == nil {
		return nil
	}
	if err := s.keeper.KeepRefreshToken(s.upstream, s.refresh); err != nil {
		return fmt.Errorf("keep the new refresh token: %w", err)
	}
	s.unkept = false
	return nil
}

// forget drops a token that the server refused.
func (s *tokenSource) forget(ctx context.Context, token string) {
	if s.own(ctx) != nil {
		return
	}
	defer s.disown()
	if s.access == token {
		s.access = ""
	}
}

var errTokenAnswer = errors.New("the answer of the token endpoint is not understood")

// tokenError takes from an error of the library what may be told.
func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		e := &TokenError{Code: errorCode(refused.ErrorCode)}
		if refused.Response != nil {
			e.Status = refused.Response.StatusCode
		}
		return e
	}
	var broken *url.Error
	if errors.As(err, &broken) {
		return &TokenError{Err: broken.Err} // without the URL, which may have secrets in it
	}
	return &TokenError{Err: errTokenAnswer}
}

// errorCode lets the codes of RFC 6749 through and their like.
func errorCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	for _, c := range code {
		if (c < 'a' || c > 'z') && c != '_' {
			return ""
		}
	}
	return code
}
