package upstreamtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
)

func TestTokenServer(t *testing.T) {
	s, err := StartTokens(TokenOptions{Rotate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() (int, map[string]any) {
		t.Helper()
		r, err := client.PostForm(s.URL(), url.Values{"grant_type": {"refresh_token"}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			t.Error(err)
		}
		return r.StatusCode, answer
	}
	for _, n := range []string{"1", "2"} {
		status, a := ask()
		if status != 200 || a["access_token"] != "token-"+n || a["refresh_token"] != "refresh-"+n || a["expires_in"] != 3600.0 {
			t.Errorf("%d %v", status, a)
		}
	}
	s.Set(TokenOptions{Error: "invalid_grant"})
	if status, a := ask(); status != 400 || a["error"] != "invalid_grant" {
		t.Errorf("%d %v", status, a)
	}
	s.Set(TokenOptions{Status: 503, Raw: "{}"})
	if status, a := ask(); status != 503 || len(a) != 0 {
		t.Errorf("%d %v", status, a)
	}
	if got := s.Requests(); len(got) != 4 || got[0].Get("grant_type") != "refresh_token" {
		t.Errorf("requests %v", got)
	}
}
