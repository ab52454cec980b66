package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

const (
	maxConnections = 32
	maxScrapes     = 4 // at the same time
	maxHeaderBytes = 16 << 10
	headerTimeout  = 10 * time.Second
	scrapeTime     = 10 * time.Second // for the questions of one; Prometheus's own default
	writeTimeout   = 30 * time.Second
	idleTimeout    = 5 * time.Minute
)

// Options make a Server.
type Options struct {
	Address  string // host:port to listen on
	Version  string
	Recorder *Recorder
	Source   Source

	// Alive says why the process should be started again, nil while it is
	// well. Ready says why no mail should be sent here now.
	Alive, Ready func() error

	Logger hclog.Logger // nil: nothing is said
}

// Server answers on /metrics, /healthz and /readyz. Make one with New.
type Server struct {
	listener net.Listener
	http     *http.Server
	log      hclog.Logger

	startOnce, stopOnce sync.Once
	serving             sync.WaitGroup
}

// New opens the socket. Who connects waits until Start. The caller stops the
// server, started or not.
func New(o Options) (*Server, error) {
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; another process may listen there: choose another address in the block metrics", err)
	}
	log := o.Logger
	if log == nil {
		log = hclog.NewNullLogger()
	}
	return &Server{
		listener: netutil.LimitListener(l, maxConnections),
		log:      log,
		http: &http.Server{
			Handler:           mux(&o, log),
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       headerTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
		},
	}, nil
}

// registry holds everything that is exposed.
func registry(o *Options) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "relaykeep_build_info", Help: "Always 1; the labels say what runs.",
	}, []string{"version", "goversion"})
	build.WithLabelValues(o.Version, runtime.Version()).Set(1)
	r.MustRegister(build, newState(o.Source),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(o.Recorder.collectors()...)
	return r
}

func mux(o *Options, log hclog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry(o), promhttp.HandlerOpts{
		ErrorLog:            log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Warn}),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes,
	}))
	mux.HandleFunc("GET /healthz", tell(o.Alive))
	mux.HandleFunc("GET /readyz", tell(o.Ready))
	return mux
}

// tell answers 200 where all is well, else 503 with the reason.
func tell(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		text := "ok"
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = err.Error()
		}
		_, _ = io.WriteString(w, text+"\n") // an error here means that nobody listens any more
	}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Start begins to answer and returns. Further calls do nothing.
func (s *Server) Start() {
	s.startOnce.Do(func() {
		s.serving.Go(func() {
			if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				s.log.Error("metrics are not served any more; mail goes on", "error", err.Error())
			}
		})
	})
}

// Stop closes the socket and waits for the requests under way; when ctx ends it
// breaks them off. Further calls do nothing.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stopOnce.Do(func() {
		s.startOnce.Do(func() {}) // never started: nothing to wait for
		if err = s.http.Shutdown(ctx); err != nil {
			err = errors.Join(err, s.http.Close())
		}
		if e := s.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
		s.serving.Wait()
	})
	return err
}
