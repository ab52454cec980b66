package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/bounce"
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/ingress"
	"relaykeep/relay/route"
	"relaykeep/upstream"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

// parts are what a configuration is made into, as far as it can be another
// while mail flows. They are not changed: others take their place.
type parts struct {
	config     *config.Config
	rules      *classify.Classifier
	table      *route.Table
	notices    *bounce.Reporter
	transports map[string]*smtp.Transport // by upstream
	plan       delivery.Plan
	taking     ingress.Rules
}

// makeParts makes the parts of c. A transport whose options are those of before
// is taken over, with its connections; before may be nil. On an error nothing
// is left.
func (d *Daemon) makeParts(c *config.Config, before *parts) (*parts, error) {
	p := &parts{config: c, table: routingTable(c), transports: make(map[string]*smtp.Transport)}
	var err error
	if p.rules, err = classify.New(c.Packs...); err != nil {
		return nil, err
	}
	p.notices = reporter(c, p.table, p.rules)
	p.plan = delivery.Plan{Routes: deliveryRoutes(c), Reporter: p.notices}
	for _, u := range c.Upstreams {
		l, err := d.makeLane(p, u, before)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("upstream %q: %w", u.Name, err), p.closeBut(before))
		}
		p.plan.Lanes = append(p.plan.Lanes, l)
	}
	p.taking = ingress.Rules{
		Router: p.table, Table: p.table.Fingerprint(), Dedupe: c.Dedupe,
		Filters: d.filters(c),
	}
	return p, nil
}

// makeLane describes the lane of an upstream, with a transport in p.
func (d *Daemon) makeLane(p *parts, u config.Upstream, before *parts) (delivery.Lane, error) {
	prepare, err := pipeline(p.config, u)
	if err != nil {
		return delivery.Lane{}, err
	}
	old, known := before.upstream(u.Name)
	var t *smtp.Transport
	if known && sameOptions(old.Options, u.Options) {
		t = before.transports[u.Name]
	} else if t, err = smtp.New(u.Options, d.classify, d.spool); err != nil {
		return delivery.Lane{}, err
	}
	p.transports[u.Name] = t
	l := lane(u, t, prepare, time.Now())
	l.Keep = known && sameLane(old, u)
	return l, nil
}

// upstream finds one of a configuration.
func (p *parts) upstream(name string) (u config.Upstream, ok bool) {
	if p == nil {
		return u, false
	}
	for _, u := range p.config.Upstreams {
		if u.Name == name {
			return u, true
		}
	}
	return u, false
}

// closeBut closes the transports that others have not; others may be nil.
func (p *parts) closeBut(others *parts) error {
	var errs []error
	for name, t := range p.transports {
		if others == nil || others.transports[name] != t {
			errs = append(errs, t.Close())
		}
	}
	return errors.Join(errs...)
}

// classify judges by the rules of now.
func (d *Daemon) classify(a upstream.Answer) relay.Verdict { return d.parts.Load().rules.Classify(a) }

// sameLane reports whether the lane of an upstream may go on as it is. What is
// done to mail on its way there is no part of it.
func sameLane(a, b config.Upstream) bool {
	same := sameOptions(a.Options, b.Options)
	for _, u := range []*config.Upstream{&a, &b} {
		u.Options = smtp.Options{}
		u.Sign, u.Unsigned, u.Rewrite, u.RefusesNullSender = false, nil, config.Rewrite{}, false
	}
	return same && reflect.DeepEqual(a, b)
}

// sameOptions compares certificates by what they are.
func sameOptions(a, b smtp.Options) bool {
	if (a.RootCAs == nil) != (b.RootCAs == nil) || a.RootCAs != nil && !a.RootCAs.Equal(b.RootCAs) {
		return false
	}
	a.RootCAs, b.RootCAs = nil, nil
	return reflect.DeepEqual(a, b)
}

// listenerOptions are those of all listeners.
func listenerOptions(c *config.Config) []ingress.Options {
	var all []ingress.Options
	for _, l := range c.Listeners {
		o := l.Options
		o.Optional = l.Default
		all = append(all, o)
	}
	return all
}
