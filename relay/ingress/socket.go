package ingress

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
)

// socket is an open address. Who serves what comes in there changes with the
// configuration.
type socket struct {
	net.Listener
	address string // as in Options
	ln      atomic.Pointer[listener]
}

// inherited reports whether systemd opened it: we cannot do that again.
func (k *socket) inherited() bool { return strings.HasPrefix(k.address, systemdPrefix) }

// open binds these addresses of a listener: all of them, or those that can be
// bound where they are optional, but not none, unless some of its are bound
// already (have). On an error none of them stays bound.
func (s *Server) open(ln *listener, addresses []string, have bool) (opened []*socket, err error) {
	var failed []error
	for _, address := range addresses {
		nets, err := bind(address, s.Inherited)
		switch {
		case err != nil && !ln.opts.Optional:
			giveUp(opened)
			return nil, err
		case err != nil:
			failed = append(failed, err)
			continue
		}
		for _, l := range nets {
			k := &socket{Listener: l, address: address}
			k.ln.Store(ln)
			opened = append(opened, k)
		}
	}
	if len(opened) == 0 && !have {
		return nil, errors.Join(failed...)
	}
	for _, err := range failed {
		s.log.Warn("a default address of the listener is left out", "listener", ln.opts.Name, "reason", err.Error())
	}
	return opened, nil
}

func closeAll(all []*socket) {
	for _, k := range all {
		k.Close()
	}
}

// giveUp closes what was opened in vain. What systemd has passed can still be
// wanted later.
func giveUp(opened []*socket) {
	closeAll(slices.DeleteFunc(opened, (*socket).inherited))
}
