package main

import (
	"crypto"
	"fmt"
	"strings"

	"relaykeep/relay/config"
	"relaykeep/relay/message/dkim"
)

// dkimCmd holds the commands about the keys that mail is signed with.
type dkimCmd struct {
	Keygen dkimKeygenCmd `cmd:"" help:"Make a key, and print the DNS record to publish."`
	Record dkimRecordCmd `cmd:"" help:"Print the DNS records of the configured keys, or of a key file."`
	Check  dkimCheckCmd  `cmd:"" help:"Look whether the DNS has the records of the configured keys."`
}

// signingKey is a key, and where it belongs.
type signingKey struct {
	domain, selector, file string
}

func (k signingKey) recordName() string { return dkim.RecordName(k.selector, k.domain) }

// read gives the public half. A verifier knows no more of a key.
func (k signingKey) read() (crypto.PublicKey, error) {
	private, err := dkim.ReadKeyFile(k.file)
	if err != nil {
		return nil, fmt.Errorf("cannot use %s: %w", k.file, err)
	}
	return private.Public(), nil
}

// signingKeys gives the keys of the configuration, in file order, at least one.
func (a *app) signingKeys(g *grammar) ([]signingKey, error) {
	path, _ := a.configPath(g)
	c, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	if err != nil {
		return nil, err
	}
	var keys []signingKey
	for _, d := range c.DKIM {
		for _, k := range d.Keys {
			if k.Selector == "" || k.File == "" {
				return nil, fmt.Errorf("a key of %s comes from env, file or credential in %s, which are not looked up here; write selector and file as they are", d.Domain, path)
			}
			keys = append(keys, signingKey{d.Domain, k.Selector, k.File})
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no block dkim in %s; make a key with relaykeep dkim keygen", path)
	}
	return keys, nil
}

// keyName is of the commands that are told which key they are about.
type keyName struct {
	Domain   string `placeholder:"DOMAIN" help:"The domain that signs: that of From, or above it."`
	Selector string `placeholder:"NAME" help:"What tells the key from others of the domain, like s1."`
}

// key checks what the command line says. Errors match errUsage.
func (n keyName) key(file string) (signingKey, error) {
	k := signingKey{strings.ToLower(n.Domain), n.Selector, file}
	if n.Domain == "" || n.Selector == "" {
		return k, usageError("a key has a domain and a selector: --domain example.com --selector s1")
	}
	if err := config.CheckKeyName(k.domain, k.selector); err != nil {
		return k, usageError(err.Error())
	}
	return k, nil
}

// describeKey names the kind of a key for people.
func describeKey(public crypto.PublicKey) string {
	name, bits := dkim.Algorithm(public)
	if bits == 0 {
		return name
	}
	return fmt.Sprintf("%s %d", name, bits)
}
