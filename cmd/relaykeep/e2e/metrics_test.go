package e2e

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// promtool accepts what a daemon says after some mail, and the mail is in it.
func TestMetrics(t *testing.T) {
	provider := startSink(t)
	n := newNode(t, settings{rest: `metrics { address = "127.0.0.1:0" }`}, upstreamBlock("out", provider.addr, ""))
	p := n.start()
	smtpSource(t, p.addr(), "-m", "3")
	delivered := 0
	if _, ok := p.log.wait(patience(t), func(l line) bool {
		if l.text("event") == "delivered" {
			delivered++
		}
		return delivered == 3
	}); !ok {
		t.Fatal("the mail does not arrive")
	}
	l, ok := p.log.wait(patience(t), func(l line) bool { return l.text("metrics") != "" })
	if !ok {
		t.Fatal("the daemon does not say where its metrics are")
	}
	text := fetch(t, "http://"+l.text("metrics")+"/metrics")
	for _, want := range []string{
		`relaykeep_messages_accepted_total{listener="local"} 3`,
		`relaykeep_recipients_total{outcome="delivered",upstream="out"} 3`,
		`relaykeep_delivery_seconds_count{route="default"} 3`,
		`relaykeep_attempt_seconds_count{stage="body",upstream="out"} 3`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("there is no line %s", want)
		}
	}
	check := exec.CommandContext(patience(t), program(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if said, err := check.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("promtool: %v\n%s", err, said)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if said := fetch(t, "http://"+l.text("metrics")+path); said != "ok\n" {
			t.Errorf("%s: %q", path, said)
		}
	}
	p.stop()
}

// fetch reads a page, which must be there.
func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(patience(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, response.Status, err, body)
	}
	return string(body)
}
