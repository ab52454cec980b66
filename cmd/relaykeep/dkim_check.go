package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"relaykeep/relay/message/dkim"
)

// dkimCheckCmd is the command dkim check.
type dkimCheckCmd struct {
	Resolver string `placeholder:"ADDRESS" help:"Ask this DNS server, like 192.0.2.53 or 127.0.0.1:5353 (default: those of the system)."`
	JSON     bool   `name:"json" help:"Print a JSON object per line."`
}

// lookupTime bounds the question for one record.
const lookupTime = 10 * time.Second

// statusError is the status of a key that could not be looked at: its file, or
// the DNS, gave no answer.
const statusError dkim.Status = "error"

// keyFinding is what came out for a key.
type keyFinding struct {
	signingKey
	kind string // "rsa 2048"; "" where its file cannot be read
	dkim.Finding
}

// keyFindingJSON is a finding as dkim check --json prints it.
type keyFindingJSON struct {
	Domain   string      `json:"domain"`
	Selector string      `json:"selector"`
	File     string      `json:"file"`
	Name     string      `json:"name"` // of the record
	Status   dkim.Status `json:"status"`
	Detail   string      `json:"detail,omitempty"`
}

// Run compares the DNS with the keys.
func (c *dkimCheckCmd) Run(ctx context.Context, a *app, g *grammar) error {
	lookup, err := resolver(c.Resolver)
	if err != nil {
		return err
	}
	keys, err := a.signingKeys(g)
	if err != nil {
		return err
	}
	var findings []keyFinding
	bad := 0
	for _, k := range keys {
		f := findRecord(ctx, lookup, k)
		findings = append(findings, f)
		if f.Status != dkim.StatusOK {
			bad++
		}
	}
	if err := c.print(a, findings); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %s cannot be verified by those who get the mail", bad, count(int64(len(keys)), "key", "keys"))
	}
	return nil
}

// findRecord looks up the record of a key and compares the two.
func findRecord(ctx context.Context, lookup *net.Resolver, k signingKey) keyFinding {
	public, err := k.read()
	if err != nil {
		return keyFinding{k, "", dkim.Finding{Status: statusError, Detail: err.Error()}}
	}
	records, err := lookupTXT(ctx, lookup, k.recordName())
	if err != nil {
		return keyFinding{k, describeKey(public), dkim.Finding{Status: statusError, Detail: err.Error()}}
	}
	return keyFinding{k, describeKey(public), dkim.Judge(records, public)}
}

func (c *dkimCheckCmd) print(a *app, findings []keyFinding) error {
	if c.JSON {
		for _, f := range findings {
			line := keyFindingJSON{f.domain, f.selector, f.file, f.recordName(), f.Status, f.Detail}
			if err := printJSON(a.out, line); err != nil {
				return err
			}
		}
		return nil
	}
	t := grid{heads: []string{"RECORD", "KEY", "STATUS", "DETAIL"}, width: columns(a.out)}
	for _, f := range findings {
		t.rows = append(t.rows, []string{f.recordName(), f.kind, string(f.Status), oneLine(f.Detail)})
	}
	_, err := io.WriteString(a.out, t.String())
	return err
}

// resolver gives who is asked: a DNS server, "" for those of the system. Errors
// match errUsage.
func resolver(server string) (*net.Resolver, error) {
	if server == "" {
		return net.DefaultResolver, nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = server, "53"
	}
	if net.ParseIP(host) == nil {
		return nil, usageError(fmt.Sprintf("--resolver %s is no DNS server; write its IP address, like 192.0.2.53 or [2001:db8::53]:53", server))
	}
	address := net.JoinHostPort(host, port)
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}, nil
}

// lookupTXT gives the TXT records of a name, none where there is no such name.
func lookupTXT(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	records, err := r.LookupTXT(ctx, name+".")
	var failure *net.DNSError
	switch {
	case err == nil:
		return records, nil
	case !errors.As(err, &failure):
		return nil, err
	case failure.IsNotFound:
		return nil, nil
	case failure.IsTimeout:
		return nil, errors.New("the DNS gave no answer in time")
	}
	return nil, fmt.Errorf("the DNS gave no answer: %s", failure.Err)
}
