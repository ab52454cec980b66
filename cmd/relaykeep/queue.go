package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"relaykeep/relay/admin"
	"relaykeep/relay/config"
	"relaykeep/spool/bolt"
)

const defaultSocket = "/run/relaykeep/admin.sock"

// socketFlag is of the commands that talk to a daemon.
type socketFlag struct {
	Socket string `placeholder:"PATH" help:"The admin socket of the daemon (default: that of the configuration, else /run/relaykeep/admin.sock)."`
}

// place says where the queue may be found.
type place struct {
	socket string
	config *config.Config // nil: none is readable
	why    error          // why there is no configuration
}

// openQueue finds the queue: that of the running daemon, or the spool file of
// a stopped one. The caller closes it.
func (a *app) openQueue(ctx context.Context, g *grammar, s socketFlag) (admin.Queue, error) {
	p, err := a.findPlace(g, s)
	if err != nil {
		return nil, err
	}
	return p.open(ctx)
}

// openDaemon finds the running daemon, for what only that can do. The caller
// closes the client.
func (a *app) openDaemon(ctx context.Context, g *grammar, s socketFlag) (*admin.Client, error) {
	p, err := a.findPlace(g, s)
	if err != nil {
		return nil, err
	}
	client, err := p.daemon(ctx)
	if err != nil && nobodyListens(err) {
		return nil, fmt.Errorf("%w: the daemon must run for this: start it, such as with systemctl start relaykeep, or wait where it is stopping", err)
	}
	return client, err
}

// open is openQueue at a place.
func (p place) open(ctx context.Context) (admin.Queue, error) {
	client, err := p.daemon(ctx)
	if err == nil {
		return client, nil
	}
	store, err := p.openStopped(err, true)
	if err != nil {
		return nil, err
	}
	return admin.NewLocal(store, store.Close), nil
}

// stopped gives the path of the spool of a daemon that could not be reached, if
// that is because it does not run.
func (p place) stopped(unreached error) (path string, err error) {
	if !nobodyListens(unreached) {
		return "", unreached
	}
	if p.config == nil {
		return "", fmt.Errorf("%w; the spool of a stopped one is found by its configuration: %w", unreached, p.why)
	}
	return p.config.Spool.Path, nil
}

// openStoppedToWrite is openStopped for what changes the spool, which must be there:
// a new one would belong to whoever runs the command, and not to the daemon.
func (p place) openStoppedToWrite(unreached error) (*bolt.Store, error) {
	path, err := p.stopped(unreached)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; and there is no spool at %s yet: the daemon makes it when it is first started", unreached, path)
	}
	return p.openStopped(unreached, false)
}

// openStopped opens the spool of a daemon that could not be reached, if that is
// because it does not run. The caller closes the store.
func (p place) openStopped(unreached error, readOnly bool) (*bolt.Store, error) {
	if _, err := p.stopped(unreached); err != nil {
		return nil, err
	}
	c := p.config.Spool
	store, err := bolt.Open(bolt.Options{
		Path: c.Path, MaxSize: c.MaxSize, MinFreeDisk: c.MinFreeDisk, History: c.History, KeepFailed: c.KeepFailed,
		NoSync: c.NoSync, Guest: true, ReadOnly: readOnly,
	})
	if err != nil {
		return nil, fmt.Errorf("%w; and %w", unreached, err)
	}
	return store, nil
}

// findPlace looks at flags and configuration. A configuration that somebody
// chose must be good: the daemon on the default socket may be another one.
func (a *app) findPlace(g *grammar, s socketFlag) (place, error) {
	path, chosen := a.configPath(g)
	if s.Socket != "" && !chosen {
		return place{socket: s.Socket, why: errors.New("name it with --config")}, nil
	}
	c, err := config.Load(path, config.LoadOptions{LookupEnv: a.env})
	var invalid *config.Error
	switch {
	case err == nil && s.Socket != "":
		return place{socket: s.Socket, config: c}, nil
	case err == nil:
		return place{socket: c.Admin.Socket, config: c}, nil
	case s.Socket != "":
		return place{socket: s.Socket, why: err}, nil
	case !chosen && !errors.As(err, &invalid): // there is none, or it is not for us
		return place{socket: defaultSocket, why: err}, nil
	}
	return place{}, fmt.Errorf("%w; so the daemon's socket is not known: mend that, or name it with --socket", err)
}

// daemon connects to the running daemon.
func (p place) daemon(ctx context.Context) (*admin.Client, error) {
	client := admin.NewClient(p.socket)
	_, err := client.Version(ctx)
	switch {
	case err == nil:
		return client, nil
	case nobodyListens(err):
		return nil, fmt.Errorf("no daemon listens on %s (%w)", p.socket, reason(err))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("you may not open %s: %s", p.socket, whoMay(p.socket))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("the daemon does not answer on %s: it hangs or is overloaded; its log may say more", p.socket)
	}
	return nil, fmt.Errorf("no good answer on %s: %w", p.socket, err)
}

func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// reason takes off what net says around the error of the system.
func reason(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

// whoMay says who may open a socket.
func whoMay(path string) string {
	info, err := os.Stat(path)
	if err != nil { // the folder keeps us out
		path = filepath.Dir(path)
		if info, err = os.Stat(path); err != nil {
			return "run this as root"
		}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "run this as root"
	}
	owner, group := strconv.Itoa(int(stat.Uid)), strconv.Itoa(int(stat.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	if info.Mode()&0o060 == 0 {
		return fmt.Sprintf("run this as the user %s", owner)
	}
	return fmt.Sprintf("run this as the user %s, or as a member of the group %s", owner, group)
}
