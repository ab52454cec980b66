package outgoing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"relaykeep/relay"
	"relaykeep/relay/message"
)

// draft is a content on its way to be sent.
type draft struct {
	ctx context.Context
	content
	changed []string // what tells it from the stored one
}

// recodeVersion counts the changes of message.Recode after which the same
// message becomes another one: signatures of before are of no use then.
const recodeVersion = "relaykeep recode 1"

// rewrite puts another header section in the place of the stored one, if that
// is to change.
func (d *draft) rewrite(r message.Rewrite) error {
	h, err := d.header()
	if err != nil {
		return err
	}
	before := h.Fields()
	old, head := section(before), section(r.Apply(before))
	if bytes.Equal(head, old) {
		return nil
	}
	d.head, d.text = head, h.Text()
	d.size += int64(len(d.head)) - d.text
	sum := sha256.Sum256(d.head)
	d.changed = append(d.changed, "header", string(sum[:]))
	return nil
}

// section joins fields and closes them by the empty line.
func section(fields []message.Field) []byte {
	var b []byte
	for _, f := range fields {
		b = append(b, f.Raw()...)
	}
	return append(b, "\r\n"...)
}

// header reads the stored header section.
func (d *draft) header() (*message.Header, error) {
	r, err := d.stored.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, _, err := message.ReadHeader(r)
	if errors.Is(err, message.ErrHeaderTooLarge) {
		return nil, tooLargeHeader()
	}
	return h, err
}

// recode finds out what has to be encoded anew.
func (d *draft) recode(c message.Recode) error {
	r, err := d.open()
	if err != nil {
		return err
	}
	defer r.Close()
	plan, err := c.Plan(r)
	var (
		mime    *message.UnmendableError
		address *message.AddressError
	)
	switch {
	case errors.As(err, &mime):
		return unmendable(mime)
	case errors.As(err, &address):
		return needsUTF8(address)
	case err != nil:
		return err
	case !plan.Needed():
		return nil
	}
	d.plan, d.size = plan, -1
	d.changed = append(d.changed, recodeVersion, fmt.Sprintf("%+v", c))
	return nil
}

// sign puts the signatures on top: those of an earlier attempt, or new ones,
// which it returns.
func (d *draft) sign(s Signer, stored [32]byte, kept []relay.Signature) (made *relay.Signature, err error) {
	fingerprint := s.Fingerprint(stored, d.changed...)
	for i := range kept {
		if kept[i].Fingerprint == fingerprint {
			d.signature = kept[i].Fields
			return nil, nil
		}
	}
	r, err := d.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	read := &counted{r: r}
	fields, err := s.Sign(read)
	switch {
	case read.err != nil && read.err != io.EOF:
		return nil, read.err
	case err != nil:
		return nil, notSigned(err)
	case fields == "":
		return nil, nil
	}
	if d.size < 0 && read.err == io.EOF {
		d.size = read.n
	}
	d.signature = fields
	return &relay.Signature{Fingerprint: fingerprint, Fields: fields}, nil
}

// measure finds out the size where nobody has read all of it.
func (d *draft) measure() error {
	if d.size >= 0 {
		return nil
	}
	r, err := d.open()
	if err != nil {
		return err
	}
	defer r.Close()
	d.size, err = io.Copy(io.Discard, r)
	return err
}

// open begins to read the draft. It breaks off when the attempt does.
func (d *draft) open() (io.ReadCloser, error) {
	r, err := d.content.unsigned()
	if err != nil {
		return nil, err
	}
	return &interruptible{r, d.ctx}, nil
}

// body gives what is sent: the stored body itself where it has not changed.
func (d *draft) body() relay.Body {
	if d.signature == "" && d.head == nil && d.plan == nil {
		return d.stored
	}
	c := d.content
	return &c
}

// interruptible is a reader that ends with a context.
type interruptible struct {
	io.ReadCloser
	ctx context.Context
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.ReadCloser.Read(p)
}

// counted counts what is read, and keeps the error.
type counted struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
