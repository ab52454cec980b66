package main

import (
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/hashicorp/go-hclog"
)

// notifier tells systemd how the daemon is (sd_notify(3)); without systemd it
// does nothing.
type notifier struct{}

func (notifier) send(log hclog.Logger, state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", "state", state, "error", err.Error())
	}
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
