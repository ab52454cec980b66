package ingress

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lookAgain is the least time between two looks at files that may change.
const lookAgain = time.Second

// certificates serve the pair of a listener and read it again when its files
// change. A new pair that cannot be read leaves the old one in use.
type certificates struct {
	opts   TLSOptions
	log    hclog.Logger
	config *tls.Config

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  [2]stamp
	looked time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	mod  time.Time
	size int64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// loadCertificates reads the pair for the first time.
func loadCertificates(o TLSOptions, log hclog.Logger) (*certificates, error) {
	c := &certificates{opts: o, log: log}
	c.config = &tls.Config{
		MinVersion: o.MinVersion,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current(time.Now()), nil
		},
	}
	c.stamp = c.stamps()
	pair, err := c.read()
	if err != nil {
		return nil, err
	}
	c.pair, c.looked = pair, time.Now()
	return c, nil
}

// adopt takes over what another has read; both may be nil.
func (c *certificates) adopt(other *certificates) {
	if c == nil || other == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair, c.stamp, c.looked = other.pair, other.stamp, other.looked
}

func (c *certificates) stamps() [2]stamp {
	return [2]stamp{stampOf(c.opts.CertFile), stampOf(c.opts.KeyFile)}
}

func (c *certificates) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.opts.CertFile, c.opts.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", c.opts.CertFile, c.opts.KeyFile, err)
	}
	return &pair, nil
}

// current gives the pair, after a look at the files.
func (c *certificates) current(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := now.Sub(c.looked); d >= 0 && d < lookAgain {
		return c.pair
	}
	c.looked = now
	stamp := c.stamps()
	if stamp == c.stamp {
		return c.pair
	}
	c.stamp = stamp
	pair, err := c.read()
	if err != nil {
		c.log.Warn("the new certificate is not used", "error", err)
		return c.pair
	}
	c.pair = pair
	c.log.Info("certificate read again", "file", c.opts.CertFile)
	return pair
}
