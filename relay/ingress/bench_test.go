package ingress

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	milter "github.com/d--j/go-milter"

	"relaykeep/relay"
	"relaykeep/spool"
)

// discard is a Spool that reads and keeps nothing.
type discard struct{}

func (discard) Accept(_ context.Context, in *spool.Incoming) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := in.Body.Read(buf)
		in.Message.Size += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type noSink struct{}

func (noSink) Emit(relay.Event) {}

// A body of 10 KB, and a header that lacks nothing and that lacks two fields.
var (
	body10KB    = strings.Repeat(strings.Repeat("x", 76)+"\r\n", 130)
	wholeHeader = "Subject: x\r\nFrom: <a@b>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@b>\r\n\r\n"
	poorHeader  = "Subject: x\r\nFrom: <a@b>\r\n\r\n"
)

// One kept connection, a pipelining client, messages of 10 KB.
func BenchmarkAccept10KB(b *testing.B) { benchAccept(b, wholeHeader+body10KB) }

// The same with what has to be mended: fields that lack, and bare line feeds.
func BenchmarkRepair10KB(b *testing.B) {
	benchAccept(b, poorHeader+strings.ReplaceAll(body10KB, "\r\n", "\n")+"\r\n")
}

func BenchmarkAccept25MB(b *testing.B) {
	benchAccept(b, "Subject: x\r\n\r\n"+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 25<<20/78))
}

// The same with a filter that adds a field.
func BenchmarkFilter10KB(b *testing.B) {
	j := &judge{end: func(m milter.Modifier) (*milter.Response, error) {
		return milter.RespAccept, m.AddHeader("X-Seen", "yes")
	}}
	benchAccept(b, wholeHeader+body10KB, withFilter(b, j, nil))
}

func benchAccept(b *testing.B, text string, more ...func(*Options, *Deps, *recorder)) {
	w := start(b, func(o *Options, d *Deps, r *recorder) {
		d.Spool, d.Sink = discard{}, noSink{}
		for _, change := range more {
			change(o, d, r)
		}
	})
	d := w.greeted()
	envelope := "MAIL FROM:<a@from.example>\r\nRCPT TO:<b@to.example>\r\nDATA\r\n"
	body := []byte(text + ".\r\n")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d.say(envelope)
		d.want("250 ")
		d.want("250 ")
		d.want("354 ")
		if _, err := d.Conn.Write(body); err != nil {
			b.Fatal(err)
		}
		d.want("250 ")
	}
}

// Idle connections are cheap, after a body too.
func TestIdleMemory(t *testing.T) {
	const n = 200
	w := start(t, nil)
	before := heap()
	for range n {
		w.greeted().send("A: b\r\n\r\n"+strings.Repeat("x", 50_000)+"\r\n", queuedPrefix)
	}
	w.spool.mu.Lock()
	w.spool.mail = nil
	w.spool.mu.Unlock()
	if each := (heap() - before) / n; each > 40<<10 { // the test's end of it included
		t.Errorf("%d bytes for each connection", each)
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
