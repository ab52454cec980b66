package classify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"syscall"

	"relaykeep/relay"
	"relaykeep/upstream"
)

// kindOf says what kind of error kept a reply from coming. It never gives
// ErrAny.
func kindOf(err error, stage relay.Stage) ErrorKind {
	var dns *net.DNSError
	switch {
	case err == nil:
		return ErrOther
	case errors.Is(err, relay.ErrBodyDamaged):
		return ErrBodyDamaged
	case errors.Is(err, context.Canceled):
		return ErrInterrupted
	case errors.Is(err, upstream.ErrLoginRefused):
		return ErrLogin
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return ErrDNSNotFound
		}
		return ErrDNSTemporary
	case isTimeout(err):
		return ErrTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrRefused
	case isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EADDRNOTAVAIL):
		return ErrUnreachable
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE):
		return ErrClosed
	case isTLS(err):
		return ErrTLS
	case isProtocol(err):
		return ErrProtocol
	case stage == relay.StageTLS: // alerts of the other side have no type of their own
		return ErrTLS
	}
	return ErrOther
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return isAny(err, os.ErrDeadlineExceeded, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		authority   x509.UnknownAuthorityError
		host        x509.HostnameError
		invalid     x509.CertificateInvalidError
	)
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

func isProtocol(err error) bool {
	var p textproto.ProtocolError
	return errors.As(err, &p)
}
