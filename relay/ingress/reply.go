package ingress

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-smtp"

	"relaykeep/relay"
	"relaykeep/relay/filter"
	"relaykeep/relay/message"
	"relaykeep/spool"
)

// The replies of sessions. Their texts are fixed; nothing of an error shows.
var (
	replyLocal         = reply(451, 4, 3, 0, "Local error, try again later")
	replyFull          = reply(452, 4, 3, 1, "Insufficient storage, try again later")
	replyDown          = reply(421, 4, 3, 2, "Shutting down, try again later")
	replyBroken        = reply(421, 4, 4, 2, "Connection broken off")
	replyRate          = reply(450, 4, 7, 1, "Too many messages, try again later")
	replyRecipients    = reply(452, 4, 5, 3, "Too many recipients")
	replyTooLarge      = reply(552, 5, 3, 4, "Message too large")
	replySender        = reply(553, 5, 1, 7, "Malformed sender address")
	replyRecipient     = reply(553, 5, 1, 3, "Malformed recipient address")
	replyNoRoute       = reply(550, 5, 1, 2, "No route to this recipient")
	replyLoop          = reply(554, 5, 4, 6, "Too many hops, this is a mail loop")
	replyHeader        = reply(554, 5, 6, 0, "Header section too large")
	replyLongHeader    = reply(554, 5, 6, 0, "A header line over 998 bytes that cannot be folded")
	replyLongText      = reply(554, 5, 6, 0, "A line over 998 bytes in a part that may not be changed")
	replyNewline       = reply(554, 5, 6, 0, "Bare CR or LF in the message")
	replyNested        = reply(503, 5, 5, 1, "A transaction is under way")
	replyNoTransaction = reply(503, 5, 5, 1, "No transaction is under way")
	replyHello         = reply(501, 5, 5, 4, "Malformed name")
	replyNeedTLS       = reply(530, 5, 7, 0, "Must issue a STARTTLS command first")
	replyNeedAuth      = reply(530, 5, 7, 0, "Authentication required")
	replyNotYours      = reply(550, 5, 7, 1, "Sender address not allowed for this login")
	replyAuthClear     = reply(538, 5, 7, 11, "Encryption required for authentication")
	replyAuthMech      = reply(504, 5, 5, 4, "Unknown authentication mechanism")
	replyAuthSyntax    = reply(501, 5, 5, 2, "Malformed authentication response")
	replyAuthFailed    = reply(535, 5, 7, 8, "Authentication failed")
	replyAuthOften     = reply(421, 4, 7, 0, "Too many failed logins")
	replyAuthLater     = reply(454, 4, 7, 0, "Too many failed logins, try again later")
	replyAuthBusy      = reply(454, 4, 7, 0, "Authentication is busy, try again later")
)

// Replies that are said outside of a session.
var (
	replyConnections = reply(421, 4, 3, 2, "Too many connections, try again later")
	replyPerClient   = reply(421, 4, 7, 0, "Too many connections from you, try again later")
	replyDenied      = reply(554, 5, 7, 1, "Access denied")
	replyErrors      = reply(421, 4, 7, 0, "Too many errors")
	replyIdle        = reply(421, 4, 4, 2, "Idle for too long")
	replySlow        = reply(421, 4, 4, 2, "Too slow")
	replyLongLine    = reply(500, 5, 5, 2, "Line too long")
	replyCharacters  = reply(500, 5, 5, 2, "Character not allowed in a command")
	replyChunk       = reply(501, 5, 5, 4, "Malformed BDAT")
	replyGivenUp     = reply(421, 4, 3, 0, "A transfer was given up, start again")
	replyTLSArgument = reply(501, 5, 5, 4, "STARTTLS takes no argument")
	replyTLSReady    = reply(220, 2, 0, 0, "Ready to start TLS")
	replyTLSEarly    = reply(503, 5, 5, 1, "Nothing may follow STARTTLS")
)

func reply(code, class, subject, detail int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// line is a reply as it goes over the wire.
func line(r *smtp.SMTPError) string {
	return fmt.Sprintf("%d %s %s\r\n", r.Code, enhanced(r), r.Message)
}

func enhanced(r *smtp.SMTPError) string {
	return fmt.Sprintf("%d.%d.%d", r.EnhancedCode[0], r.EnhancedCode[1], r.EnhancedCode[2])
}

// queuedPrefix begins the reply to a message that was accepted.
const queuedPrefix = "250 2.0.0 Ok: queued as "

// queued is the reply to a message that was accepted.
func queued(id relay.ID) *smtp.SMTPError {
	return reply(250, 2, 0, 0, "Ok: queued as "+string(id))
}

// toReply is the reply to an error. Errors of which nothing is known are ours:
// the client comes again. go-smtp knows a reply only as a bare *smtp.SMTPError.
func toReply(err error) *smtp.SMTPError {
	var r *smtp.SMTPError
	var unmendable *message.UnmendableError
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, spool.ErrFull), errors.Is(err, filter.ErrFull):
		return replyFull
	case errors.Is(err, errTooLarge):
		return replyTooLarge
	case errors.Is(err, message.ErrHeaderTooLarge):
		return replyHeader
	case errors.Is(err, message.ErrBareNewline):
		return replyNewline
	case errors.As(err, &unmendable) && unmendable.Header:
		return replyLongHeader
	case errors.As(err, &unmendable):
		return replyLongText
	case errors.Is(err, errBroken), errors.Is(err, smtp.ErrDataReset):
		return replyBroken
	case errors.Is(err, context.Canceled):
		return replyDown
	}
	return replyLocal
}
