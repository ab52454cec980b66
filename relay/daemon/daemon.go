package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/relay/delivery"
	"relaykeep/relay/event"
	"relaykeep/relay/event/logsink"
	"relaykeep/relay/event/rates"
	"relaykeep/relay/filter"
	"relaykeep/relay/ingress"
	"relaykeep/relay/metrics"
	"relaykeep/relay/operate"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// Options make a Daemon.
type Options struct {
	Config *config.Config
	Logger hclog.Logger // for what concerns the daemon itself

	// Events gets the line of each event. It should be another Logger than the
	// one above: a log reader that stalls it must stall nothing else.
	Events hclog.Logger

	// EventLines gets the lines of events as JSON, in the place of Events, which
	// says from which level on; nil: Events gets them.
	EventLines io.Writer

	// Watch gets every event as it happens; nil: nobody watches. Its Emit must
	// not block.
	Watch event.Sink

	// Load reads the configuration again, for Reload; nil: there is nothing to
	// read again.
	Load func() (*config.Config, error)

	// OpenLog opens where a configuration wants the log: use goes over to it,
	// drop gives it up, and one of them is called. Nil: the log stays where it
	// is.
	OpenLog func(config.Log) (use, drop func(), err error)

	// Reloading is told when a reload begins (true) and ends; it may be nil.
	Reloading func(begins bool)

	Version   string
	Inherited map[string][]net.Listener // sockets passed by systemd, by name
}

const (
	// intakeTime is how long Stop lets bodies that are on their way come in.
	intakeTime = 10 * time.Second
	// adminTime is how long Stop lets operators' requests come to their end.
	adminTime = 5 * time.Second
	// flushTime is how long Stop waits for a log reader.
	flushTime = 5 * time.Second
)

// Daemon is a running relaykeep. Call New, Start, and Stop once each; Stop also
// after a failed Start.
type Daemon struct {
	opt       Options
	log       hclog.Logger
	spool     *bolt.Store
	sink      event.Sink
	parts     atomic.Pointer[parts] // of the configuration of now
	room      *filter.Room
	scheduler *delivery.Scheduler
	admin     *admin.Server
	events    admin.Events // for those who watch
	ingress   *ingress.Server
	recorder  *metrics.Recorder
	metrics   *metrics.Server // nil: nobody wants numbers
	ready     atomic.Bool
	rates     rates.Counter
	startedAt time.Time // set by Start

	changing sync.Mutex // held while a reload, or the beginning of a stop, goes on
	stopping bool
	reloaded chan struct{} // of capacity one: held mail may have a way now
	lines    *logsink.Sink
	level    string // of the log

	background sync.WaitGroup
	halt       context.CancelFunc // of what runs in the background
	alive      context.Context

	ends []func(context.Context) error // in the order of construction

	failOnce sync.Once
	failed   chan struct{}
	failure  error
}

// New opens the spool and binds every socket; nothing is accepted yet. What
// was built is taken down again when something fails.
func New(o Options) (*Daemon, error) {
	d := &Daemon{opt: o, log: o.Logger, failed: make(chan struct{}), reloaded: make(chan struct{}, 1)}
	if d.log == nil {
		d.log = hclog.NewNullLogger()
	}
	d.recorder = metrics.NewRecorder(labels(d.opt.Config))
	c := d.opt.Config.Spool
	d.room = filter.NewRoom(filepath.Dir(c.Path), c.MinFreeDisk)
	d.alive, d.halt = context.WithCancel(context.Background())
	for _, build := range []func() error{
		d.buildSpool, d.buildMetrics, d.buildSink, d.buildDelivery, d.buildAdmin, d.buildIngress,
	} {
		if err := build(); err != nil {
			return nil, errors.Join(err, d.Stop(context.Background()))
		}
	}
	return d, nil
}

// atEnd registers how a part ends.
func (d *Daemon) atEnd(end func(context.Context) error) { d.ends = append(d.ends, end) }

func (d *Daemon) buildSpool() (err error) {
	c := d.opt.Config.Spool
	d.spool, err = bolt.Open(bolt.Options{
		Path: c.Path, MaxSize: c.MaxSize, MinFreeDisk: c.MinFreeDisk,
		History: c.History, KeepFailed: c.KeepFailed, NoSync: c.NoSync,
		Observe: d.recorder.Commit, Logger: d.log.Named("spool"),
	})
	if err != nil {
		return err
	}
	d.atEnd(func(context.Context) error { return d.spool.Close() })
	return nil
}

func (d *Daemon) buildSink() error {
	log := d.opt.Events
	if log == nil {
		log = hclog.NewNullLogger()
	}
	d.lines = logsink.New(logsink.Options{
		Logger:    log,
		JSON:      d.opt.EventLines,
		Addresses: addressMode(d.opt.Config.Log.Addresses),
		HashKey:   []byte(d.spool.Instance()),
	})
	d.atEnd(func(ctx context.Context) error {
		// Its own time: what a cut drain did is worth a line, too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		return d.lines.Close(ctx)
	})
	sinks := event.Fanout{d.lines, d.recorder, &d.rates, &d.events}
	if d.opt.Watch != nil {
		sinks = append(sinks, d.opt.Watch)
	}
	d.sink = sinks
	return nil
}

