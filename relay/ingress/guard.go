package ingress

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/hashicorp/go-hclog"
)

// The bounds of logins.
const (
	maxVerifying = 2                // hashes computed at once
	verifyWait   = 10 * time.Second // for a place among them
	maxPassword  = 1024             // bytes
	keepLogin    = 1 * time.Hour    // a success is remembered, since its last use
	maxRemember  = 4096             // successes, and failing names, each
)

// guard checks logins against a users file, which it reads again when it
// changes, and slows down those who guess.
type guard struct {
	path string
	log  hclog.Logger
	key  [32]byte      // of the memory of successes
	busy chan struct{} // places to compute a hash in

	mu     sync.Mutex
	users  *Users
	stamp  stamp
	looked time.Time
	good   map[[32]byte]time.Time // successes, until when
	bad    failures
}

func newGuard(path string, log hclog.Logger) (*guard, error) {
	g := &guard{path: path, log: log, busy: make(chan struct{}, maxVerifying), stamp: stampOf(path), looked: time.Now()}
	rand.Read(g.key[:]) // never fails
	users, err := LoadUsers(path)
	if err != nil {
		return nil, err
	}
	g.users = users
	g.good = make(map[[32]byte]time.Time)
	return g, nil
}

// login gives the user, or the reply that refuses. It takes the same time for a
// user who does not exist. ctx bounds the wait for a place.
func (g *guard) login(ctx context.Context, c client, name, password string) (*user, *smtp.SMTPError) {
	if len(name) > maxUserName || len(password) > maxPassword {
		return nil, replyAuthFailed
	}
	u, known := g.find(name, time.Now())
	seal := g.seal(name, password, u.hash.text)
	if known && g.remembers(seal, time.Now()) {
		return u, nil
	}
	if g.blocked(c, name, time.Now()) {
		return nil, replyAuthLater
	}
	ok, r := g.verify(ctx, u.hash, password)
	if r != nil {
		return nil, r
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !ok || !known {
		g.bad.failed(failKeys(c, name), time.Now())
		return nil, replyAuthFailed
	}
	g.bad.forget(name)
	if len(g.good) >= maxRemember {
		clear(g.good)
	}
	g.good[seal] = time.Now().Add(keepLogin)
	return u, nil
}

// verify computes a hash when it has a place.
func (g *guard) verify(ctx context.Context, h hash, password string) (bool, *smtp.SMTPError) {
	ctx, cancel := context.WithTimeout(ctx, verifyWait)
	defer cancel()
	select {
	case g.busy <- struct{}{}:
		defer func() { <-g.busy }()
		return h.verify(password), nil
	case <-ctx.Done():
		return false, replyAuthBusy
	}
}

// find gives a user; for a name that is not there a stand-in, whose hash costs
// as much to check as another's.
func (g *guard) find(name string, now time.Time) (u *user, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refresh(now)
	if u := g.users.by[name]; u != nil {
		return u, true
	}
	for _, other := range g.users.by {
		return other, false
	}
	return &user{hash: hash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: g.key[:argonSalt], key: g.key[:]}}, false
}

// refresh reads the file again when it has changed. A file with faults leaves
// the old users in place.
func (g *guard) refresh(now time.Time) {
	if d := now.Sub(g.looked); d >= 0 && d < lookAgain {
		return
	}
	g.looked = now
	stamp := stampOf(g.path)
	if stamp == g.stamp {
		return
	}
	g.stamp = stamp
	users, err := LoadUsers(g.path)
	if err != nil {
		g.log.Warn("the new users file is not used", "error", err)
		return
	}
	g.users = users
	g.log.Info("users file read again", "file", g.path, "users", users.Len())
}

// adopt takes over the users that another has read; both may be nil.
func (g *guard) adopt(other *guard) {
	if g == nil || other == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users, g.stamp, g.looked = other.users, other.stamp, other.looked
}

// seal is what a success is remembered by: nothing that would help to guess.
func (g *guard) seal(name, password, hash string) [32]byte {
	m := hmac.New(sha256.New, g.key[:])
	for _, s := range []string{name, password, hash} {
		m.Write([]byte(s))
		m.Write([]byte{0})
	}
	return [32]byte(m.Sum(nil))
}

func (g *guard) remembers(seal [32]byte, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.good[seal]
	switch {
	case !ok:
		return false
	case now.After(until):
		delete(g.good, seal)
		return false
	}
	g.good[seal] = now.Add(keepLogin)
	return true
}

func (g *guard) blocked(c client, name string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bad.blocked(failKeys(c, name), now)
}
