package bounce

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/textproto"

	"relaykeep/relay"
)

// notice is all that a notice is made of.
type notice struct {
	id       relay.ID
	cause    cause
	hostname string
	from     string // the address in From
	to       string // the address in To
	now      time.Time

	original relay.Message
	returned returned
	of       []relay.Recipient // whom it tells of, at least one

	remoteHost func(upstream string) string
	meaning    func(rule string) string
}

// part is a part of the multipart/report. Its content is encoded.
type part struct {
	mediaType, description, encoding string
	content                          []byte
}

// compose makes the notice. It is a pure function: the same notice comes out
// the same, so that it may be made again.
func compose(n *notice) ([]byte, error) {
	parts := n.parts()
	limit := boundary(n.id, parts)
	fields := append(n.fields(), [2]string{"Content-Type", "multipart/report; report-type=delivery-status; boundary=\"" + limit + "\""})
	var b bytes.Buffer
	if err := textproto.WriteHeader(&b, header(fields)); err != nil {
		return nil, fmt.Errorf("the header of a notice: %w", err)
	}
	w := textproto.NewMultipartWriter(&b)
	if err := w.SetBoundary(limit); err != nil {
		return nil, err
	}
	for _, p := range parts {
		pw, err := w.CreatePart(header(p.fields()))
		if err != nil {
			return nil, fmt.Errorf("a part of a notice: %w", err)
		}
		if _, err := pw.Write(p.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// header makes a header of fields, in their order.
func header(fields [][2]string) (h textproto.Header) {
	for _, f := range slices.Backward(fields) { // what is added goes on top
		h.AddRaw(field(f[0], f[1]))
	}
	return h
}

func (p part) fields() [][2]string {
	list := [][2]string{{"Content-Description", p.description}, {"Content-Type", p.mediaType}}
	if p.encoding != "" {
		list = append(list, [2]string{"Content-Transfer-Encoding", p.encoding})
	}
	return list
}

// fields are those of the header, but for Content-Type.
func (n *notice) fields() [][2]string {
	list := [][2]string{
		{"From", "Mail Delivery System <" + n.from + ">"},
		{"To", toField(n.to)},
		{"Subject", encodedWords(n.subject())},
		{"Date", date(n.now)},
		{"Message-ID", messageID(n.id, n.hostname)},
	}
	if id := n.original.MessageID; isMessageID(id) {
		list = append(list, [2]string{"In-Reply-To", id}, [2]string{"References", id})
	}
	return append(list,
		[2]string{"Auto-Submitted", "auto-replied"}, // RFC 3834 5
		[2]string{"MIME-Version", "1.0"},
	)
}

// subject is that of the notice; it names that of the message.
func (n *notice) subject() string {
	s := [...]string{failed: "Undeliverable", delayed: "Delayed", relayed: "Relayed"}[n.cause]
	if about := textLine(decoded(n.original.Subject), relay.MaxSubject); about != "" {
		return s + ": " + about
	}
	return s + " mail"
}

func messageID(id relay.ID, hostname string) string {
	return "<" + string(id) + "@" + hostname + ">"
}

// toField is an address as a header field has it. One that is not ASCII is
// written as the empty group of RFC 6857 3.1.7, so that the notice can go where
// SMTPUTF8 is not spoken, too.
func toField(address string) string {
	if isASCII(address) {
		return "<" + address + ">"
	}
	return mime.BEncoding.Encode("utf-8", address) + ":;"
}

// decoded reads the encoded words of RFC 2047 in s, as far as it can.
func decoded(s string) string {
	d, err := (&mime.WordDecoder{CharsetReader: charset.Reader}).DecodeHeader(s)
	if err != nil {
		return s
	}
	return d
}

// encodedWords gives s as ASCII.
func encodedWords(s string) string { return mime.QEncoding.Encode("utf-8", s) }

// isMessageID reports whether s is a message identifier that may stand in a
// header field of ours.
func isMessageID(s string) bool {
	return len(s) > 2 && len(s) <= hardLine-len("In-Reply-To: ") && isASCII(s) &&
		s[0] == '<' && strings.IndexByte(s, '>') == len(s)-1 &&
		!strings.ContainsAny(s[1:], "< ()") && strings.Contains(s, "@")
}

// parts makes the parts, in their order.
func (n *notice) parts() []part {
	r := n.report()
	list := []part{textPart(n.text(r.told))}
	status := part{mediaType: "message/delivery-status", description: "Delivery report", content: r.content}
	if r.utf8 {
		status.mediaType = "message/global-delivery-status"
		status.encoding, status.content = quotedPrintable, encode(r.content)
	}
	list = append(list, status)
	if n.returned.mediaType != "" {
		back := part{n.returned.mediaType, "Header of the message", n.returned.encoding, n.returned.content}
		if n.returned.whole {
			back.description = "The message"
		}
		list = append(list, back)
	}
	return list
}

func textPart(text string) part {
	p := part{mediaType: "text/plain; charset=utf-8", description: "Notice", content: []byte(text)}
	if !isSevenBit(p.content) {
		p.encoding, p.content = quotedPrintable, encode(p.content)
	}
	return p
}

// boundary makes one that is in none of the parts.
func boundary(id relay.ID, parts []part) string {
	sum := sha256.New()
	sum.Write([]byte(id))
	for {
		limit := "report-" + hex.EncodeToString(sum.Sum(nil)[:16])
		free := true
		for _, p := range parts {
			free = free && !bytes.Contains(p.content, []byte(limit))
		}
		if free {
			return limit
		}
		sum.Write([]byte{0})
	}
}

// values gives the values of a field of the header, for routing.
func (n *notice) values(name string) []string {
	var all []string
	for _, f := range n.fields() {
		if strings.EqualFold(f[0], name) {
			all = append(all, f[1])
		}
	}
	return all
}