func (d *Daemon) buildDelivery() error {
	p, err := d.makeParts(d.opt.Config, nil)
	if err != nil {
		return err
	}
	d.parts.Store(p)
	d.level = p.config.Log.Level
	d.atEnd(func(context.Context) error { return d.parts.Load().closeBut(nil) })
	d.spool.UseTable(p.table.Fingerprint())
	d.scheduler = delivery.New(delivery.Options{
		Spool: d.spool, Sink: d.sink, Reassign: d.reassign, Intend: operate.CarryOut, Plan: p.plan,
	})
	d.atEnd(func(ctx context.Context) error {
		d.halt()
		d.background.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		if d.spool.Err() != nil {
			cancel() // no outcome can be stored any more: none is waited for
		}
		defer context.AfterFunc(ctx, d.spool.WaitNoMore)() // for room to store an outcome
		d.scheduler.Stop(ctx)
		return nil
	})
	return nil
}

func (d *Daemon) buildAdmin() (err error) {
	c := d.opt.Config.Admin
	d.admin, err = admin.New(admin.Options{
		Socket: c.Socket, Mode: c.Mode, Group: c.Group, Store: d.spool,
		Control: control{d.scheduler}, Actor: d.operator(), Keeper: d.spool, Sink: d.sink, Repairs: d.repairs,
		Status: d.status, Events: &d.events, Reload: d.Reload,
		Version: admin.Version{Version: d.opt.Version, Go: runtime.Version()},
		Logger:  d.log.Named("admin"),
	})
	if err != nil {
		return err
	}
	d.atEnd(func(ctx context.Context) error {
		// One who does not read must not take their time from the deliveries.
		ctx, cancel := context.WithTimeout(ctx, adminTime)
		defer cancel()
		if err := d.admin.Stop(ctx); err != nil && ctx.Err() == nil {
			return err
		} else if err != nil {
			d.log.Warn("stopping: requests to the admin socket are broken off", "detail", err.Error())
		}
		return nil
	})
	return nil
}

func (d *Daemon) buildIngress() (err error) {
	d.atEnd(func(context.Context) error { // once no more mail comes in
		d.scheduler.Halt()
		return nil
	})
	by := d.parts.Load().taking
	d.ingress, err = ingress.New(listenerOptions(d.opt.Config), ingress.Deps{
		Spool: d.spool, Sink: d.sink, NewID: spool.NewID, Rejected: d.recorder.Rejected,
		Router: by.Router, Table: by.Table, Dedupe: by.Dedupe, Filters: by.Filters,
		Log: d.log.Named("ingress"), Instance: d.spool.Instance(), Inherited: d.opt.Inherited,
	})
	if err != nil {
		return err
	}
	if err := d.ingress.Listen(); err != nil {
		return err
	}
	d.atEnd(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, intakeTime)
		defer cancel()
		if err := d.ingress.Shutdown(ctx); err != nil {
			d.log.Warn("stopping", "detail", err.Error())
		}
		return nil
	})
	return nil
}

// Start settles what an earlier process left in doubt, and begins to deliver
// and to accept. ctx bounds the former only.
func (d *Daemon) Start(ctx context.Context) error {
	if err := d.scheduler.Start(ctx); err != nil {
		return err
	}
	d.background.Go(d.reroute)
	d.background.Go(d.backups)
	d.background.Go(func() {
		select {
		case <-d.spool.Failed():
			d.fail(d.spool.Err())
		case <-d.admin.Failed():
			d.fail(fmt.Errorf("the admin socket: %w", d.admin.Err()))
		case <-d.alive.Done():
		}
	})
	d.startedAt = time.Now()
	d.admin.Start()
	d.ingress.Start()
	d.ready.Store(true)
	if d.metrics != nil {
		d.metrics.Start()
	}
	return nil
}

// Failed is closed when the daemon cannot go on: Err says why, and Stop is to
// follow.
func (d *Daemon) Failed() <-chan struct{} { return d.failed }

// Err is nil until Failed is closed.
func (d *Daemon) Err() error {
	select {
	case <-d.failed:
		return d.failure
	default:
		return nil
	}
}

func (d *Daemon) fail(err error) {
	d.failOnce.Do(func() {
		d.failure = err
		close(d.failed)
	})
}

// Stop takes everything down in reverse. What is under way gets its time to
// end, less where ctx ends before.
func (d *Daemon) Stop(ctx context.Context) error {
	d.changing.Lock()
	d.stopping = true // no reload begins any more
	d.changing.Unlock()
	d.ready.Store(false)
	d.halt()
	var errs []error
	for _, end := range slices.Backward(d.ends) {
		errs = append(errs, end(ctx))
	}
	d.ends = nil
	return errors.Join(errs...)
}

// Addrs gives the addresses that are bound, by the name of the listener.
func (d *Daemon) Addrs() map[string][]net.Addr {
	addrs := make(map[string][]net.Addr)
	for _, l := range d.parts.Load().config.Listeners {
		addrs[l.Name] = d.ingress.Addrs(l.Name)
	}
	return addrs
}
