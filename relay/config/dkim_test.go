package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"relaykeep/relay/message/dkim"
)

// TestSigning: a provider's habits and the key dkim say what is signed on the
// way to an upstream.
func TestSigning(t *testing.T) {
	folder := filesFolder(t)
	source := `
upstream "ses" {
  address  = "127.0.0.1:1025"
  provider = "ses"
}
upstream "off" {
  address = "127.0.0.1:1025"
  dkim    = false
}
dkim "example.com" {
  key {
    selector = "s1"
    file     = "dkim.pem"
  }
}
`
	path := write(t, folder, "config.hcl", []byte(source))
	c, err := Load(path, LoadOptions{Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	o := c.Signing(c.Upstreams[0])
	if len(o.Domains) != 1 || o.Domains[0].Name != "example.com" || o.Domains[0].Keys[0].Selector != "s1" || !slices.Contains(o.Unsigned, "Message-ID") {
		t.Errorf("ses: %+v", o)
	}
	if _, err := dkim.New(o); err != nil {
		t.Error(err)
	}
	if o := c.Signing(c.Upstreams[1]); len(o.Domains) != 0 {
		t.Errorf("off: %+v", o)
	}

	// Who goes without secrets needs no key, only to know where it is.
	if err := os.Remove(filepath.Join(folder, "dkim.pem")); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(path, LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	if k := c.DKIM[0].Keys[0]; k.File != filepath.Join(folder, "dkim.pem") || k.Private != nil {
		t.Errorf("without secrets: %+v", k)
	}
}
