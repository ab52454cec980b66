package upstreamtest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// TokenOptions say how a TokenServer answers. They may be replaced while it
// runs.
type TokenOptions struct {
	Lifetime time.Duration // of a token; 0: one hour
	Rotate   bool          // give a new refresh token with each access token
	Error    string        // the OAuth2 error code to answer with; "": a token
	Status   int           // of an error; 0: 400
	Raw      string        // a body to send in place of all that, with Status (0: 200)
}

// TokenServer is a fake OAuth2 token endpoint (RFC 6749, section 3.2) on
// loopback. The n-th access token is "token-n", a rotated refresh token
// "refresh-n".
type TokenServer struct {
	ln   net.Listener
	http *http.Server
	wg   sync.WaitGroup

	mu     sync.Mutex
	o      TokenOptions
	forms  []url.Values
	issued int
	gate   chan struct{} // closed: requests are answered
	inside chan struct{} // one for each request that has come
}

// maxArrivals bounds how many requests may wait to be seen through Arrived.
const maxArrivals = 1000

// StartTokens listens on a free port of 127.0.0.1 until Close.
func StartTokens(o TokenOptions) (*TokenServer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake token endpoint: %w", err)
	}
	s := &TokenServer{ln: ln, o: o, gate: make(chan struct{}), inside: make(chan struct{}, maxArrivals)}
	close(s.gate)
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second}
	s.wg.Go(func() { _ = s.http.Serve(ln) })
	return s, nil
}

// URL is the token endpoint.
func (s *TokenServer) URL() string { return "http://" + s.ln.Addr().String() + "/token" }

// Set changes how requests are answered from now on.
func (s *TokenServer) Set(o TokenOptions) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o = o
}

// Hold lets requests wait until the returned function is called, which may be
// called again.
func (s *TokenServer) Hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// Arrived gives a value for each request that has come.
func (s *TokenServer) Arrived() <-chan struct{} { return s.inside }

// Requests returns the forms of all requests so far. Client credentials given
// by HTTP basic authentication are in them, too.
func (s *TokenServer) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.forms)
}

// Close breaks off all requests and waits for the server to end.
func (s *TokenServer) Close() error {
	err := s.http.Close()
	s.wg.Wait()
	return err
}

// serve answers a token request.
func (s *TokenServer) serve(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	if id, secret, ok := r.BasicAuth(); ok {
		r.PostForm.Set("client_id", id)
		r.PostForm.Set("client_secret", secret)
	}
	o, gate := s.arrive(r.PostForm)
	select {
	case <-gate:
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case o.Raw != "":
		if o.Status != 0 {
			w.WriteHeader(o.Status)
		}
		fmt.Fprint(w, o.Raw)
	case o.Error != "":
		w.WriteHeader(max(o.Status, http.StatusBadRequest))
		_ = json.NewEncoder(w).Encode(map[string]any{"error": o.Error})
	default:
		_ = json.NewEncoder(w).Encode(s.issue(o))
	}
}

func (s *TokenServer) arrive(form url.Values) (TokenOptions, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms = append(s.forms, form)
	select {
	case s.inside <- struct{}{}:
	default:
	}
	return s.o, s.gate
}

func (s *TokenServer) issue(o TokenOptions) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	n := strconv.Itoa(s.issued)
	lifetime := o.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	answer := map[string]any{
		"access_token": "token-" + n,
		"token_type":   "Bearer",
		"expires_in":   int64(lifetime / time.Second),
	}
	if o.Rotate {
		answer["refresh_token"] = "refresh-" + n
	}
	return answer
}
