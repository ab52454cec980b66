package pages

import (
	"bytes"
	"encoding/binary"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// withFreelist makes a file that holds a list of its free pages.
func withFreelist(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 4096, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("large"))
			if err != nil || b.Get([]byte("x")) != nil {
				return b.Delete([]byte("x"))
			}
			return b.Put([]byte("x"), make([]byte, 100_000))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return closedFile(t, db, path)
}

func TestTheListOfFreePages(t *testing.T) {
	whole := withFreelist(t)
	m, err := ReadMeta(bytes.NewReader(whole))
	if err != nil || !m.HasFreelist {
		t.Fatalf("%+v %v", m, err)
	}
	at := int(m.Freelist) * m.PageSize
	count := int(binary.LittleEndian.Uint16(whole[at+10:]))
	for _, tt := range []struct {
		name   string
		damage func(list []byte)
		want   string
	}{
		{"none", func([]byte) {}, ""},
		{"a page in use", func(l []byte) {
			var ids []uint64
			for i := range count {
				ids = append(ids, binary.LittleEndian.Uint64(l[headerLen+8*i:]))
			}
			ids[0] = m.Root
			slices.Sort(ids)
			for i, id := range ids {
				binary.LittleEndian.PutUint64(l[headerLen+8*i:], id)
			}
		}, "it is in use"},
		{"a page behind the end", func(l []byte) { binary.LittleEndian.PutUint64(l[headerLen+8*(count-1):], m.HighWater) }, "cannot stand behind"},
		{"a meta page", func(l []byte) { binary.LittleEndian.PutUint64(l[headerLen:], 1) }, "cannot stand behind"},
		{"another page", func(l []byte) { l[8] = flagLeaf }, "it is none"},
		{"too many", func(l []byte) { binary.LittleEndian.PutUint16(l[10:], math.MaxUint16-1) }, "it cannot hold"},
		{"far too many", func(l []byte) {
			binary.LittleEndian.PutUint16(l[10:], math.MaxUint16)
			binary.LittleEndian.PutUint64(l[headerLen:], math.MaxUint64)
		}, "it cannot hold"},
	} {
		b := bytes.Clone(whole)
		tt.damage(b[at:])
		_, problems := read(t, b)
		got := strings.Join(problems, "; ")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) || tt.want != "" && !strings.Contains(got, "of the list of free pages") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
