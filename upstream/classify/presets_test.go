package classify

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// TestProviders: each provider has its pack file, and each file its provider.
func TestProviders(t *testing.T) {
	files, err := packFiles.ReadDir("packs")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f.Name()), ".hcl"))
	}
	providers := Providers()
	if providers[0] != "generic" {
		t.Errorf("the first provider is %q", providers[0])
	}
	slices.Sort(providers)
	if !slices.Equal(providers, names) {
		t.Errorf("providers %q, files %q", providers, names)
	}
}

func TestPresets(t *testing.T) {
	c := newClassifier(t)
	for _, name := range Providers() {
		p, ok := c.Presets(name)
		if !ok {
			t.Errorf("%s: no presets", name)
		}
		if named := p.MaxConnections > 0 || p.MaxRecipients > 0 || p.MaxMessageSize > 0 || p.Rate != "" || len(p.UnsignedHeaders) > 0 || p.RefusesNullSender; named != (p.Source != "") {
			t.Errorf("%s: presets from %q: %+v", name, p.Source, p)
		}
	}
	for name, want := range map[string]bool{"ses": true, "tencent": true, "netease": true, "aliyun": true, "gmail": false, "generic": false} {
		if p, _ := c.Presets(name); p.RefusesNullSender != want {
			t.Errorf("%s refuses the null sender: %v", name, p.RefusesNullSender)
		}
	}
	if _, ok := c.Presets("unheard-of"); ok {
		t.Error("an unknown provider has presets")
	}
	if p, _ := c.Presets("microsoft365"); p.MaxConnections != 3 || p.Rate != "30/m" || p.Count != "messages" {
		t.Errorf("microsoft365: got %+v", p)
	}
	p, _ := c.Presets("ses")
	if p.MaxRecipients != 50 || p.MaxMessageSize != 40<<20 || !slices.Contains(p.UnsignedHeaders, "Message-ID") {
		t.Errorf("ses: got %+v", p)
	}
	p.UnsignedHeaders[0] = "X"
	if again, _ := c.Presets("ses"); again.UnsignedHeaders[0] == "X" {
		t.Error("the caller has changed the presets")
	}
}

func TestPresetsFaults(t *testing.T) {
	for _, tt := range []struct{ presets, want string }{
		{`max_recipients = 5`, "source"},
		{`source = ""`, "no source"},
		{"source = \"s\"\n max_connections = -1", "must not be negative"},
		{"source = \"s\"\n rate = \"30/m\"", "rate and count go together"},
		{"source = \"s\"\n rate = \"30/m\"\n count = \"bytes\"", `own.hcl:5,10-17: Invalid count`},
		{"source = \"s\"\n max_message_size = \"40MB\"", "is not a size"},
		{"source = \"s\"\n max_message_size = \"-1MiB\"", "is not a size"},
		{"source = \"s\"\n unsigned_headers = [1]", "Invalid unsigned_headers"},
		{"source = \"s\"\n colour = 1", "colour"},
	} {
		_, err := ParsePack("own", "own.hcl", []byte("version = 1\npresets {\n "+tt.presets+"\n}\n"))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.presets, err, tt.want)
		}
	}
}
