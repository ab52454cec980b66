package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"relaykeep/relay/daemon"
)

// spoolImportCmd is the command spool import.
type spoolImportCmd struct {
	socketFlag
	File string   `arg:"" help:"The message, RFC 5322, with whatever line ends; - is standard input."`
	From string   `required:"" placeholder:"ADDRESS" help:"The envelope sender; <> for none."`
	To   []string `required:"" sep:"none" placeholder:"ADDRESS" help:"A recipient; may be given several times."`
	JSON bool     `name:"json" help:"Print JSON."`
}

// imported is what the command spool import prints.
type imported struct {
	ID string `json:"id"`
}

// Run submits a file: to the running daemon, or into the spool of a stopped one.
func (c *spoolImportCmd) Run(ctx context.Context, a *app, g *grammar) (err error) {
	e, err := parseEnvelope(c.From, c.To)
	if err != nil {
		return err
	}
	in := a.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	m, err := readImport(in, e)
	if err != nil {
		return err
	}
	open, end, err := c.doors(ctx, a, g, &m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	reply, err := submit(ctx, open, m)
	if err != nil {
		return err
	}
	id := queuedAs(reply)
	switch {
	case id == "":
		return fmt.Errorf("a server took the mail, but is it relaykeep? It said %s", oneLine(reply))
	case c.JSON:
		return printJSON(a.out, imported{string(id)})
	}
	_, err = fmt.Fprintf(a.out, "queued as %s\n", id)
	return err
}

// readImport makes a submission of a message as it stands.
func readImport(in io.Reader, e envelope) (submission, error) {
	m := submission{envelope: e}
	header, text, err := readSendmail(in, false)
	if err != nil {
		return m, err
	}
	if len(header.Fields()) == 0 {
		return m, errors.New("it is no message: it does not begin with a header section")
	}
	var top bytes.Buffer
	for _, field := range header.Fields() {
		top.Write(field.Raw())
	}
	return m, fillSubmission(&m, top.Bytes(), text, false)
}

// doors gives those of the running daemon, or one that is opened to the spool of
// a stopped one. The caller calls end.
func (c *spoolImportCmd) doors(ctx context.Context, a *app, g *grammar, m *submission) (open []door, end func() error, err error) {
	p, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.daemon(ctx)
	if err == nil {
		defer client.Close()
		m.host, open, err = p.doors(ctx, client, true, nil)
		return open, func() error { return nil }, err
	}
	store, err := p.openStoppedToWrite(err)
	if err != nil {
		return nil, nil, err
	}
	m.host = p.config.Hostname
	intake, err := daemon.NewIntake(p.config, store)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	end = func() error { return errors.Join(intake.Close(), store.Close()) }
	return []door{{network: "unix", address: intake.Socket()}}, end, nil
}
