package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/net/netutil"
)

const (
	maxConnections = 32
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	writeTimeout   = 30 * time.Second // for each piece of a stream
	maxHeaderBytes = 16 << 10
)

// Options describe the server.
type Options struct {
	Socket  string
	Mode    fs.FileMode // of the socket
	Group   string      // of the socket, by name or number; "": that of the process
	Version Version     // what GET /v1/version says
	Store   Store
	Control Control         // nil: nothing is said of upstreams, and nothing can be done
	Actor   Actor           // nil: nothing can be done to mail
	Keeper  Keeper          // nil: no copies are given out
	Events  *Events         // what spool watch shows; nil: nobody can watch
	Sink    Sink            // gets an event for each thing that an operator does; nil: nobody does
	Repairs func() []Repair // what was mended in the mail of each client, never nil; nil: nothing is said of it
	Logger  hclog.Logger    // nil: nothing is said

	// Reload reads the configuration again; nil: that cannot be done.
	Reload func(ctx context.Context, by string) (Reloaded, error)

	// Status tells how the daemon does; nil: nobody knows.
	Status func(context.Context) (Status, error)
}

// Server answers on the admin socket. Make one with New.
type Server struct {
	listener net.Listener
	http     *http.Server
	hasten   context.CancelFunc // of what may take longer than a stop waits
	halt     context.CancelFunc // of what goes on without a client

	startOnce, stopOnce sync.Once
	serving             sync.WaitGroup
	failed              chan struct{}
	err                 error // set before failed is closed
}

// New opens the socket. Who connects waits until Start. The caller stops the
// server, started or not.
func New(opt Options) (*Server, error) {
	l, err := listen(opt.Socket, opt.Group, opt.Mode)
	if err != nil {
		return nil, err
	}
	log := opt.Logger
	if log == nil {
		log = hclog.NewNullLogger()
	}
	alive, halt := context.WithCancel(context.Background())
	running, hasten := context.WithCancel(alive)
	h := &handler{
		queue: NewLocal(opt.Store, func() error { return nil }), version: opt.Version, log: log,
		control: opt.Control, actor: opt.Actor, sink: opt.Sink, repairs: opt.Repairs, reload: opt.Reload, alive: alive,
		keeper: opt.Keeper, running: running, events: opt.Events,
		status: opt.Status,
	}
	return &Server{
		listener: netutil.LimitListener(peerListener{l}, maxConnections),
		http: &http.Server{
			Handler:           h.mux(),
			ReadHeaderTimeout: headerTimeout, // a ReadTimeout would cancel long streams
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
		},
		hasten: hasten,
		halt:   halt,
		failed: make(chan struct{}),
	}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Start begins to answer and returns. Further calls do nothing.
func (s *Server) Start() {
	s.startOnce.Do(func() { s.serving.Go(s.serve) })
}

func (s *Server) serve() {
	err := s.http.Serve(s.listener)
	if errors.Is(err, http.ErrServerClosed) {
		return
	}
	s.err = fmt.Errorf("admin socket: %w", err)
	close(s.failed)
}

// Failed is closed when the server cannot answer any more; Err then says why.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// Err says why the server failed, nil while it has not.
func (s *Server) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// Stop removes the socket and waits for the requests under way, but for copies
// of the spool, which it breaks off; when ctx ends it breaks them all off. Further calls do nothing. A stopped server cannot be
// started.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stopOnce.Do(func() {
		s.startOnce.Do(func() {}) // never started: nothing to wait for
		s.hasten()
		err = s.http.Shutdown(ctx)
		s.halt()
		if err != nil {
			err = errors.Join(err, s.http.Close())
		}
		if closeErr := s.listener.Close(); closeErr != nil && !errors.Is(closeErr, net.ErrClosed) {
			err = errors.Join(err, closeErr)
		}
		s.serving.Wait()
	})
	return err
}
