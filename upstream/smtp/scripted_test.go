package smtp

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// scripted is a server of one connection that follows a list of lines: what it
// says, and in between the commands that it waits for; "" waits for one line of
// the body. Behind the end of the list it neither reads nor closes.
type scripted struct {
	ln   net.Listener
	wg   sync.WaitGroup
	done chan struct{}
}

func newScripted(t *testing.T, lines ...string) *scripted {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{ln: ln, done: make(chan struct{})}
	s.wg.Go(func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		br := bufio.NewReader(nc)
		for i, l := range lines {
			if i%2 == 0 {
				io.WriteString(nc, l+"\r\n")
			} else if got, err := br.ReadString('\n'); err != nil || !strings.HasPrefix(got, l) {
				t.Errorf("got %q (%v), want %q", got, err, l)
				return
			}
		}
		<-s.done
	})
	return s
}

func (s *scripted) transport(t *testing.T) *Transport {
	t.Helper()
	tr, err := New(Options{Address: s.ln.Addr().String(), TLS: NoTLS}, classify, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func (s *scripted) close() {
	close(s.done)
	s.ln.Close()
	s.wg.Wait()
}
