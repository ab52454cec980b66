package bolt

import (
	"encoding/binary"
	"time"

	"relaykeep/relay"
	"relaykeep/spool"
)

const keyLen = len(spool.Key{})

// chunkKey names one chunk of a body.
func chunkKey(k spool.Key, n int) []byte {
	return binary.BigEndian.AppendUint32(append(make([]byte, 0, keyLen+4), k[:]...), uint32(n))
}

// seqKey names one mark or event of a message.
func seqKey(k spool.Key, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, keyLen+8), k[:]...), seq)
}

// timeKey orders messages by a time.
func timeKey(t time.Time, k spool.Key) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+keyLen), stamp(t)), k[:]...)
}

// splitTimeKey reads a timeKey.
func splitTimeKey(b []byte) (t time.Time, k spool.Key, ok bool) {
	if len(b) != 8+keyLen {
		return t, k, false
	}
	copy(k[:], b[8:])
	return fromStamp(binary.BigEndian.Uint64(b)), k, true
}

// dueKey is one entry of the due index.
type dueKey [4 + 1 + 8 + keyLen]byte

func makeDueKey(chain uint32, p relay.Priority, at time.Time, k spool.Key) (d dueKey) {
	binary.BigEndian.PutUint32(d[0:], chain)
	d[4] = priorityByte(p)
	binary.BigEndian.PutUint64(d[5:], stamp(at))
	copy(d[13:], k[:])
	return d
}

// duePrefix is what all entries of a chain and a priority begin with.
func duePrefix(chain uint32, priority byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 5), chain), priority)
}

// splitDueKey reads the time and the id of an entry.
func splitDueKey(b []byte) (at time.Time, k spool.Key, ok bool) {
	if len(b) != len(dueKey{}) {
		return at, k, false
	}
	copy(k[:], b[13:])
	return fromStamp(binary.BigEndian.Uint64(b[5:])), k, true
}

// starveTurns: see claimOrder.
const starveTurns = 8

// priorities are the bytes that stand for them in the index, first served
// first.
const priorities = 3

func priorityByte(p relay.Priority) byte {
	switch {
	case p < relay.Normal:
		return 0
	case p > relay.Normal:
		return 2
	}
	return 1
}

// stamp turns a time into a number that sorts; times before 1970 count as
// 1970.
func stamp(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(0, spool.Nanos(t)))
}

func fromStamp(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}
