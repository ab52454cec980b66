package filter

import (
	"io"
	"net/netip"
	"strings"

	"relaykeep/relay"
	"relaykeep/relay/message"
)

// Mail is a message on its way through the filters, which may change its From,
// To, header and text. It belongs to one goroutine. The zero value is ready for
// Read, and is to be closed after it.
type Mail struct {
	ID       relay.ID
	Hostname string // of this relay
	Listener string
	Session  Session

	From string   // as relay.Message has it; "" is the null sender
	To   []string // as relay.Recipient has them
	UTF8 bool     // SMTPUTF8 was declared: addresses may go beyond ASCII

	MaxSize int64 // bytes of a text that a filter may put in place; 0: no bound

	header  []field
	text    *text
	foreign bool // the text is a filter's: its line ends may be anything
}

// Session is what is known of the client.
type Session struct {
	Client    netip.Addr // the zero Addr: a unix socket
	Port      uint16
	Hello     string // the name that it gave
	User      string // who logged in, "" for nobody
	Mechanism string // by which the user did
	TLS       string // the version ("TLSv1.3"), "" in clear
	Cipher    string
	Bits      int // of the cipher's key
}

// Read takes a message in, from its header section to the end of r. Errors are
// those of r and of message.ReadHeader; they match ErrFull where there is no
// room for it.
func (m *Mail) Read(r io.Reader, room *Room) error {
	header, whole, err := message.ReadHeader(r)
	if err != nil {
		return err
	}
	m.header = fieldsOf(header)
	if err := header.Skip(whole); err != nil {
		return err
	}
	m.text = &text{room: room}
	_, err = io.Copy(struct{ io.Writer }{m.text}, whole)
	return err
}

// Reader reads the message as it is now, with CRLF line ends. The Mail must not
// be closed before it was read.
func (m *Mail) Reader() io.Reader {
	var b strings.Builder
	for _, f := range m.header {
		b.WriteString(f.raw)
	}
	b.WriteString("\r\n")
	return io.MultiReader(strings.NewReader(b.String()), m.body())
}

// body reads the text.
func (m *Mail) body() io.Reader {
	if m.foreign {
		return &message.Newlines{Source: m.text.open()}
	}
	return m.text.open()
}

// replace takes another text for the message, and owns it.
func (m *Mail) replace(t *text) {
	m.text.close()
	m.text, m.foreign = t, true
}

// Close gives up what the message takes. It may be called again, and without
// Read.
func (m *Mail) Close() {
	if m.text != nil {
		m.text.close()
	}
}
