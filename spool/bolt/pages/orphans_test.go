package pages

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// orphans counts the entries of the large bucket on leaves that nothing points
// to. What is given must be found again.
func orphans(t testing.TB, b []byte) int {
	t.Helper()
	r := bytes.NewReader(b)
	m, err := ReadMeta(r)
	if err != nil {
		guess, ok := GuessMeta(r, int64(len(b)))
		if !ok {
			return 0
		}
		m = guess
	}
	s := New(r, int64(len(b)), m).Survey()
	seen := make(map[string]bool)
	for e := range s.Orphans() {
		again, ok := s.At(e.Place)
		if !ok || !bytes.Equal(again.Key, e.Key) || !bytes.Equal(again.Value, e.Value) {
			t.Fatalf("%+v is not found again", e.Place)
		}
		if len(e.Key) == 8 {
			seen[string(e.Key)] = true
		}
	}
	return len(seen)
}

func TestOrphans(t *testing.T) {
	whole := sample(t)
	m, err := ReadMeta(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if n := orphans(t, whole); n != 0 {
		t.Errorf("%d are orphans of a whole file", n)
	}
	for name, test := range map[string]struct {
		first, n int
		want     int
	}{
		"the list of buckets": {int(m.Root), 1, entries},
		"one meta page":       {0, 1, 0},
		"both meta pages":     {0, 2, entries},
		"everything":          {0, len(whole) / 4096, 0},
	} {
		b := bytes.Clone(whole)
		clear(b[test.first*4096:][:test.n*4096])
		if n := orphans(t, b); n != test.want {
			t.Errorf("%s: %d entries, want %d", name, n, test.want)
		}
	}
}

func TestAMetaPageIsAlone(t *testing.T) {
	whole := sample(t)
	for page, want := range []bool{true, true, false} {
		b := bytes.Clone(whole)
		b[page*4096+headerLen+metaTxid] ^= 1
		m, err := ReadMeta(bytes.NewReader(b))
		if err != nil || m.Alone != want {
			t.Errorf("page %d: %v, %v", page, m.Alone, err)
		}
	}
}

func TestPrefix(t *testing.T) {
	b := sample(t)
	r := bytes.NewReader(b)
	m, err := ReadMeta(r)
	if err != nil {
		t.Fatal(err)
	}
	f := New(r, int64(len(b)), m)
	for prefix, want := range map[uint64]int{0: 256, 3: 256, entries >> 8: entries % 256, 100: 0} {
		n := 0
		for range f.Prefix("large", binary.BigEndian.AppendUint64(nil, prefix<<8)[:7]) {
			n++
		}
		if n != want {
			t.Errorf("%d: %d entries, want %d", prefix, n, want)
		}
	}
}

// FuzzOrphans overwrites a file whose trees are gone.
func FuzzOrphans(f *testing.F) {
	whole := sample(f)
	f.Add(true, uint32(0x4008), []byte{2}, uint32(len(whole)))
	f.Add(true, uint32(0x500c), []byte{0xff, 0xff, 0xff, 0xff}, uint32(len(whole)))
	f.Add(false, uint32(0x0010), []byte{0}, uint32(20_000))
	f.Add(false, uint32(0x3014), []byte{0xff, 0xff, 0xff}, uint32(len(whole)))
	f.Fuzz(func(t *testing.T, metas bool, at uint32, over []byte, length uint32) {
		b := bytes.Clone(whole)
		if !metas {
			clear(b[:2*4096])
		}
		copy(b[int(at)%len(b):], over)
		orphans(t, b[:min(len(b), int(length))])
	})
}
