package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"relaykeep/relay"
	"relaykeep/spool"
	"relaykeep/upstream/classify"
)

// explainCmd is the command explain.
type explainCmd struct {
	socketFlag
	Provider *string  `placeholder:"NAME" help:"Who gave the reply (default: generic): ${providers}."`
	Stage    *string  `placeholder:"STAGE" help:"What it is the reply to (default: what it mostly is): ${stages}."`
	ID       *string  `name:"id" placeholder:"ID" help:"Explain where a message in the spool stands instead."`
	JSON     bool     `name:"json" help:"Print JSON."`
	Reply    []string `arg:"" optional:"" blank:"" help:"The reply, as in \"550 5.1.1 User unknown\"; - reads it from standard input."`
}

// Run explains a reply, or a message.
func (c *explainCmd) Run(ctx context.Context, a *app, g *grammar) error {
	if c.ID != nil {
		return c.explainMessage(ctx, a, g)
	}
	text, err := c.reply(a.in)
	if err != nil {
		return err
	}
	provider, err := c.provider()
	if err != nil {
		return err
	}
	stage, err := c.stage()
	if err != nil {
		return err
	}
	answer, err := classify.ParseReply(stage, text)
	if err != nil {
		return usageError(err.Error())
	}
	rules, err := a.classifier(g)
	if err != nil {
		return err
	}
	answer.Provider = provider
	e := rules.Explain(answer)
	if c.JSON {
		return printJSON(a.out, explainedReply(provider, e))
	}
	p := page{width: columns(a.out)}
	p.explained(provider, e)
	_, err = io.WriteString(a.out, p.String())
	return err
}

// genericProvider is the pack that is right for SMTP in general.
const genericProvider = "generic"

// maxReplyBytes bounds a reply on standard input.
const maxReplyBytes = 64 << 10

// reply gives the reply that is asked about. Errors match errUsage.
func (c *explainCmd) reply(in io.Reader) (string, error) {
	if len(c.Reply) == 0 {
		return "", usageError(`a reply is missing: write one like "550 5.1.1 User unknown", or - to read it from standard input, or name a message with --id`)
	}
	text := strings.Join(c.Reply, " ")
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(in, maxReplyBytes))
		if err != nil {
			return "", fmt.Errorf("cannot read the reply: %w", err)
		}
		text = string(b)
	}
	if strings.TrimSpace(text) == "" {
		return "", usageError(`the reply is empty; write one like "550 5.1.1 User unknown"`)
	}
	return text, nil
}

func (c *explainCmd) provider() (string, error) {
	if c.Provider == nil {
		return genericProvider, nil
	}
	if known := classify.Providers(); !slices.Contains(known, *c.Provider) {
		return "", usageError(fmt.Sprintf("there is no provider %q; there are %s", *c.Provider, strings.Join(known, ", ")))
	}
	return *c.Provider, nil
}

// stageNames are the stages of the contract, in the order in which they come.
func stageNames() []string {
	var names []string
	for s := relay.StageDial; s <= relay.StageBody; s++ {
		names = append(names, s.String())
	}
	return names
}

// stage gives the stage that is named, StageNone if none is.
func (c *explainCmd) stage() (relay.Stage, error) {
	if c.Stage == nil {
		return relay.StageNone, nil
	}
	var s relay.Stage
	if *c.Stage == "" || s.UnmarshalText([]byte(*c.Stage)) != nil {
		return 0, usageError(fmt.Sprintf("there is no stage %q; there are %s", *c.Stage, strings.Join(stageNames(), ", ")))
	}
	return s, nil
}

// explainMessage explains where a message stands.
func (c *explainCmd) explainMessage(ctx context.Context, a *app, g *grammar) error {
	if len(c.Reply) > 0 || c.Provider != nil || c.Stage != nil {
		return usageError("--id takes all from the spool: give it no reply, provider or stage")
	}
	id, err := spool.ParseID(*c.ID)
	if err != nil {
		return usageError(err.Error())
	}
	place, err := a.findPlace(g, c.socketFlag)
	if err != nil {
		return err
	}
	q, err := place.open(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	m, err := q.Get(ctx, id)
	if err != nil {
		return err
	}
	rules, err := a.classifier(g)
	if err != nil {
		return err
	}
	return c.printMessage(a, m, rules, place.providers())
}

// providers gives the provider of each upstream of the configuration; nil where
// that cannot be read.
func (p place) providers() map[string]string {
	if p.config == nil {
		return nil
	}
	by := make(map[string]string)
	for _, u := range p.config.Upstreams {
		by[u.Name] = u.Provider
	}
	return by
}
