package route

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// fingerprint hashes what decides the way of mail: see Table.Fingerprint.
// Strings are written quoted, so that no two tables are written alike.
func fingerprint(routes []Route) string {
	h := sha256.New()
	fmt.Fprintln(h, "routes 2")
	for _, r := range routes {
		m := r.Match
		fmt.Fprintf(h, "%q %q %d\n", r.Name, r.Upstreams, r.Priority)
		fmt.Fprintf(h, "%d %d %d %q\n", r.Strategy, r.Weights, r.Action, r.RedirectTo)
		fmt.Fprintf(h, "%q %q %q %q %s\n", m.Sender, m.Recipient, m.Listener, m.User, m.Client)
		for _, f := range m.Header {
			fmt.Fprintf(h, "%q %q\n", f.Name, f.Glob)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
