package main

import (
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"relaykeep/relay/message/dkim"
)

// dkimKeygenCmd is the command dkim keygen.
type dkimKeygenCmd struct {
	keyName
	Algorithm string `enum:"rsa,ed25519" default:"rsa" help:"rsa (2048 bits), which everybody verifies, or ed25519, which few do yet: use it beside an RSA key."`
	Out       string `placeholder:"FILE" help:"The file for the private key (default: SELECTOR.DOMAIN.pem here). None is overwritten."`
}

// Run makes a key.
func (c *dkimKeygenCmd) Run(a *app) error {
	k, err := c.key(c.Out)
	if err != nil {
		return err
	}
	// The configuration takes relative paths from its own folder.
	k.file, err = filepath.Abs(cmp.Or(k.file, k.selector+"."+k.domain+".pem"))
	if err != nil {
		return err
	}
	generate := dkim.GenerateRSA
	if c.Algorithm == "ed25519" {
		generate = dkim.GenerateEd25519
	}
	private, err := generate()
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	if err := writeKey(k.file, private); err != nil {
		return err
	}
	if err := printRecord(a.out, k, private.Public()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.err, `
The private key is in %[1]s, which the daemon must be able to read, and not everybody.
Publish the record above, write into the configuration

    dkim %[2]q {
      key {
        selector = %[3]q
        file     = %[1]q
      }
    }

and see what the DNS says with relaykeep dkim check.
`, k.file, k.domain, k.selector)
	return err
}

func writeKey(file string, private crypto.Signer) error {
	err := dkim.WriteKeyFile(file, private)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already, and a key is never overwritten; name another file with --out", file)
	case err != nil:
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	return nil
}
