package relay

// Content says what a stored body holds that not every server takes, so that a
// message which needs no work on its way out is not read to find that out. The
// zero value says that nobody has looked.
type Content uint8

// What a body holds.
const (
	ContentKnown     Content = 1 << iota // somebody has looked: what is not said is not there
	ContentEightBit                      // bytes that are not ASCII, in a header section or a text
	ContentLongLines                     // lines over 998 bytes (RFC 5321 4.5.3.1.6)
)

// Has reports whether all of these are said.
func (c Content) Has(what Content) bool { return c&what == what }
