package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// receiver is a sink of our own: it knows TLS, and when DATA came. It takes
// everything.
type receiver struct {
	listener net.Listener
	tls      *tls.Config        // nil: none is offered
	onData   func(at time.Time) // called at each DATA; nil: nobody asks

	arrivals
	open  sync.Mutex
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

// receiverIn starts receivers, with TLS where a is not nil.
func receiverIn(a *authority) func(context.Context) (sink, error) {
	return func(context.Context) (sink, error) { return startReceiver(a, nil) }
}

func startReceiver(a *authority, onData func(time.Time)) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{listener: l, onData: onData, conns: make(map[net.Conn]bool), arrivals: newArrivals()}
	if a != nil {
		r.tls = &tls.Config{Certificates: []tls.Certificate{*a.certificate}}
	}
	r.all.Go(r.accept)
	return r, nil
}

func (r *receiver) port() int { return r.listener.Addr().(*net.TCPAddr).Port }

func (r *receiver) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.open.Lock()
		r.conns[conn] = true
		r.open.Unlock()
		r.all.Go(func() {
			defer func() {
				conn.Close()
				r.open.Lock()
				delete(r.conns, conn)
				r.open.Unlock()
			}()
			r.serve(conn)
		})
	}
}

// serve talks to a client until it goes. Answers are held back while more
// commands lie there already.
func (r *receiver) serve(conn net.Conn) {
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	fmt.Fprintf(out, "220 sink.example.org ESMTP\r\n")
	for {
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(string(bytes.TrimSpace(line))), " "); verb {
		case "EHLO":
			fmt.Fprintf(out, "250-sink.example.org\r\n")
			if _, secure := conn.(*tls.Conn); r.tls != nil && !secure {
				fmt.Fprintf(out, "250-STARTTLS\r\n")
			}
			fmt.Fprintf(out, "250 PIPELINING\r\n")
		case "STARTTLS":
			fmt.Fprintf(out, "220 go on\r\n")
			if out.Flush() != nil {
				return
			}
			conn = tls.Server(conn, r.tls)
			in, out = bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
		case "DATA":
			if r.onData != nil {
				r.onData(time.Now())
			}
			fmt.Fprintf(out, "354 go on\r\n")
			if out.Flush() != nil || skipBody(in) != nil {
				return
			}
			r.change(func() { r.got++ })
			fmt.Fprintf(out, "250 2.0.0 taken\r\n")
		case "QUIT":
			fmt.Fprintf(out, "221 bye\r\n")
			_ = out.Flush()
			return
		default:
			fmt.Fprintf(out, "250 2.0.0 fine\r\n")
		}
	}
}

// skipBody reads up to the final dot.
func skipBody(in *bufio.Reader) error {
	fresh := true // at the beginning of a line
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		if fresh && string(line) == ".\r\n" {
			return nil
		}
		fresh = err == nil
	}
}

func (r *receiver) stop() {
	_ = r.listener.Close()
	r.open.Lock()
	for conn := range r.conns {
		_ = conn.Close()
	}
	r.open.Unlock()
	r.all.Wait()
}
