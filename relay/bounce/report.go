package bounce

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Reporter makes notices. Its methods are safe for concurrent use.
type Reporter struct {
	Options
	limiter *limiter
}

// New makes a Reporter. It shares what is in o: nobody may change that any
// more.
func New(o Options) *Reporter {
	return &Reporter{Options: o, limiter: newLimiter(o.Limit)}
}

// Report gives the spool.Settlement.Report for a settlement of m, nil where it
// has nothing to tell. settled are the recipients as they are settled; others
// says that m has recipients beside them, which it may have to tell of, too.
// What goes back of the message is read from body before Report returns.
func (r *Reporter) Report(m relay.Message, body relay.Body, settled []relay.Recipient, others bool, now time.Time) func(finished []relay.Recipient) []spool.Notice {
	if m.From == "" || !others && len(r.groups(settled, ended)) == 0 {
		return nil
	}
	s := r.session(m, body, r.wantsFull(m), now)
	if s.original.notice {
		return nil
	}
	return func(finished []relay.Recipient) []spool.Notice {
		return s.notices(r.groups(finished, ended))
	}
}

// Delayed gives the notices that tell the sender of m that these recipients
// have to wait.
func (r *Reporter) Delayed(m relay.Message, body relay.Body, to []relay.Recipient, now time.Time) []spool.Notice {
	if m.From == "" {
		return nil
	}
	groups := r.groups(to, func(*relay.Recipient) (cause, bool) { return delayed, true })
	if len(groups) == 0 {
		return nil
	}
	s := r.session(m, body, false, now)
	if s.original.notice {
		return nil
	}
	return s.notices(groups)
}

// wantsFull reports whether a notice on m may have to return the message.
func (r *Reporter) wantsFull(m relay.Message) bool {
	if m.Return != "" {
		return m.Return == "FULL"
	}
	for _, s := range r.Routes {
		if s.Full {
			return true
		}
	}
	return r.Default.Full
}

// session makes the notices of one settlement, the same ones however often it
// is asked.
type session struct {
	*Reporter
	message  relay.Message
	original originals
	now      time.Time
	known    map[key]permit
}

type key struct {
	cause    cause
	settings Settings
}

// permit is what is decided on a notice once.
type permit struct {
	id      relay.ID
	allowed bool
}

func (r *Reporter) session(m relay.Message, body relay.Body, full bool, now time.Time) *session {
	return &session{
		Reporter: r, message: m, original: load(body, full, m.UTF8), now: now,
		known: make(map[key]permit),
	}
}

func (s *session) notices(groups []group) []spool.Notice {
	var all []spool.Notice
	for _, g := range groups {
		all = append(all, s.notice(g))
	}
	return all
}

// notice makes the notice for a group, or what tells why there is none.
func (s *session) notice(g group) (made spool.Notice) {
	to := g.settings.audience(s.message.From)
	// A fault of ours must not take the spool down, in whose transaction this
	// runs, again at each start.
	defer func() {
		if p := recover(); p != nil {
			made = s.none(g, to, fmt.Sprintf("an internal error: %v", p))
		}
	}()
	p := s.permit(g)
	if !p.allowed {
		return s.none(g, to, fmt.Sprintf("its sender has got %d in %s, which is the most", s.Limit.N, s.Limit.Per))
	}
	n := s.compile(g, p.id, to[0])
	body, err := compose(n)
	if err != nil {
		return s.none(g, to, err.Error())
	}
	m := &relay.Message{
		ID: p.id, MessageID: messageID(p.id, s.Hostname), Subject: firstWords(encodedWords(n.subject()), relay.MaxSubject),
		ReceivedAt: s.now, UTF8: slices.ContainsFunc(to, func(a string) bool { return !isASCII(a) }),
	}
	made = spool.Notice{Message: m, Table: s.Table, Body: body, Events: []relay.Event{{
		Kind: relay.EventAccepted, At: s.now, Message: m.ID, MessageID: m.MessageID,
		To: to[0], Others: len(to) - 1, Size: int64(len(body)),
		Detail: fmt.Sprintf("tells that %s %s", s.message.ID, g.what()),
	}}}
	if why := s.route(&made, n, to); why != "" {
		return s.none(g, to, why)
	}
	made.Told = []relay.Event{s.told(relay.EventAccepted, to, fmt.Sprintf("notice %s tells %s that it %s", m.ID, strings.Join(to, " and "), g.what()))}
	return made
}

// permit decides on the notice for a group, once.
func (s *session) permit(g group) permit {
	k := key{g.cause, g.settings}
	p, ok := s.known[k]
	if !ok {
		p = permit{s.NewID(), s.limiter.allow(s.message.From, s.now)}
		s.known[k] = p
	}
	return p
}

// route gives a notice its recipients; why says why it goes to nobody, "" if
// it does.
func (s *session) route(made *spool.Notice, n *notice, to []string) (why string) {
	accepted := made.Events[0]
	for _, address := range to {
		q := relay.RouteQuery{Recipient: address, Seed: string(n.id), Header: n.values}
		r, kind, detail, ok := s.Router.Way(q, relay.Recipient{Address: address}, n.of[0].Route, s.now)
		if !ok {
			return "there is no route for it"
		}
		if r.State == relay.Deleted {
			why = detail
		}
		if slices.ContainsFunc(made.Recipients, func(other relay.Recipient) bool { return other.Address == r.Address }) {
			continue // redirected to where it goes already
		}
		made.Recipients = append(made.Recipients, r)
		if kind != "" {
			e := accepted
			e.Kind, e.To, e.Others, e.Detail = kind, address, 0, detail
			made.Events = append(made.Events, e)
		}
	}
	if slices.ContainsFunc(made.Recipients, func(r relay.Recipient) bool { return r.State != relay.Deleted }) {
		return ""
	}
	return why
}

// compile gathers what a notice is made of.
func (s *session) compile(g group, id relay.ID, to string) *notice {
	m := s.message
	full := g.cause == failed && (m.Return == "FULL" || m.Return == "" && g.settings.Full)
	return &notice{
		id: id, cause: g.cause, hostname: s.Hostname, now: s.now, to: to,
		from:     cmp.Or(g.settings.From, "MAILER-DAEMON@"+s.Hostname),
		original: m, returned: s.original.pick(full), of: g.of,
		remoteHost: s.RemoteHost, meaning: s.Meaning,
	}
}

// none tells why there is no notice.
func (s *session) none(g group, to []string, why string) spool.Notice {
	return spool.Notice{Told: []relay.Event{
		s.told(relay.EventRejected, to, fmt.Sprintf("no notice to %s that it %s: %s", strings.Join(to, " and "), g.what(), why)),
	}}
}

// told is an event of the message that a notice is about.
func (s *session) told(kind relay.EventKind, to []string, detail string) relay.Event {
	return relay.Event{
		Kind: kind, At: s.now, Message: s.message.ID, MessageID: s.message.MessageID,
		From: s.message.From, To: to[0], Others: len(to) - 1, Detail: detail,
	}
}

// what says what a notice tells of a message.
func (g group) what() string {
	to := g.of[0].Address
	if n := len(g.of) - 1; n > 0 {
		to += " and " + plural(n, "other", "others")
	}
	return [...]string{
		failed:  "could not be delivered to ",
		delayed: "waits for ",
		relayed: "was relayed to ",
	}[g.cause] + to
}
