package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	verify "github.com/emersion/go-msgauth/dkim"

	"relaykeep/relay"
	"relaykeep/relay/message/dkim"
	"relaykeep/upstream/upstreamtest"
)

// makeKey makes the key that the demo signs with, and what its owner would
// publish of it.
func (d *demo) makeKey(path string) error {
	key, err := dkim.GenerateEd25519()
	if err != nil {
		return err
	}
	if d.record, err = dkim.Record(key.Public()); err != nil {
		return err
	}
	return dkim.WriteKeyFile(path, key)
}

// showSignature verifies the signature of what a provider got, as a receiver
// does, and tells of it.
func (d *demo) showSignature(to string) error {
	got, err := d.only(to)
	if err != nil {
		return err
	}
	looked := ""
	found, err := verify.VerifyWithOptions(bytes.NewReader(got.Body), &verify.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			looked = name
			return []string{d.record}, nil
		},
	})
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0].Err != nil {
		return fmt.Errorf("the signature of the mail for %s cannot be verified: %+v", to, found)
	}
	header, err := headerOf(got.Body)
	if err != nil {
		return err
	}
	var tags []string
	for tag := range strings.SplitSeq(header.Get("DKIM-Signature"), ";") {
		if tag = strings.TrimSpace(tag); strings.HasPrefix(tag, "d=") || strings.HasPrefix(tag, "s=") || strings.HasPrefix(tag, "a=") {
			tags = append(tags, tag)
		}
	}
	d.say("DKIM-Signature:   %s", strings.Join(tags, "; "))
	d.say("                  verified, with the key that %s would hold", looked)
	return nil
}

// careless is what an app sends whose author never read an RFC.
const careless = "From: Printer <app@demo.test>\nTo: kim@example.com\nSubject: Scan of page 1\n\nNo carriage returns, no Date, no Message-ID.\n"

func (d *demo) mended(ctx context.Context) error {
	d.say("the app ends its lines with LF only, and sends neither Date nor Message-ID")
	id, err := d.sendAsIs(ctx, "kim@example.com", careless)
	if err != nil {
		return err
	}
	for _, kind := range []relay.EventKind{relay.EventRepaired, relay.EventDelivered} {
		if err := d.expect(ctx, id, kind); err != nil {
			return err
		}
	}
	got, err := d.only("kim@example.com")
	if err != nil {
		return err
	}
	header, err := headerOf(got.Body)
	if err != nil {
		return err
	}
	for _, name := range []string{"Date", "Message-ID"} {
		if header.Get(name) == "" {
			return fmt.Errorf("the provider got a mail without %s", name)
		}
		d.say("%-17s %s", name+":", header.Get(name))
	}
	return nil
}

// sendAsIs puts a mail into the daemon byte for byte, and gives its id.
func (d *demo) sendAsIs(ctx context.Context, to, content string) (relay.ID, error) {
	s, err := connect(ctx, d.doors(), "demo.test")
	if err != nil {
		return "", err
	}
	defer s.Close()
	err = s.hello("demo.test")
	for _, step := range []struct {
		code int
		line string
	}{{250, "MAIL FROM:<" + demoSender + ">"}, {250, "RCPT TO:<" + to + ">"}, {354, "DATA"}} {
		if err == nil {
			err = s.say(step.code, "%s", step.line)
		}
	}
	if err != nil {
		return "", err
	}
	reply, err := s.ask(250, "%s\r\n.", content)
	if err != nil {
		return "", err
	}
	id := queuedAs(reply)
	d.say("app → relaykeep   mail for %s: 250 queued as %s", to, id)
	return id, nil
}

// showNotice waits for the notice about a mail that failed to reach its sender,
// and tells what it says.
func (d *demo) showNotice(ctx context.Context, failed string) error {
	notice, err := d.until(ctx, "notice to the sender", func(e relay.Event) bool {
		return e.Kind == relay.EventDelivered && e.From == "" && e.To == demoSender
	})
	if err != nil {
		return err
	}
	got, err := d.only(demoSender)
	if err != nil {
		return err
	}
	d.say("%-17s a notice for %s, the sender of it:", "relaykeep → "+notice.Upstream, demoSender)
	wanted := []string{"From", "To", "Subject", "Final-Recipient", "Action", "Status", "Diagnostic-Code"}
	lines := essential(got.Body, wanted)
	if len(lines) != len(wanted) {
		return fmt.Errorf("the notice about %s is not what it should be: %q", failed, lines)
	}
	for _, line := range lines {
		d.say("                  %s", line)
	}
	return nil
}

// essential gives the first field of each of these names, in this order, be it
// in the header or in the report.
func essential(message []byte, names []string) (lines []string) {
	for _, name := range names {
		for line := range strings.Lines(string(message)) {
			if strings.HasPrefix(line, name+":") {
				lines = append(lines, strings.TrimSpace(line))
				break
			}
		}
	}
	return lines
}

// only is the one mail that the providers got for a recipient.
func (d *demo) only(to string) (upstreamtest.Message, error) {
	got := d.arrived(to)
	if len(got) != 1 {
		return upstreamtest.Message{}, fmt.Errorf("the providers got the mail for %s %d times", to, len(got))
	}
	return got[0], nil
}

func headerOf(message []byte) (textproto.MIMEHeader, error) {
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(message))).ReadMIMEHeader()
	if err != nil {
		return nil, errors.New("the provider got a mail that cannot be read: " + err.Error())
	}
	return h, nil
}
