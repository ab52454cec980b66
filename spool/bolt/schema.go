package bolt

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// schemaVersion is that of the layout in the package comment.
const schemaVersion = 4

// oldestReadable is the first schema that a reader can do with, such as who
// verifies a backup of then: it lacks nothing.
const oldestReadable = 3

// bucket names. A bucket is never used again for another purpose.
const (
	bucketMeta     = "meta"
	bucketQueue    = "queue"
	bucketHistory  = "history"
	bucketBodies   = "bodies"
	bucketStaged   = "staged"
	bucketChains   = "chains"
	bucketDue      = "due"
	bucketExpiry   = "expiry"
	bucketMarks    = "marks"
	bucketEvents   = "events"
	bucketFinished = "finished" // up to schema 3
	bucketKept     = "kept"
	bucketTokens   = "tokens"

	bucketIncidents = "incidents"
	bucketCauses    = "causes"
	bucketHeld      = "held"
	bucketLanes     = "lanes"

	bucketDedupe = "dedupe"
	bucketForget = "forget"
)

const (
	metaSchema   = "schema"
	metaInstance = "instance"
	metaCounts   = "counts"
)

// migrations[n] takes a file from schema n to n+1, in one transaction that
// also writes the new number: a crash within it leaves the old schema, and the
// next start resumes.
func migrations() []func(*bbolt.Tx) error {
	return []func(*bbolt.Tx) error{createLayout, addIncidents, addDedupe, dropFinished}
}

// migrate brings the file to schemaVersion, step by step.
func migrate(db *bbolt.DB, path string) error {
	for {
		version, err := readSchema(db)
		if err != nil {
			return err
		}
		switch {
		case version == schemaVersion:
			return nil
		case version > schemaVersion:
			return fmt.Errorf("spool %s has the schema %d, and this relaykeep knows schemas up to %d: run the newer version that wrote it", path, version, schemaVersion)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			if err := migrations()[version](tx); err != nil {
				return err
			}
			return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaSchema), binary.BigEndian.AppendUint32(nil, uint32(version+1)))
		})
		if err != nil {
			return fmt.Errorf("spool %s: upgrade from schema %d to %d: %w", path, version, version+1, err)
		}
	}
}

// mayRead says why a file of a schema cannot even be read.
func mayRead(version int) error {
	switch {
	case version > schemaVersion:
		return fmt.Errorf("it has the schema %d, and this relaykeep knows schemas up to %d: use the newer version that wrote it", version, schemaVersion)
	case version < oldestReadable:
		return fmt.Errorf("it has the schema %d, and this relaykeep reads schemas from %d on: start the daemon once to upgrade it", version, oldestReadable)
	}
	return nil
}

// readSchema gives 0 for a file without a layout.
func readSchema(db *bbolt.DB) (version int, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bucketMeta))
		if meta == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return fmt.Errorf("it is a bbolt file of another program (bucket %q)", name)
			}
			return nil
		}
		b := meta.Get([]byte(metaSchema))
		if len(b) != 4 {
			return fmt.Errorf("its schema number is missing")
		}
		version = int(binary.BigEndian.Uint32(b))
		return nil
	})
	return version, err
}

func createBuckets(tx *bbolt.Tx, names ...string) error {
	for _, name := range names {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	return nil
}

// addIncidents takes schema 1 to 2.
func addIncidents(tx *bbolt.Tx) error {
	return createBuckets(tx, bucketIncidents, bucketCauses, bucketHeld, bucketLanes)
}

// addDedupe takes schema 2 to 3. Records without the fields of schema 3 are
// due for no warning and no report, so the index of times stays as it is.
func addDedupe(tx *bbolt.Tx) error {
	return createBuckets(tx, bucketDedupe, bucketForget)
}

// dropFinished takes schema 3 to 4. The history is pruned by its own order, and
// events lie in records: those in the bucket of events stay there.
func dropFinished(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(bucketFinished)) }

// createLayout makes schema 1.
func createLayout(tx *bbolt.Tx) error {
	err := createBuckets(tx, bucketMeta, bucketQueue, bucketHistory, bucketBodies, bucketStaged, bucketChains,
		bucketDue, bucketExpiry, bucketMarks, bucketEvents, bucketFinished, bucketKept, bucketTokens)
	if err != nil {
		return err
	}
	instance, err := newInstance()
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaInstance), instance)
}
