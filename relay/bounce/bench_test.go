package bounce

import (
	"fmt"
	"testing"

	"relaykeep/relay"
)

// What is composed is composed while a transaction of the spool is open.
func BenchmarkCompose(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var of []relay.Recipient
			for i := range n {
				of = append(of, refused(fmt.Sprintf("someone.%d@example.net", i), 550, "5.1.1", fmt.Sprintf("<someone.%d@example.net>: Recipient address rejected: no such user", i), "unknown-mailbox"))
			}
			about := about(failed, message(), content, false, of...)
			for b.Loop() {
				if _, err := compose(about); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
