package bolt

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"relaykeep/spool"
)

// checkNotice says what makes a notice one that cannot be stored.
func checkNotice(n *spool.Notice) error {
	if n.Message == nil {
		return nil
	}
	_, err := spool.KeyOf(n.Message.ID)
	switch {
	case err != nil:
		return err
	case len(n.Recipients) == 0:
		return errors.New("a notice without recipients")
	case len(n.Body) > spool.MaxNotice:
		return fmt.Errorf("a notice of %d bytes: %d are allowed", len(n.Body), spool.MaxNotice)
	}
	return nil
}

// putNotices stores messages of our own that tell of the message k.
func (b *batch) putNotices(k spool.Key, notices []spool.Notice) error {
	for i := range notices {
		n := &notices[i]
		if err := b.putEvents(k, n.Told); err != nil {
			return err
		}
		if n.Message == nil {
			continue
		}
		if err := b.putNotice(n); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) putNotice(n *spool.Notice) error {
	if err := checkNotice(n); err != nil {
		return err
	}
	k, err := spool.KeyOf(n.Message.ID)
	if err != nil {
		return err
	}
	if err := b.mustBeFresh(k); err != nil {
		return err
	}
	n.Message.Size, n.Message.SHA256 = int64(len(n.Body)), sha256.Sum256(n.Body)
	rec := &spool.Record{Message: *n.Message, Recipients: n.Recipients, Table: cmp.Or(n.Table, b.s.lanes.today())}
	return b.add(k, rec, n.Events, 0, slices.Collect(slices.Chunk(n.Body, chunkSize)))
}

// report marks what has come to its end as reported and gives the notices that
// tell of it. While other deliveries of the message are under way, or about to
// be, it leaves that to the last of them.
func (b *batch) report(k spool.Key, lease uint64, rec *spool.Record, outcome *spool.Settlement) []spool.Notice {
	if outcome.Report == nil && !rec.ReportDue {
		return nil
	}
	finished := rec.Unreported()
	if len(finished) == 0 {
		rec.ReportDue = false
		return nil
	}
	if !rec.Entry().Finished() && (b.s.leases.others(k, lease, b.ended) || rec.ReportWaits(time.Now())) {
		rec.ReportDue = true
		return nil
	}
	rec.ReportDue = false
	if outcome.Report == nil {
		return nil
	}
	rec.MarkReported()
	return outcome.Report(finished)
}
