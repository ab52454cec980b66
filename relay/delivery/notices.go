package delivery

import (
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

// Reporter makes the notices that tell senders what became of their mail.
// bounce.Reporter is one.
type Reporter interface {
	// Report gives the spool.Settlement.Report for a settlement of m, nil
	// where it has nothing to tell. settled are the recipients as they are
	// settled; others says that m has recipients beside them, which may be
	// left for this settlement to tell of.
	Report(m relay.Message, body relay.Body, settled []relay.Recipient, others bool, now time.Time) func(finished []relay.Recipient) []spool.Notice

	// Delayed gives the notices that tell of a delay for these recipients.
	Delayed(m relay.Message, body relay.Body, to []relay.Recipient, now time.Time) []spool.Notice
}

// report has the settlement tell what became of the recipients of d.
func (s *Scheduler) report(st *spool.Settlement, d *spool.Delivery, now time.Time) {
	if r := s.course().reporter; r != nil {
		st.Report = r.Report(d.Message, s.Spool.Body(d.Message), st.Recipients, d.Others, now)
	}
}

// warnings tell of a delay where the outcomes say so.
func (s *Scheduler) warnings(d *spool.Delivery, outcomes []outcome, now time.Time) []spool.Notice {
	reporter := s.course().reporter
	if reporter == nil {
		return nil
	}
	var late []relay.Recipient
	for i := range outcomes {
		if outcomes[i].late {
			late = append(late, outcomes[i].to)
		}
	}
	if len(late) == 0 {
		return nil
	}
	return reporter.Delayed(d.Message, s.Spool.Body(d.Message), late, now)
}

// emitNotices tells of notices that are in the spool now, and of why there is
// none.
func (s *Scheduler) emitNotices(written []spool.Notice) {
	for i := range written {
		for _, e := range written[i].News() {
			s.Sink.Emit(e)
		}
	}
}
