package main

import (
	"net"
	"os"
	"strings"

	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
)

// brokenZone is what the DNS server of scripts fails for.
const brokenZone = "broken.example."

// cmdZone serves the records of a zone file on loopback, and puts the address
// into a variable: zone NAME FILE.
func cmdZone(ts *testscript.TestScript, _ bool, args []string) {
	records := make(map[string][]dns.RR)
	file, err := os.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer file.Close()
	parser := dns.NewZoneParser(file, ".", args[1])
	parser.SetDefaultTTL(60)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records[rr.Header().Name] = append(records[rr.Header().Name], rr)
	}
	ts.Check(parser.Err())

	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	ts.Check(err)
	started := make(chan struct{})
	server := &dns.Server{
		PacketConn: conn, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) { w.WriteMsg(answer(question, records)) }),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	ts.Defer(func() {
		ts.Check(server.Shutdown())
		ts.Check(<-ended)
	})
	ts.Setenv(args[0], conn.LocalAddr().String())
}

// answer is what an authoritative server says.
func answer(question *dns.Msg, records map[string][]dns.RR) *dns.Msg {
	m := new(dns.Msg).SetReply(question)
	name := strings.ToLower(question.Question[0].Name)
	found, ok := records[name]
	switch {
	case strings.HasSuffix(name, brokenZone):
		m.Rcode = dns.RcodeServerFailure
	case !ok:
		m.Rcode = dns.RcodeNameError
	}
	for _, rr := range found {
		if rr.Header().Rrtype == question.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}
