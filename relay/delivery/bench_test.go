package delivery

import (
	"strconv"
	"testing"
)

// BenchmarkLane measures what the scheduler itself costs a message: the spool
// and the transport do nothing.
func BenchmarkLane(b *testing.B) {
	for _, connections := range []int{1, 10} {
		b.Run(strconv.Itoa(connections), func(b *testing.B) {
			q := newHose(b.N)
			s := q.lane(connections)
			b.ReportAllocs()
			b.ResetTimer()
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			<-q.done
			s.Stop(b.Context())
		})
	}
}
