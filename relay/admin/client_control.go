package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"relaykeep/spool"
)

// Upstreams gives the daemon's upstreams, in the order of its configuration.
func (c *Client) Upstreams(ctx context.Context) ([]Upstream, error) {
	return allLines[Upstream](ctx, c, "/v1/upstreams")
}

// Probe tries an upstream without sending mail. The error matches
// spool.ErrNotFound where there is none of this name, and names those that
// there are; so do those of Pause and Resume.
func (c *Client) Probe(ctx context.Context, upstream string) (p ProbeResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxProbe+answerTimeout)
	defer cancel()
	return p, c.value(ctx, http.MethodPost, upstreamPath(upstream, "probe"), &p)
}

// Pause stops sending to an upstream until Resume.
func (c *Client) Pause(ctx context.Context, upstream string) (Change, error) {
	return c.change(ctx, upstream, "pause")
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context, upstream string) (Change, error) {
	return c.change(ctx, upstream, "resume")
}

func (c *Client) change(ctx context.Context, upstream, what string) (done Change, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return done, c.value(ctx, http.MethodPost, upstreamPath(upstream, what), &done)
}

// Resolve closes an incident and releases what it held. That may take its
// time, and is done whole even when ctx, which alone bounds the wait, ends.
// The error matches spool.ErrNotFound where there is no such incident.
func (c *Client) Resolve(ctx context.Context, number int64) (done Resolved, err error) {
	return done, c.value(ctx, http.MethodPost, fmt.Sprintf("/v1/incidents/%d/resolve", number), &done)
}

// Act does to mail what an operator wants; see Actor. That may take its time,
// and is done whole even when ctx, which alone bounds the wait, ends.
func (c *Client) Act(ctx context.Context, order Order, f spool.Filter) (done Acted, err error) {
	q := filterQuery(f)
	if order.To != "" {
		q.Set(redirectTo, order.To)
	}
	path := "/v1/messages/" + url.PathEscape(order.Action) + "?" + q.Encode()
	return done, c.value(ctx, http.MethodPost, path, &done)
}

func upstreamPath(name, what string) string {
	return "/v1/upstreams/" + url.PathEscape(name) + "/" + what
}
