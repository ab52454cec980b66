package config

import (
	"reflect"
	"testing"
	"time"

	"relaykeep/relay/quota"
	"relaykeep/upstream/classify"
)

// TestPresets: what a provider is known for is the default, and what the file
// says wins.
func TestPresets(t *testing.T) {
	office := func(string) presets {
		return presets{connections: 3, recipients: 500, size: 150 << 20, rate: quota.Limit{N: 30, Per: time.Minute}, countMessages: true}
	}
	type amounts struct {
		connections, recipients int
		size                    int64
		rate                    quota.Limit
		rateByMessage           bool
		quotaByMessage          bool
	}
	usual := amounts{3, 500, 150 << 20, quota.Limit{N: 30, Per: time.Minute}, true, false}
	with := func(change func(*amounts)) amounts {
		a := usual
		change(&a)
		return a
	}
	tests := []struct {
		file string
		want amounts
	}{
		{"", usual},
		{"max_connections = 5", with(func(a *amounts) { a.connections = 5 })},
		{"max_recipients = 5", with(func(a *amounts) { a.recipients = 5 })},
		{`max_message_size = "1MiB"`, with(func(a *amounts) { a.size = 1 << 20 })},
		{`max_message_size = ""`, with(func(a *amounts) { a.size = 0 })},
		{`rate = "10/s"`, with(func(a *amounts) { a.rate, a.rateByMessage = quota.Limit{N: 10, Per: time.Second}, false })},
		{`rate = ""`, with(func(a *amounts) { a.rate, a.rateByMessage = quota.Limit{}, false })},
		{`quota = "5/h"`, usual},
		{`count = "recipients"`, with(func(a *amounts) { a.rateByMessage = false })},
		{`count = "messages"`, with(func(a *amounts) { a.quotaByMessage = true })},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			source := "upstream \"a\" {\n  address  = \"127.0.0.1\"\n  provider = \"microsoft365\"\n  " + tt.file + "\n}\n"
			u := mustParse(t, source, LoadOptions{presets: office}).Upstreams[0]
			if got := (amounts{u.MaxConnections, u.MaxRecipients, u.MaxMessageSize, u.Rate, u.RateByMessage, u.QuotaByMessage}); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestPresetsOfPacks: whatever a pack says is fit for an upstream.
func TestPresetsOfPacks(t *testing.T) {
	c, err := classify.New()
	if err != nil {
		t.Fatal(err)
	}
	usual := presetsByProvider()
	for _, name := range classify.Providers() {
		p := usual(name)
		known, ok := c.Presets(name)
		if !ok {
			t.Errorf("%s has no pack", name)
		}
		if p.connections < 1 || p.recipients < 1 || p.size < 0 || p.rate.N < 0 {
			t.Errorf("%s: %+v", name, p)
		}
		if known.Rate != "" && p.rate.N == 0 {
			t.Errorf("%s: the rate %q is none", name, known.Rate)
		}
		source := "upstream \"a\" {\n  address  = \"127.0.0.1\"\n  provider = \"" + name + "\"\n}\n"
		u := mustParse(t, source, LoadOptions{presets: usual}).Upstreams[0]
		if u.Provider != name || u.MaxConnections != p.connections || u.MaxRecipients != p.recipients {
			t.Errorf("%s: %+v", name, u)
		}
	}
}
