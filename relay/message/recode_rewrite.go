package message

// rewriter is the visitor of Plan.Reader.
type rewriter struct {
	plan *Plan
	out  []byte // not read yet

	of     *entity // whose text goes on; nil: none
	enc    encoder // of it; nil: as it is
	within bool    // what enc gave ends within a line
}

// encoder encodes the text of a part in pieces, and appends it to dst.
type encoder interface {
	write(dst, text []byte) []byte
	end(dst []byte) []byte // gives what is left
}

func (p *Plan) action(e *entity) action {
	if e.index < len(p.actions) {
		return p.actions[e.index]
	}
	return action{}
}

func (r *rewriter) section(e *entity, raw []byte) {
	a := r.plan.action(e)
	if !a.section && a.encoding == "" && a.mediaType == "" && !a.version {
		r.out = append(r.out, raw...)
		return
	}
	for _, f := range parseSection(raw).Fields() {
		if a.encoding == "" || !f.Is(encodingField) {
			r.out, _, _ = r.plan.recode.field(r.out, f) // the plan was made because it can be done
		}
	}
	r.add(a.version, "MIME-Version", "1.0")
	r.add(a.mediaType != "", "Content-Type", a.mediaType)
	r.add(a.encoding != "", encodingField, a.encoding)
	r.out = append(r.out, crlf...)
}

const encodingField = "Content-Transfer-Encoding"

func (r *rewriter) add(wanted bool, name, value string) {
	if wanted {
		r.out = append(r.out, NewField(name, value).Raw()...)
	}
}

// field appends a field as it has to be. ok is false where a line of it stays
// too long; the error is an *AddressError.
func (c Recode) field(dst []byte, f Field) (out []byte, ok bool, err error) {
	if c.Header {
		if f, err = Downgrade(f); err != nil {
			return dst, false, err
		}
	}
	if c.LongLines && tooLong(f.Raw()) {
		out, ok = fold(dst, f.Raw())
		return out, ok, nil
	}
	return append(dst, f.Raw()...), true, nil
}

func (r *rewriter) text(e *entity, piece []byte) {
	if r.of != e {
		r.of, r.enc, r.within = e, r.plan.encoder(e), false
	}
	if r.enc == nil {
		r.out = append(r.out, piece...)
		return
	}
	r.encoded(r.enc.write(r.out, piece))
}

func (r *rewriter) encoded(out []byte) {
	if len(out) > len(r.out) {
		r.within = out[len(out)-1] != '\n'
	}
	r.out = out
}

func (r *rewriter) longLine(*entity) {}

// end writes what is left of a text. A delimiter brings the line end with it.
func (r *rewriter) end(_ *entity, last bool) {
	if r.enc != nil {
		r.encoded(r.enc.end(r.out))
		if last && r.within {
			r.out = append(r.out, crlf...)
		}
	}
	r.of, r.enc = nil, nil
}

func (r *rewriter) delimiter(raw []byte) { r.out = append(r.out, raw...) }

func (p *Plan) encoder(e *entity) encoder {
	switch p.action(e).text {
	case toQuoted:
		return &quoter{}
	case toBase64:
		return &base64er{}
	case requote:
		return &requoter{quoter: quoter{keep: true}}
	case rewrap:
		return &rewrapper{}
	case around:
		return &filler{ascii: p.recode.EightBit}
	}
	return nil
}

// filler passes on what stands around parts: it breaks lines that are too
// long, and has a question mark for what is not ASCII.
type filler struct {
	ascii bool
	col   int
}

func (f *filler) write(dst, text []byte) []byte {
	for _, c := range text {
		if c == '\n' {
			f.col = 0
			dst = append(dst, c)
			continue
		}
		if f.col == maxLineLength && c != '\r' {
			dst = append(dst, "\r\n "...) // no delimiter begins with a space
			f.col = 1
		}
		if f.ascii && c >= 0x80 {
			c = '?'
		}
		if c != '\r' {
			f.col++
		}
		dst = append(dst, c)
	}
	return dst
}

func (f *filler) end(dst []byte) []byte { return dst }
