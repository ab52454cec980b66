package ingress

import (
	"io"
	"net"
	"strings"
	"testing"
)

// Whatever a client sends, nothing panics, the session ends, and each message
// that is acknowledged was taken.
func FuzzSession(f *testing.F) {
	hello, envelope := "EHLO x\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
	for _, s := range []string{
		hello + envelope + "DATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r\n",
		hello + envelope + "BDAT 3\r\nabcBDAT 2 LAST\r\nde",
		hello + envelope + "BDAT 3\r\nabcRSET\r\n" + envelope + "BDAT 1 LAST\r\nx",
		hello + "AUTH LOGIN\r\nam9l\r\n*\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n" + envelope + "DATA\r\n..\r\n.\r\n",
		"STARTTLS\r\n", hello + "\x00\r\nNOOP\nHELO\r\n", hello + envelope + "DATA\r\n\n.\r\n\r.\r\n\r\n.\r\n.",
		strings.Repeat("x", 5000),
	} {
		f.Add([]byte(s), uint16(7))
		f.Add([]byte(s), uint16(5000))
	}
	w := start(f, func(o *Options, d *Deps, r *recorder) {
		withUsers(f, "joe:secret")(o, d, r)
		o.MaxMessageSize = 1 << 10
	})
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		w.spool.mu.Lock()
		w.spool.mail = nil
		w.spool.mu.Unlock()
		client, server := net.Pipe()
		read := make(chan string)
		go func() {
			b, _ := io.ReadAll(client)
			read <- string(b)
		}()
		w.srv.lns[0].admit(server)
		piece := int(size) + 1
		for len(in) > 0 {
			n := min(piece, len(in))
			if _, err := client.Write(in[:n]); err != nil {
				break
			}
			in = in[n:]
		}
		client.Close()
		replies := <-read
		w.settled(0)
		if got, want := strings.Count(replies, queuedPrefix), len(w.spool.all()); got > want || got < want-1 { // the last reply may be cut off
			t.Fatalf("%d were acknowledged and %d taken: %q", got, want, replies)
		}
	})
}
