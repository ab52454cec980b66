package bolt

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// back makes a file what a schema up to 3 left, which had these buckets not yet.
func back(t *testing.T, path string, schema uint32, buckets ...string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		if _, err := tx.CreateBucket([]byte(bucketFinished)); err != nil {
			return err
		}
		return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaSchema), binary.BigEndian.AppendUint32(nil, schema))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderSchemaIsUpgraded(t *testing.T) {
	path, m := closed(t, "body")
	back(t, path, 1, bucketIncidents, bucketCauses, bucketHeld, bucketLanes, bucketDedupe, bucketForget)
	if _, err := Open(Options{Path: path, ReadOnly: true}); err == nil {
		t.Error("a reader took the older schema for today's")
	}
	s, err := Open(Options{Path: path, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	closeVerified(t, s)
	if e, err := s.Get(t.Context(), m.ID); err != nil || e.Message.ID != m.ID {
		t.Errorf("%+v %v", e, err)
	}
	if _, opened, err := s.OpenIncident(t.Context(), relay.Incident{Cause: "x"}); !opened || err != nil {
		t.Errorf("%v %v", opened, err)
	}
	s.Open("a", true)
	if due, _, err := s.Claim(t.Context(), "a", spool.Limit{Messages: 1, Recipients: 1}); err != nil || len(due) != 1 {
		t.Errorf("%v %v", due, err)
	}
}

// An older file has no signatures, warnings or reports in its records, and no
// keys: see addDedupe.
func TestSchemaTwoIsUpgraded(t *testing.T) {
	path, m := closed(t, "body")
	back(t, path, 2, bucketDedupe, bucketForget)
	s := openTest(t, Options{Path: path})
	if err := keyed(t, s, "x", "key", time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if past, next, err := s.Expired(t.Context(), time.Now(), 10); len(past) != 0 || next.IsZero() || err != nil {
		t.Errorf("%+v, next %v, %v", past, next, err)
	}
	if e, err := s.Get(t.Context(), m.ID); err != nil || e.Message != m {
		t.Errorf("%+v, %v", e, err)
	}
}

// Schema 3 had all events in their bucket, where they stay, and an index of the
// history, which goes.
func TestSchemaThreeIsUpgraded(t *testing.T) {
	path, m := closed(t, "body")
	back(t, path, 3)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		k, err := spool.KeyOf(m.ID)
		if err != nil {
			return err
		}
		enc, err := spool.NewCodec().EncodeEvent(&relay.Event{Kind: relay.EventHeld, Detail: "of old"})
		if err != nil {
			return err
		}
		if err := tx.Bucket([]byte(bucketFinished)).Put(timeKey(time.Now(), k), nil); err != nil {
			return err
		}
		events := tx.Bucket([]byte(bucketEvents))
		seq, err := events.NextSequence()
		if err != nil {
			return err
		}
		return events.Put(seqKey(k, seq), enc)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if r, err := CheckFile(t.Context(), path, nil); err != nil || r.Err() != nil || r.Messages != 1 {
		t.Errorf("it is not sound as it is: %+v, %v", r, err)
	}
	s := openTest(t, Options{Path: path})
	deliverAll(t, s, relay.Delivered)
	e, err := s.Get(t.Context(), m.ID)
	if err != nil || len(e.Events) < 2 || e.Events[len(e.Events)-2].Detail != "of old" || e.Events[len(e.Events)-1].Kind != relay.EventDelivered {
		t.Errorf("%+v, %v", e.Events, err)
	}
	closeVerified(t, s)
}

func TestMigrationsLeadToTheSchema(t *testing.T) {
	if n := len(migrations()); n != schemaVersion {
		t.Errorf("%d migrations lead to schema %d", n, schemaVersion)
	}
}
