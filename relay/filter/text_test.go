package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	milter "github.com/d--j/go-milter"
)

// TestText: what is written is read, short or long, in pieces of any size.
func TestText(t *testing.T) {
	pattern := make([]byte, 3<<20)
	for i := range pattern {
		pattern[i] = byte(i * 7 >> 3)
	}
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, shortText - 1, shortText, shortText + 1, 3 << 20} {
		for _, piece := range []int{1000, chunkSize, 32 << 10, 4 << 20} {
			room := NewRoom(t.TempDir(), 1)
			tx := &text{room: room}
			for left := pattern[:size]; len(left) > 0; {
				n, err := tx.Write(left[:min(piece, len(left))])
				if err != nil {
					t.Fatal(err)
				}
				left = left[n:]
			}
			for range 2 {
				got, err := io.ReadAll(tx.open())
				if err != nil || !bytes.Equal(got, pattern[:size]) || tx.size != int64(size) {
					t.Errorf("%d bytes in pieces of %d: read %d, size %d, %v", size, piece, len(got), tx.size, err)
				}
			}
			if inFile := tx.file != nil; inFile != (size > shortText) {
				t.Errorf("%d bytes in pieces of %d: in a file %v", size, piece, inFile)
			}
			if files, _ := filepath.Glob(room.folder + "/.*"); len(files) > 0 {
				t.Errorf("files %q", files)
			}
			tx.close()
			tx.close()
			if used := room.used.Load(); used != 0 {
				t.Errorf("%d bytes in use afterwards", used)
			}
		}
	}
}

// TestRoomFull: past the memory for all texts, short ones go to files.
func TestRoomFull(t *testing.T) {
	room := NewRoom(t.TempDir(), 0)
	room.used.Store(roomyMemory - chunkSize)
	tx := &text{room: room}
	defer tx.close()
	data := bytes.Repeat([]byte("0123456789abcdef"), 3*chunkSize/16)
	if _, err := tx.Write(data); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(tx.open()); err != nil || !bytes.Equal(got, data) || tx.file == nil {
		t.Errorf("read %d bytes, file %v, %v", len(got), tx.file, err)
	}
	if used := room.used.Load(); used != roomyMemory-chunkSize {
		t.Errorf("%d bytes in use", used)
	}
}

// TestNoRoom: a disk without room, and one that cannot be written to.
func TestNoRoom(t *testing.T) {
	long := "A: b\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 20_000)
	var m Mail
	defer m.Close()
	if err := m.Read(strings.NewReader(long), NewRoom(t.TempDir(), math.MaxInt64)); !errors.Is(err, ErrFull) {
		t.Errorf("error %v", err)
	}
	var n Mail
	defer n.Close()
	if err := n.Read(strings.NewReader(long), NewRoom(t.TempDir()+"/none", 0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	// No space for a text of the filter's is not the filter's fault.
	s := &script{at: asking(func(m milter.Modifier) error { return m.ReplaceBody(strings.NewReader(long)) })}
	o := serve(t, s)
	o.PassOnError = true
	short := newMail(t, sample)
	short.text.room.minFree = math.MaxInt64
	if _, err := (Chain{New(o, nil)}).Run(context.Background(), short); !errors.Is(err, ErrFull) {
		t.Errorf("error %v", err)
	}
	if used := short.text.room.used.Load(); used != chunkSize {
		t.Errorf("%d bytes in use", used)
	}
}

// TestShapes: messages of every shape come out as they came in.
func TestShapes(t *testing.T) {
	for _, whole := range []string{
		"\r\n", "\r\ntext\r\n", "A: b\r\n\r\n", "A: b\r\n\r\n\r\n\r\n", "A : b\r\nB:\r\nC: \r\n d\r\n\r\ntext\r\n",
		"Subject: a\x00b\r\n\r\n\x00\xff\r\n", "A: b\r\n\r\n" + strings.Repeat("long\r\n", 400_000),
	} {
		s := &script{}
		m := newMail(t, whole)
		if o, err := (Chain{New(serve(t, s), nil)}).Run(context.Background(), m); err != nil || o.Action != Pass || len(o.Notes) > 0 {
			t.Errorf("%.40q: outcome %+v, %v", whole, o, err)
		}
		if got := content(t, m); got != whole {
			t.Errorf("%.40q became %.40q", whole, got)
		}
		if _, after, _ := strings.Cut("\r\n"+whole, "\r\n\r\n"); s.text.String() != after {
			t.Errorf("%.40q: shown the text %.40q", whole, s.text.String())
		}
		m.Close()
	}
}

// TestAtOnce: many messages at once, each gets its own answers.
func TestAtOnce(t *testing.T) {
	opts := serve(t, &script{at: map[string]func(milter.Modifier) (*milter.Response, error){
		"end": func(m milter.Modifier) (*milter.Response, error) {
			return milter.RespAccept, m.AddHeader("X-Sender", m.Get(milter.MacroMailAddr))
		},
	}})
	c, room := Chain{New(opts, nil)}, NewRoom(t.TempDir(), 0)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			from := fmt.Sprintf("a%d@from.example", i)
			m := &Mail{From: from, To: []string{"b@to.example"}}
			defer m.Close()
			if err := m.Read(strings.NewReader(sample), room); err != nil {
				t.Error(err)
				return
			}
			if o, err := c.Run(context.Background(), m); err != nil || o.Action != Pass {
				t.Errorf("outcome %+v, %v", o, err)
			}
			if got := content(t, m); !strings.Contains(got, "X-Sender: "+from+"\r\n") {
				t.Errorf("%s: %q", from, got)
			}
		})
	}
	all.Wait()
	if used := room.used.Load(); used != 0 {
		t.Errorf("%d bytes in use afterwards", used)
	}
}
