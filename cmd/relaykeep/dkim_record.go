package main

import (
	"crypto"
	"fmt"
	"io"

	"relaykeep/relay/message/dkim"
)

// dkimRecordCmd is the command dkim record.
type dkimRecordCmd struct {
	keyName
	Key  string `placeholder:"FILE" help:"The record of this key file instead, at --domain and --selector."`
	JSON bool   `name:"json" help:"Print a JSON object per line."`
}

// recordJSON is a record as dkim record --json prints it.
type recordJSON struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits,omitempty"` // of an RSA key
	File      string `json:"file"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	Value     string `json:"value"` // not split into strings
}

// Run prints the records.
func (c *dkimRecordCmd) Run(a *app, g *grammar) error {
	keys, err := c.keys(a, g)
	if err != nil {
		return err
	}
	for _, k := range keys {
		public, err := k.read()
		if err != nil {
			return err
		}
		if c.JSON {
			err = printRecordJSON(a.out, k, public)
		} else {
			err = printRecord(a.out, k, public)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *dkimRecordCmd) keys(a *app, g *grammar) ([]signingKey, error) {
	if c.Key != "" {
		k, err := c.key(c.Key)
		return []signingKey{k}, err
	}
	if c.Domain != "" || c.Selector != "" {
		return nil, usageError("--domain and --selector say where the key of --key FILE belongs; without that the configuration does")
	}
	return a.signingKeys(g)
}

// printRecord prints a record as a zone file has it.
func printRecord(w io.Writer, k signingKey, public crypto.PublicKey) error {
	text, err := dkim.Record(public)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(w, dkim.ZoneRecord(k.recordName(), text))
	return err
}

func printRecordJSON(w io.Writer, k signingKey, public crypto.PublicKey) error {
	text, err := dkim.Record(public)
	if err != nil {
		return err
	}
	name, bits := dkim.Algorithm(public)
	return printJSON(w, recordJSON{k.domain, k.selector, name, bits, k.file, k.recordName(), "TXT", text})
}
