package delivery

import (
	"fmt"

	"relaykeep/relay"
)

// The incidents that this room opens. What makes two troubles the same one is
// the cause: it names neither a message nor a reply, which differ from one
// message to the next.

// disabledIncident: an upstream is not used, and waiting does not mend it.
func disabledIncident(lane string, v relay.Verdict) *relay.Incident {
	return &relay.Incident{
		Cause: "upstream " + lane, Kind: relay.IncidentUpstream, Upstream: lane, Verdict: v,
		Detail: lane + " is not used until a probe works: " + reply(v),
	}
}

// quotaIncident: the quota of an upstream is used up, by our count or by its
// own.
func quotaIncident(lane string, v relay.Verdict) *relay.Incident {
	detail := "the quota of " + lane + " is used up"
	if v.Text != "" {
		detail += ": " + reply(v)
	}
	return &relay.Incident{
		Cause: "quota " + lane, Kind: relay.IncidentQuota, Upstream: lane, Verdict: v, Detail: detail,
	}
}

// senderIncident: an upstream refuses whatever a sender sends.
func senderIncident(lane, sender string, v relay.Verdict) *relay.Incident {
	return &relay.Incident{
		Cause: senderCause(lane, sender), Kind: relay.IncidentSender, Upstream: lane, Sender: sender, Verdict: v,
		Detail: fmt.Sprintf("%s refuses the sender <%s>: %s", lane, sender, reply(v)),
	}
}

func senderCause(lane, sender string) string { return "sender " + lane + " <" + sender + ">" }

// manySenders takes the place of an incident of one sender where there are
// more of those than a lane remembers.
func manySenders(i relay.Incident) relay.Incident {
	i.Cause, i.Sender = "senders "+i.Upstream, ""
	i.Detail = fmt.Sprintf("%s refuses more than %d senders; this is about all others: %s", i.Upstream, maxSenders, reply(i.Verdict))
	return i
}

// refusalIncident: an upstream refuses a message in a way that no sender is to
// blame for, and people have to decide.
func refusalIncident(lane string, v relay.Verdict) *relay.Incident {
	return &relay.Incident{
		Cause: "hold " + lane + " " + v.Rule, Kind: relay.IncidentMessage, Upstream: lane, Verdict: v,
		Detail: lane + " refuses it: " + reply(v),
	}
}

// warnIncident: an answer that somebody should know of though mail goes on.
func warnIncident(lane string, v relay.Verdict) *relay.Incident {
	return &relay.Incident{
		Cause: "warning " + lane + " " + v.Rule, Kind: relay.IncidentWarning, Upstream: lane, Verdict: v,
		Detail: lane + " says: " + reply(v),
	}
}

// doubtIncident: replies to the final dot got lost more often than a message
// may be sent again.
func doubtIncident(lane, detail string, v relay.Verdict) *relay.Incident {
	return &relay.Incident{Cause: "doubt " + lane, Kind: relay.IncidentMessage, Upstream: lane, Verdict: v, Detail: detail}
}

// faultIncident: a fault of ours.
func faultIncident(lane, why, cause string) *relay.Incident {
	return &relay.Incident{
		Cause: why + " " + lane, Kind: relay.IncidentMessage, Upstream: lane, Detail: why + ": " + cause,
	}
}

// bodyIncident: stored bodies cannot be read.
func bodyIncident(detail string) *relay.Incident {
	return &relay.Incident{Cause: "body", Kind: relay.IncidentMessage, Detail: detail}
}

// routeIncident: a route is gone, and no other takes its mail.
func routeIncident(route string) *relay.Incident {
	return &relay.Incident{
		Cause: "route " + route, Kind: relay.IncidentRoute,
		Detail: "mail is held: its route " + route + " is gone and no other matches",
	}
}

// wayIncident: mail has no upstream left that is configured.
func wayIncident(lane, detail string) *relay.Incident {
	return &relay.Incident{Cause: "gone " + lane, Kind: relay.IncidentRoute, Upstream: lane, Detail: detail}
}

// claimIncident: the spool gives a lane no mail.
func claimIncident(lane string, err error) *relay.Incident {
	return &relay.Incident{
		Cause: "claim " + lane, Kind: relay.IncidentMessage, Upstream: lane,
		Detail: "the spool gives no mail to " + lane + ": " + err.Error(),
	}
}

// storeIncident: outcomes cannot be stored.
func storeIncident(lane string, err error) *relay.Incident {
	return &relay.Incident{
		Cause: "settle", Kind: relay.IncidentMessage, Upstream: lane,
		Detail: "the outcome of an attempt could not be stored, the message waits for a restart: " + err.Error(),
	}
}
