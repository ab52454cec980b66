package message

// The bounds of the structure that is followed. What is beyond is passed on as
// it is, and may not be changed.
const (
	maxDepth    = 20
	maxEntities = 5000

	// maxLineLength is that of a line without its end, in bytes (RFC 5322
	// 2.1.1).
	maxLineLength = 998
)

// visitor is told of a message in the order of its bytes. Each byte is in the
// argument of one call of section, text or delimiter; what they are given is
// theirs until they return.
type visitor interface {
	// section: the whole header section of a new entity, with the empty line
	// that closes it if there is one.
	section(e *entity, raw []byte)
	// text: a piece of the text of e. The line end before a delimiter is none
	// of it.
	text(e *entity, piece []byte)
	// longLine: a line of the text of e has more than maxLineLength bytes.
	longLine(e *entity)
	// end: the text of e has ended; last: nothing follows, not even a delimiter.
	// What stands before the parts of a multipart and what stands behind end
	// one by one.
	end(e *entity, last bool)
	// delimiter: a line between parts, with the line end before it. Where the
	// message ends instead, it is that line end.
	delimiter(raw []byte)
}

// walker follows the MIME structure of a message with CRLF line ends that is
// written to it in pieces of any size. Its memory is bounded by MaxHeader and
// maxDepth. It sees parts as receivers do: a boundary counts where it stands
// alone on its line, that of an outer multipart before that of an inner one.
type walker struct {
	visitor visitor
	open    []*entity // multiparts whose boundary is looked for, outermost first
	seen    int       // entities

	// Within a header section cur is nil.
	cur    *entity // whose text it is
	parent *entity // of the section; nil: it is the message's
	head   []byte  // the section so far, and a line that is not judged yet
	judged int     // bytes of head
	fields int

	// Within text.
	at   place
	held []byte // not told yet: see place
	eol  int    // the length of the line end that held begins with
	col  int    // bytes of the line that were told
}

// place is where in a line the walker is.
type place uint8

const (
	lineStart place = iota // held is the line end before, if it may be part of a delimiter
	midLine                // nothing is held
	afterCR                // held is the CR, which may begin a line end
	candidate              // held is the line end before, and a line that may be a delimiter
)

func newWalker(v visitor) *walker { return &walker{visitor: v} }

// write goes on with the next piece.
func (w *walker) write(p []byte) {
	for len(p) > 0 {
		if w.cur == nil {
			p = p[w.readSection(p):]
		} else {
			p = p[w.readText(p):]
		}
	}
}

// close ends the message. It is called once, and nothing is written after it.
func (w *walker) close() {
	for w.cur == nil && w.judged < len(w.head) {
		w.judge()
	}
	if w.at == candidate {
		if e, closing := w.delimits(w.held[w.eol:]); e != nil {
			w.cross(e, closing, w.takeHeld())
		}
	}
	w.forceText()
	w.countLine(len(w.held) - w.eol)
	if w.at == lineStart && len(w.held) > 0 { // the end of the message stands for a delimiter
		w.visitor.end(w.cur, false)
		w.visitor.delimiter(w.takeHeld())
		return
	}
	w.tell(w.takeHeld())
	w.visitor.end(w.cur, true)
}
