package ingress

import (
	"net"
	"testing"
)

// A session ends as it began; who comes later meets the other configuration at
// the same address, and all of them are counted together.
func TestChange(t *testing.T) {
	w := start(t, nil)
	before := w.greeted()
	o := testOptions()
	o.Hostname, o.MaxConnections = "other.example", 3
	c, err := w.srv.Prepare([]Options{o}, Rules{Router: router{}, Table: "tuesday"})
	if err != nil {
		t.Fatal(err)
	}
	w.dial().want("220 relay.example") // nothing is seen of it yet
	c.Commit()
	before.send("A: b\r\n\r\nx\r\n", queuedPrefix)
	w.one()
	w.dial().want("220 other.example")
	w.dial().want("421 ") // there are three
}

// What is given up leaves nothing: the socket that systemd has passed, too, can
// be had later.
func TestChangeThatIsGivenUp(t *testing.T) {
	passed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := start(t, func(_ *Options, d *Deps, _ *recorder) {
		d.Inherited = map[string][]net.Listener{"smtp": {passed}}
	})
	test, later, bad := testOptions(), testOptions(), testOptions()
	later.Name, later.Addresses = "later", []string{"systemd:smtp"}
	bad.Name, bad.Addresses = "bad", []string{"systemd:other"}
	rules := Rules{Router: router{}}
	if _, err := w.srv.Prepare([]Options{test, later, bad}, rules); err == nil {
		t.Fatal("a socket was found that systemd has not passed")
	}
	later.Addresses = append(later.Addresses, bad.Addresses...)
	if _, err := w.srv.Prepare([]Options{test, later}, rules); err == nil {
		t.Fatal("a socket was found that systemd has not passed")
	}
	later.Addresses = later.Addresses[:1]
	c, err := w.srv.Prepare([]Options{test, later}, rules)
	if err != nil {
		t.Fatal(err)
	}
	c.Commit()
	w.at("later").want("220 ")
	w.greeted()
}
