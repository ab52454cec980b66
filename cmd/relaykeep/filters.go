package main

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"relaykeep/relay/admin"
	"relaykeep/spool"
)

// filterFlags select messages by their recipients.
type filterFlags struct {
	otherFilters
	To *string `placeholder:"GLOB" help:"The recipient."`
}

// otherFilters are all filters but the one by recipient.
type otherFilters struct {
	State     []string `placeholder:"STATE" help:"queued, sending, delivered, bounced, expired, held, deleted or any; several with commas (default: the unfinished ones)."`
	Upstream  *string  `placeholder:"NAME" help:"The upstream to be asked next, or the last one asked."`
	Route     *string  `placeholder:"NAME" help:"The route."`
	From      *string  `placeholder:"GLOB" help:"The envelope sender, as in \"*@example.com\"."`
	MessageID *string  `name:"message-id" placeholder:"ID" help:"The Message-ID field."`
	RemoteID  *string  `name:"remote-id" placeholder:"ID" help:"What the provider called the message."`
	Older     *string  `placeholder:"AGE" help:"Received longer ago than this: 10m, 4h, 5d, or a time."`
	Newer     *string  `placeholder:"AGE" help:"Received since then."`
	Code      *string  `placeholder:"CODE" help:"The last reply code: 550, or 4xx."`
	Limit     *string  `placeholder:"N" help:"At most so many messages."`
}

// filter validates the flags. Errors match errUsage.
func (f *filterFlags) filter(now time.Time) (spool.Filter, error) {
	return f.otherFilters.filter(f.To, "--to", now)
}

// filter is that with the filter by recipient, which has a flag of this name.
func (f *otherFilters) filter(to *string, flag string, now time.Time) (spool.Filter, error) {
	q := make(url.Values)
	if f.State != nil {
		q["state"] = f.State
	}
	for name, value := range map[string]*string{
		"upstream": f.Upstream, "route": f.Route, "from": f.From, "to": to,
		"message_id": f.MessageID, "remote_id": f.RemoteID,
		"older": f.Older, "newer": f.Newer, "code": f.Code, "limit": f.Limit,
	} {
		if value != nil {
			q.Set(name, *value)
		}
	}
	out, err := admin.ParseFilter(q, now)
	var wrong *admin.FilterError
	if errors.As(err, &wrong) {
		if wrong.Name == "to" {
			wrong.Name = flag
			return out, usageError(wrong.Error())
		}
		wrong.Name = "--" + strings.ReplaceAll(wrong.Name, "_", "-")
		return out, usageError(wrong.Error())
	}
	return out, err
}

// given reports whether some filter is set, the one by recipient among them.
func (f *otherFilters) given(to *string) bool {
	for _, s := range []*string{to, f.Upstream, f.Route, f.From, f.MessageID, f.RemoteID, f.Older, f.Newer, f.Code, f.Limit} {
		if s != nil {
			return true
		}
	}
	return len(f.State) > 0
}
