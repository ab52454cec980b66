package smtp

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/upstream/upstreamtest"
)

// BenchmarkDeliver sends messages of 10 KB over kept connections; what the
// fake provider costs is in it.
func BenchmarkDeliver(b *testing.B) {
	body := content("Subject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 10240/78))
	s := provider(b, upstreamtest.Options{Light: true})
	tr := transport(b, s, func(o *Options) { o.MaxMessagesPerConnection = 1 << 30 })
	to := rcpts("b@y.test")
	m := from("a@x.test")
	mark := func([]int) func() error { return func() error { return nil } }
	b.ReportAllocs()
	b.SetBytes(body.Size())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if v := handOver(b.Context(), tr, m, body, to, mark); v[0].Class != relay.ClassDelivered {
				b.Errorf("verdict is %+v", v[0])
			}
		}
	})
}
