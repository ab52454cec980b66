package pages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

const entries = 3000

// sample makes a file with a small bucket and a large one, in which some values
// take several pages.
func sample(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 4096, NoSync: true, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for name, n := range map[string]int{"small": 3, "large": entries, "empty": 0} {
			b, err := tx.CreateBucket([]byte(name))
			if err != nil {
				return err
			}
			for i := range n {
				value := []byte(strings.Repeat("v", i%50))
				if i%500 == 7 {
					value = make([]byte, 10_000)
				}
				if err := b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), value); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return closedFile(t, db, path)
}

// closedFile closes a database and gives its file.
func closedFile(t testing.TB, db *bbolt.DB, path string) []byte {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read gives the number of entries that can be read of the large bucket, and
// the problems. The keys must be in strict order.
func read(t testing.TB, b []byte) (n int, problems []string) {
	t.Helper()
	r := bytes.NewReader(b)
	m, err := ReadMeta(r)
	if err != nil {
		return 0, []string{err.Error()}
	}
	f := New(r, int64(len(b)), m)
	complain := func(p Problem) { problems = append(problems, p.Error()) }
	var last []byte
	for k := range f.Bucket("large", complain) {
		if last != nil && bytes.Compare(last, k) >= 0 {
			t.Fatalf("%x comes after %x", k, last)
		}
		last = k
		n++
	}
	problems = nil
	f.Check(complain, func(int64) bool { return true })
	return n, problems
}

func TestAWholeFile(t *testing.T) {
	if n, problems := read(t, sample(t)); n != entries || problems != nil {
		t.Errorf("%d entries, %v", n, problems)
	}
}

// What lies behind the meta pages are bodies, among others: whoever writes one
// may write what looks like a meta page.
func TestOnlyMetaPagesAreTakenForOnes(t *testing.T) {
	whole := sample(t)
	want, err := ReadMeta(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	halved := bytes.Clone(whole)
	clear(halved[:want.PageSize]) // the first is lost
	older, err := ReadMeta(bytes.NewReader(halved))
	if err != nil {
		t.Fatal(err)
	}
	newest := 0
	if want.Txid%2 == 1 {
		newest = want.PageSize
	}
	forged := bytes.Clone(whole[newest : newest+headerLen+metaLen])
	m := forged[headerLen:]
	binary.LittleEndian.PutUint64(m[metaTxid:], want.Txid+1000)
	binary.LittleEndian.PutUint64(m[metaHighWater:], 1<<40)
	sum := fnv.New64a()
	sum.Write(m[:metaChecksum])
	binary.LittleEndian.PutUint64(m[metaChecksum:], sum.Sum64())
	for _, at := range []int{1 << 10, 1 << 13, 1 << 14, 1 << 15, 1 << 16} {
		for _, tt := range []struct {
			file []byte
			want Meta
		}{{whole, want}, {halved, older}} {
			b := bytes.Clone(tt.file)
			copy(b[at:], forged)
			if got, err := ReadMeta(bytes.NewReader(b)); err != nil || got != tt.want {
				t.Errorf("with one at %d: %+v %v, want %+v", at, got, err, tt.want)
			}
		}
	}
}

func TestAPageOfZeroesCostsWhatIsOnIt(t *testing.T) {
	whole := sample(t)
	least := entries
	for id := 2; id < len(whole)/4096; id++ {
		b := bytes.Clone(whole)
		clear(b[id*4096:][:4096])
		n, problems := read(t, b)
		if n < entries && len(problems) == 0 {
			t.Errorf("page %d: %d entries, and nothing is told", id, n)
		}
		if n > 0 {
			least = min(least, n)
		}
	}
	if least < entries/2 {
		t.Errorf("a leaf cost all but %d entries", least)
	}
}

func TestAFileThatWasCut(t *testing.T) {
	whole := sample(t)
	for length := len(whole) - 1; length > 0; length -= 3333 {
		if n, problems := read(t, whole[:length]); n < entries && len(problems) == 0 {
			t.Errorf("%d bytes: %d entries, and nothing is told", length, n)
		}
	}
}

func TestABitThatFlips(t *testing.T) {
	whole := sample(t)
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		b := bytes.Clone(whole)
		for range 1 + rnd.IntN(30) {
			b[2*4096+rnd.IntN(len(b)-2*4096)] ^= 1 << rnd.IntN(8)
		}
		if n, problems := read(t, b); n < entries && len(problems) == 0 {
			t.Errorf("seed %d: %d entries, and nothing is told", seed, n)
		}
	}
}

func TestAPageThatPointsAtItself(t *testing.T) {
	b := sample(t)
	m, err := ReadMeta(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for id := 2; id < int(m.HighWater); id++ {
		page := b[id*4096:]
		if binary.LittleEndian.Uint16(page[8:]) == flagBranch {
			for i := range int(binary.LittleEndian.Uint16(page[10:])) {
				binary.LittleEndian.PutUint64(page[headerLen+i*elementLen+8:], uint64(id))
			}
		}
	}
	if n, problems := read(t, b); n != 0 || len(problems) == 0 {
		t.Errorf("%d entries, %v", n, problems)
	}
}

func FuzzPages(f *testing.F) {
	whole := sample(f)
	f.Add(uint32(0x2008), []byte{1}, uint32(len(whole)))
	f.Add(uint32(0x300c), []byte{0xff, 0xff, 0xff, 0xff}, uint32(len(whole)))
	f.Add(uint32(0x2014), []byte(fmt.Sprint(1<<30)), uint32(10_000))
	f.Fuzz(func(t *testing.T, at uint32, over []byte, length uint32) {
		b := bytes.Clone(whole)
		copy(b[int(at)%len(b):], over)
		read(t, b[:min(len(b), int(length))])
	})
}
