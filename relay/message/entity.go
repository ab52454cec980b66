package message

import "strings"

// entity is one part of a message that has a header section of its own: the
// message itself, a part of a multipart, or a message within (RFC 2045 2.4).
type entity struct {
	parent    *entity // nil: it is the message
	index     int     // in the order of the header sections, from 0
	depth     int     // the number of parents
	kind      structure
	media     mediaType
	typed     bool // there is a Content-Type field
	versioned bool // there is a MIME-Version field
	encoding  encoding
	wide      bool // the encoding is 8bit or binary by name
	sealed    bool // within a signed or encrypted part, its header section too
	parts     int  // of a multipart, so far
}

// structure is what the text of an entity is made of.
type structure uint8

const (
	leaf    structure = iota
	multi             // parts; its own text is what stands before the first and after the last
	nested            // a message
	unknown           // a structure that is not followed: too deep, too much, or unclear
)

// encoding is a Content-Transfer-Encoding (RFC 2045 6).
type encoding uint8

const (
	identity encoding = iota // 7bit, 8bit, binary, or none
	quotedPrintable
	base64Encoding
	otherEncoding
)

// parseSection reads a whole header section.
func parseSection(raw []byte) *Header {
	h := &Header{raw: raw, exhausted: true}
	h.parse()
	return h
}

// newEntity reads what a header section says of what follows it. inDigest says
// that it is a part of a multipart/digest, whose parts are messages unless
// they say otherwise (RFC 2046 5.1.5).
func newEntity(h *Header, inDigest bool) *entity {
	e := &entity{media: mediaType{major: "text", minor: "plain"}}
	if inDigest {
		e.media = mediaType{major: "message", minor: "rfc822"}
	}
	if h.Count("Content-Type") > 0 {
		e.typed = true
		e.media = parseMediaType(h.first("Content-Type"))
	}
	e.versioned = h.Count("Mime-Version") > 0
	e.encoding, e.wide = parseEncoding(h.first(encodingField))
	switch {
	case !e.media.plain(), e.media.unclear && e.media.composite(), e.media.major == "multipart" && e.media.boundary == "":
		e.kind = unknown
	case e.media.major == "multipart":
		e.kind = multi
	case e.media.major == "message" && e.media.minor == "rfc822" && e.encoding == identity:
		e.kind = nested
	}
	return e
}

// isMessage reports whether the entity is a message, by itself or within.
func (e *entity) isMessage() bool { return e.parent == nil || e.parent.kind == nested }

// parseEncoding reads the value of a Content-Transfer-Encoding field. wide says
// that it names content that is not 7bit. Two spellings that senders have got
// wrong for long are known: receivers take content under an encoding that they
// do not know as it is, and so do those two. Where more follows than the
// encoding, receivers differ in whether they know it.
func parseEncoding(value string) (e encoding, wide bool) {
	token, _ := cutToken(skipComments(value))
	switch strings.ToLower(token) {
	case "", "7bit", "7-bit":
		return identity, false
	case "8bit", "8-bit", "binary":
		return identity, true
	case "quoted-printable":
		e = quotedPrintable
	case "base64":
		e = base64Encoding
	default:
		return otherEncoding, false
	}
	if token != value {
		return otherEncoding, false
	}
	return e, false
}

// seals reports whether what is within the entity is signed or encrypted, so
// that no byte of it may change (RFC 1847 2.1, RFC 8551 3.1).
func (e *entity) seals() bool {
	switch e.media.major {
	case "multipart":
		return e.media.minor == "signed" || e.media.minor == "encrypted"
	case "application":
		return strings.HasPrefix(strings.TrimPrefix(e.media.minor, "x-"), "pkcs7-")
	}
	return false
}

// mendable reports whether the text of the entity may be encoded anew: not what
// is sealed, nor what is encoded or made up in a way that is not known. The
// types of message/ but rfc822 and those of RFC 6532 must stay 7bit (RFC 2046
// 5.2).
func (e *entity) mendable() bool {
	switch {
	case e.sealed, e.seals(), e.kind == unknown, e.encoding == otherEncoding:
		return false
	case e.kind == leaf && e.media.major == "message":
		return e.encoding != identity || strings.HasPrefix(e.media.minor, "global")
	}
	return true
}
