package main

import (
	"io"
	"strings"
)

// layout holds the widths of the columns of a list of messages. On a terminal
// that is too narrow for the whole row it folds: sender, recipient and reply
// go to the lines below.
type layout struct {
	known  bool
	folded bool
	widths []int
}

// heads are the titles of the columns; the last three are what is folded.
func heads() []string {
	return []string{"ID", "AGE", "SIZE", "STATE", "UPSTREAM", "TRIES", "NEXT", "FROM", "TO", "LAST REPLY"}
}

const (
	upstreamColumn = 4 // its place among the heads
	foldedColumns  = 3
	columnGap      = 2
	maxReply       = 60 // of the last column where the row is not folded, on a terminal
	maxUpstream    = 16 // where the row is folded
	foldedIndent   = "    "
)

func (r messageRow) cells() []string {
	return []string{r.id, r.age, r.size, r.state, r.upstream, r.attempts, r.next, r.from, r.to, r.last}
}

// flush prints the page. The first page decides about the layout, which later
// ones only widen.
func (t *messageTable) flush() error {
	if len(t.page) == 0 {
		return nil
	}
	first := !t.layout.known
	t.layout.fit(t.page, t.width)
	var b strings.Builder
	if first {
		t.layout.row(&b, heads(), t.width)
	}
	for _, r := range t.page {
		t.layout.row(&b, r.cells(), t.width)
		if t.layout.folded {
			foldedLines(&b, r, t.width)
		}
	}
	t.page = t.page[:0]
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (l *layout) fit(page []messageRow, width int) {
	if !l.known {
		for _, h := range heads() {
			l.widths = append(l.widths, cells(h))
		}
	}
	for _, r := range page {
		for i, c := range r.cells() {
			l.widths[i] = max(l.widths[i], cells(c))
		}
	}
	if !l.known && width > 0 {
		least := 0 // what a row takes with a reply that is worth reading
		for i, w := range l.widths {
			if i == len(l.widths)-1 {
				w = min(w, maxReply)
			}
			least += w + columnGap
		}
		l.folded = least-columnGap > width
	}
	if l.folded {
		l.widths[upstreamColumn] = min(l.widths[upstreamColumn], maxUpstream)
	}
	l.known = true
}

// row prints one line, cut to the width of the terminal.
func (l *layout) row(b *strings.Builder, cells []string, width int) {
	n := len(cells)
	if l.folded {
		n -= foldedColumns
	}
	var line strings.Builder
	for i, c := range cells[:n] {
		if i > 0 {
			line.WriteString(strings.Repeat(" ", columnGap))
		}
		if l.folded {
			c = shorten(c, l.widths[i])
		}
		line.WriteString(pad(c, l.widths[i]))
	}
	writeLine(b, line.String(), width)
}

// foldedLines prints what a folded row leaves: sender, recipient and reply, on
// one line where it is long enough.
func foldedLines(b *strings.Builder, r messageRow, width int) {
	const arrow = " → "
	to := shortenAddress(r.to, max(minColumns/2, width-cells(foldedIndent+r.from+arrow)))
	line := foldedIndent + r.from + arrow + to
	switch {
	case r.last == "":
	case cells(line)+2+cells(r.last) <= width:
		line += ": " + r.last
	default:
		writeLine(b, line, width)
		line = foldedIndent + r.last
	}
	writeLine(b, line, width)
}

// writeLine ends a line without blanks, cut to the width where there is one.
func writeLine(b *strings.Builder, line string, width int) {
	line = strings.TrimRight(line, " ")
	if width > 0 {
		line = shorten(line, width)
	}
	b.WriteString(line)
	b.WriteByte('\n')
}
