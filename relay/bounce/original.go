package bounce

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/textproto"

	"relaykeep/relay"
)

// The bounds of what goes back of a message, in bytes. The first is that of
// the encoded form, too.
const (
	maxFull    = 512 << 10
	maxHeaders = 64 << 10
)

// returned is the third part of a report; the zero value is none.
type returned struct {
	mediaType string
	encoding  string // Content-Transfer-Encoding; "" for none
	content   []byte // encoded
	whole     bool   // the message, not its header alone
}

// originals are the two forms of what goes back of a message. The zero value is
// that of a message that cannot be read: nothing goes back.
type originals struct {
	header  returned
	message returned // none where it does not fit, or was not asked for
	notice  bool     // the message is a notice itself
}

// load reads what goes back of a message.
func load(body relay.Body, full, smtputf8 bool) (o originals) {
	most := int64(maxHeaders)
	if full = full && body.Size() <= maxFull; full {
		most = maxFull
	}
	raw, err := read(body, most)
	if err != nil {
		return originals{}
	}
	if full {
		o.message = wholeMessage(raw, smtputf8)
	}
	raw = section(raw)
	o.header = headerSection(raw, smtputf8)
	o.notice = isNotice(raw)
	return o
}

// isNotice reports whether a header section is that of a notice: of what became
// of a mail (RFC 3464), or of its reading (RFC 8098). Such a mail has the null
// sender, but some providers, and relaykeep in front of them, put an address in
// its place: a notice that comes back must not be answered all the same.
func isNotice(section []byte) bool {
	h, err := textproto.ReadHeader(bufio.NewReader(io.MultiReader(bytes.NewReader(section), strings.NewReader("\r\n"))))
	if err != nil {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "multipart/report" {
		return false
	}
	switch strings.ToLower(params["report-type"]) {
	case "delivery-status", "disposition-notification":
		return true
	}
	return false
}

// pick gives the form that is wanted, where there is that.
func (o originals) pick(full bool) returned {
	if full && o.message.mediaType != "" {
		return o.message
	}
	return o.header
}

// read gives the first bytes of a body, at most n.
func read(body relay.Body, n int64) ([]byte, error) {
	r, err := body.Open()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, n))
	return raw, errors.Join(err, r.Close())
}

// wholeMessage gives a message/rfc822, or a message/global (RFC 6532 3.7); none
// where the message does not fit into either. A message/rfc822 may not be
// encoded (RFC 2046 5.2.1), and 8-bit is not every provider's to carry.
func wholeMessage(raw []byte, smtputf8 bool) returned {
	switch {
	case isSevenBit(raw):
		return returned{mediaType: "message/rfc822", content: raw, whole: true}
	case !smtputf8:
		return returned{}
	}
	content := encode(raw)
	if len(content) > maxFull {
		return returned{}
	}
	return returned{mediaType: "message/global", encoding: quotedPrintable, content: content, whole: true}
}

// headerSection gives a text/rfc822-headers, or a message/global-headers
// (RFC 6533 6).
func headerSection(raw []byte, smtputf8 bool) returned {
	r := returned{mediaType: "text/rfc822-headers", content: raw}
	if smtputf8 && !isSevenBit(raw) && utf8.Valid(raw) {
		r.mediaType = "message/global-headers"
	}
	if !isSevenBit(raw) {
		r.encoding, r.content = quotedPrintable, encode(raw)
	}
	return r
}

// section is the header section that raw begins with, up to its last whole
// line where it is not all there.
func section(raw []byte) []byte {
	if end := bytes.Index(raw, []byte("\r\n\r\n")); end >= 0 {
		raw = raw[:end+2]
	}
	if len(raw) > maxHeaders {
		raw = raw[:maxHeaders]
	}
	return raw[:bytes.LastIndexByte(raw, '\n')+1]
}

const quotedPrintable = "quoted-printable"

// encode gives the quoted-printable form of what has CRLF line ends.
func encode(raw []byte) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Write(raw) // a Buffer does not fail
	w.Close()
	return b.Bytes()
}

// isSevenBit reports whether raw may stand in a mail as it is (RFC 2045 2.7):
// ASCII without NUL, lines of at most 998 bytes, CR and LF in pairs. Other
// control characters are not let through either: a reader may show a notice on
// a terminal.
func isSevenBit(raw []byte) bool {
	line := 0
	for i, c := range raw {
		switch {
		case c == '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				return false
			}
		case c == '\n':
			if i == 0 || raw[i-1] != '\r' {
				return false
			}
			line = 0
		case c < ' ' && c != '\t' || c >= 0x7f:
			return false
		default:
			if line++; line > 998 {
				return false
			}
		}
	}
	return true
}
