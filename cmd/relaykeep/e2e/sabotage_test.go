package e2e

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"relaykeep/relay"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/upstreamtest"
)

// TestNoInodes leaves no file to be made on the disk of the spool. A spool that
// is there needs none: mail is accepted and delivered. One that is not is told
// in a line.
func TestNoInodes(t *testing.T) {
	disk := tmpfs(t, "64m,nr_inodes=16")
	out := startProvider(t, upstreamtest.Options{})
	n := newNodeIn(t, disk, settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	for i := 0; ; i++ {
		err := os.Mkdir(filepath.Join(disk, strings.Repeat("x", i+1)), 0o700)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	id := p.post(letter())
	if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
		t.Error("it was not delivered")
	}
	p.stop()
	n.inspect(func(*bolt.Store) {})
	n.start().stop()

	if err := os.Remove(n.spool); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(disk, "again"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantLine(t, n.run("serve"), 1, n.spool, "no space left")
}

// TestDamagedBody changes a byte of a message in the spool file. That message is
// held with an incident and never sent; the others go on.
func TestDamagedBody(t *testing.T) {
	const marker = "the text that rots"
	out := startProvider(t, upstreamtest.Options{})
	out.On(upstreamtest.Mail, upstreamtest.Always(upstreamtest.Stall()))
	n := newNodeIn(t, shortDir(t), settings{}, upstreamBlock("out", out.Addr(), ""))
	p := n.start()
	rotten := letter()
	rotten.body = append(rotten.body, marker...)
	rotten.body = append(rotten.body, "\r\n"...)
	first, bad, last := p.post(letter()), p.post(rotten), p.post(letter())
	p.kill()
	file, err := os.ReadFile(n.spool)
	if err != nil || !bytes.Contains(file, []byte(marker)) {
		t.Fatalf("the text is not in the spool file: %v", err)
	}
	file = bytes.ReplaceAll(file, []byte(marker), bytes.Replace([]byte(marker), []byte("rots"), []byte("rotz"), 1))
	if err := os.WriteFile(n.spool, file, 0o600); err != nil {
		t.Fatal(err)
	}

	out.On(upstreamtest.Mail, nil)
	p = n.start()
	for _, id := range []relay.ID{first, last} {
		if _, ok := p.log.event(patience(t), "delivered", string(id)); !ok {
			t.Errorf("%s, which is whole, was not delivered", id)
		}
	}
	if _, ok := p.log.event(patience(t), "held", string(bad)); !ok {
		t.Fatal("the damaged message is not held")
	}
	if r := n.run("incident", "list"); r.status != 0 || !strings.Contains(r.out, "damaged") {
		t.Errorf("incident list: status %d\n%s%s", r.status, r.out, r.err)
	}
	p.stop()
	for _, m := range out.Messages() {
		if bytes.Contains(m.Body, []byte("rotz")) {
			t.Error("the damaged message was sent")
		}
	}
}
