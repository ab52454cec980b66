package config

import (
	"testing"

	"relaykeep/relay/outgoing"
)

// TestOutgoing: the null sender is replaced where it is refused only, and by
// what this upstream takes for all other mail first.
func TestOutgoing(t *testing.T) {
	const rewrite = "rewrite {\n envelope_from = \"relay@x.test\"\n}\n"
	for _, tt := range []struct {
		provider, rewrite, bounce string
		want                      outgoing.Options
	}{
		{"generic", "", "", outgoing.Options{}},
		{"generic", rewrite, `bounce { from = "b@x.test" }`, outgoing.Options{EnvelopeFrom: "relay@x.test"}},
		{"netease", rewrite, `bounce { from = "b@x.test" }`, outgoing.Options{EnvelopeFrom: "relay@x.test", NullSender: "relay@x.test"}},
		{"netease", "", `bounce { from = "b@x.test" }`, outgoing.Options{NullSender: "b@x.test"}},
		{"netease", "", "", outgoing.Options{}},
	} {
		c := mustParse(t, "upstream \"a\" {\n address = \"127.0.0.1\"\n provider = \""+tt.provider+"\"\n"+tt.rewrite+"}\n"+tt.bounce+"\n", LoadOptions{})
		tt.want.ReplyToOriginal = true
		if got := c.Outgoing(c.Upstreams[0]); got != tt.want {
			t.Errorf("%s %q %q: got %+v", tt.provider, tt.rewrite, tt.bounce, got)
		}
	}
}
