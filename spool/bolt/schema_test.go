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

// back makes a file what an older schema left, which had these buckets not yet.
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

func TestMigrationsLeadToTheSchema(t *testing.T) {
	if n := len(migrations()); n != schemaVersion {
		t.Errorf("%d migrations lead to schema %d", n, schemaVersion)
	}
}
