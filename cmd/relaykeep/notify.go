package main

import (
	"net"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
)

// notifyTime bounds the wait for a service manager that does not read what it
// is told: it must not hold up a reload, or the stop.
const notifyTime = time.Second

// notifier tells systemd how the daemon is (sd_notify(3)); without systemd it
// does nothing.
type notifier struct{}

func (n notifier) send(log hclog.Logger, state string) {
	if err := n.write(state); err != nil {
		log.Warn("systemd was not told", "state", state, "error", err.Error())
	}
}

// write is systemd.SdNotify, which has no time limit.
func (notifier) write(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTime)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// reloading tells that the daemon reads its configuration, or is done with it:
// the clock is for Type=notify-reload, which others overlook.
func (n notifier) reloading(log hclog.Logger, begins bool) {
	if begins {
		n.send(log, systemd.SdNotifyReloading+"\n"+systemd.SdNotifyMonotonicUsec())
		return
	}
	n.send(log, systemd.SdNotifyReady)
}

// heartbeat ticks at half of the time after which systemd would end us
// (WatchdogSec=); never where it does not watch. The caller calls end.
func (notifier) heartbeat(log hclog.Logger) (beat <-chan time.Time, end func()) {
	interval, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog of systemd is left alone", "error", err.Error())
	}
	if interval <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(max(interval/2, time.Millisecond))
	return t.C, t.Stop
}
