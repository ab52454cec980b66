package bolt

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// holdAll holds everything that would be sent by itself, for this reason, and
// gives the number of recipients that it held. What somebody had held stays as it is.
func (s *Store) holdAll(ctx context.Context, reason string, now time.Time) (held int64, err error) {
	marks, err := s.allMarks()
	if err != nil {
		return 0, err
	}
	var after []byte
	for {
		if err := ctx.Err(); err != nil {
			return held, err
		}
		page, last, err := s.readPage(after, spool.Filter{}, &spool.Glance{})
		if err != nil {
			return held, err
		}
		n := int64(0)
		err = s.do(ctx, &op{run: func(b *batch) error {
			n = 0
			for i := range page {
				count, err := b.holdMarked(&page[i], marks, reason, now)
				if n += count; err != nil {
					return err
				}
			}
			return nil
		}})
		if held += n; err != nil || last == nil {
			return held, err
		}
		after = last
	}
}

// allMarks gives the marks by message: they are few.
func (s *Store) allMarks() (map[spool.Key][]spool.Mark, error) {
	marks := make(map[spool.Key][]spool.Mark)
	return marks, s.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketMarks)).ForEach(func(k, v []byte) error {
			if len(k) < keyLen {
				return fmt.Errorf("mark %x cannot be read", k)
			}
			mark, err := s.codec.DecodeMark(v)
			if err != nil {
				return fmt.Errorf("mark %x cannot be read: %w", k, err)
			}
			key := spool.Key(k[:keyLen])
			marks[key] = append(marks[key], mark)
			return nil
		})
	})
}

// holdMarked holds what is unfinished of a message and takes its marks off.
func (b *batch) holdMarked(before *spool.Record, marks map[spool.Key][]spool.Mark, reason string, now time.Time) (held int64, err error) {
	k, err := spool.KeyOf(before.Message.ID)
	if err != nil {
		return 0, err
	}
	after := *before
	after.Recipients = slices.Clone(before.Recipients)
	inDoubt(after.Recipients, marks[k])
	events := holdUnfinished(&after, reason, now)
	if err := deletePrefix(b.marks, k[:]); err != nil {
		return 0, err
	}
	if err := b.putEvents(k, events); err != nil {
		return 0, err
	}
	return int64(len(events)), b.replace(k, before, &after)
}

// holdUnfinished holds the unfinished recipients of a record, but for those that
// are held on purpose, and gives the events. A report that is due is not given
// where all is finished: it would go out now, and may have gone out before.
func holdUnfinished(rec *spool.Record, reason string, now time.Time) (events []relay.Event) {
	for i := range rec.Recipients {
		r := &rec.Recipients[i]
		if r.State.Finished() || r.State == relay.Held && relay.HeldOnPurpose(r.HoldReason) {
			continue
		}
		r.State, r.NextAttempt, r.HoldReason, r.Incident = relay.Held, time.Time{}, reason, 0
		events = append(events, relay.Event{Kind: relay.EventHeld, At: now, Message: rec.Message.ID, To: r.Address, Detail: reason})
	}
	rec.ReportDue = false
	if rec.Entry().Finished() {
		rec.MarkReported()
	}
	return events
}

// inDoubt notes what was being sent when the copy was made: whoever has it
// already is where it goes again.
func inDoubt(to []relay.Recipient, marks []spool.Mark) {
	for _, mark := range marks {
		for _, i := range mark.Index {
			if i >= 0 && i < len(to) && !to[i].State.Finished() {
				to[i].InDoubt++
				to[i].Upstream, to[i].LastAt = mark.Lane, mark.At
			}
		}
	}
}
