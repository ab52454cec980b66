package upstreamtest

import (
	"crypto/tls"
	"net"
)

// Options say how a Server behaves where no script says otherwise. The zero
// value is a provider in clear, without login, that takes everything.
type Options struct {
	// Listener is where to accept connections; the server closes it. Nil: a
	// free port on 127.0.0.1.
	Listener net.Listener

	Hostname string // in the greeting and EHLO; "": provider.test

	// Extensions are the EHLO lines beside SIZE, STARTTLS and AUTH, which
	// follow from what is below. Nil: DefaultExtensions.
	Extensions []string
	MaxSize    int64 // announced as SIZE, and the most that is taken; 0: 64 MiB, not announced

	Certificate  *tls.Certificate // nil: no TLS
	Implicit     bool             // TLS from the first byte
	HideSTARTTLS bool             // not offered, as if a box in the way had stripped it

	// Users are those who may log in by PLAIN and LOGIN, with their passwords;
	// Token decides about XOAUTH2. Where one of them is set, MAIL wants a login.
	// AUTH is offered once TLS is on, or in clear where there is no
	// certificate.
	Users       map[string]string
	Token       func(user, token string) bool
	Mechanisms  []string // what to offer instead of what Users and Token imply
	AuthInClear bool     // offer AUTH before TLS, too

	// Light keeps envelopes and sizes only, no bodies and no commands: for
	// load.
	Light bool
}

// DefaultExtensions are what a good provider offers, beside SIZE, STARTTLS and
// AUTH. The caller owns the slice.
func DefaultExtensions() []string {
	return []string{"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"}
}

const defaultMaxSize = 64 << 20

func (o Options) withDefaults() Options {
	if o.Hostname == "" {
		o.Hostname = "provider.test"
	}
	if o.Extensions == nil {
		o.Extensions = DefaultExtensions()
	}
	if o.Mechanisms == nil && o.Users != nil {
		o.Mechanisms = append(o.Mechanisms, "PLAIN", "LOGIN")
	}
	if o.Mechanisms == nil && o.Token != nil {
		o.Mechanisms = append(o.Mechanisms, "XOAUTH2")
	}
	return o
}

// wantsLogin reports whether MAIL is refused to who has not logged in.
func (o Options) wantsLogin() bool { return o.Users != nil || o.Token != nil }

func (o Options) maxSize() int64 {
	if o.MaxSize > 0 {
		return o.MaxSize
	}
	return defaultMaxSize
}
