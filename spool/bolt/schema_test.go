package bolt

import (
	"encoding/binary"
	"errors"
	"testing"

	"go.etcd.io/bbolt"

	"relaykeep/relay"
	"relaykeep/spool"
)

// backToOne makes a file what schema 1 left.
func backToOne(tx *bbolt.Tx) error {
	for _, name := range []string{bucketIncidents, bucketCauses, bucketHeld, bucketLanes, bucketDedupe, bucketForget} {
		if err := tx.DeleteBucket([]byte(name)); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaSchema), binary.BigEndian.AppendUint32(nil, 1))
}

func TestAnOlderSchemaIsUpgraded(t *testing.T) {
	path, m := closed(t, "body")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(backToOne), db.Close()); err != nil {
		t.Fatal(err)
	}
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

func TestMigrationsLeadToTheSchema(t *testing.T) {
	if n := len(migrations()); n != schemaVersion {
		t.Errorf("%d migrations lead to schema %d", n, schemaVersion)
	}
}
