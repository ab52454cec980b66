package outgoing

import (
	"bytes"
	"io"
	"strings"

	"relaykeep/relay"
	"relaykeep/relay/message"
)

// content is a message as it is sent: a relay.Body made of the stored one.
type content struct {
	signature string // fields on top
	head      []byte // the header section and its empty line; nil: the stored one
	text      int64  // where the text begins in the stored body; counts where there is a head
	plan      *message.Plan
	stored    relay.Body
	size      int64 // without the signature; -1: not known yet
}

// Open implements relay.Body.
func (c *content) Open() (io.ReadCloser, error) {
	r, err := c.unsigned()
	if err != nil || c.signature == "" {
		return r, err
	}
	return source{io.MultiReader(strings.NewReader(c.signature), r), r}, nil
}

// Size implements relay.Body.
func (c *content) Size() int64 { return int64(len(c.signature)) + c.size }

// unsigned opens the content without the signature.
func (c *content) unsigned() (io.ReadCloser, error) {
	stored, err := c.stored.Open()
	if err != nil {
		return nil, err
	}
	var r io.Reader = stored
	if c.head != nil {
		if _, err := io.CopyN(io.Discard, stored, c.text); err != nil {
			stored.Close()
			return nil, err
		}
		r = io.MultiReader(bytes.NewReader(c.head), stored)
	}
	if c.plan != nil {
		r = c.plan.Reader(r)
	}
	return source{r, stored}, nil
}

// source is a reader with what it closes.
type source struct {
	io.Reader
	io.Closer
}
