package main

import (
	"strings"
)

// grid is a short list in columns, the last of which is prose: on a terminal
// that has no room for it beside the others it goes below its row.
type grid struct {
	heads []string
	rows  [][]string // as long as heads
	width int        // of the terminal; 0: none
}

// String gives the list. What does not fit into the width is cut, but for the
// prose, which goes on in the next line.
func (g grid) String() string {
	last := len(g.heads) - 1
	widths := make([]int, len(g.heads))
	for _, row := range append([][]string{g.heads}, g.rows...) {
		for i, c := range row {
			widths[i] = max(widths[i], cells(c))
		}
	}
	whole := columnGap * last
	for _, w := range widths {
		whole += w
	}
	folded := g.width > 0 && whole > g.width
	p := page{width: g.width}
	g.row(&p, widths, g.heads, folded)
	for _, row := range g.rows {
		g.row(&p, widths, row, folded)
		if folded && row[last] != "" {
			p.line(foldedIndent, row[last])
		}
	}
	return p.String()
}

func (g grid) row(p *page, widths []int, row []string, folded bool) {
	if folded {
		row = row[:len(row)-1]
	}
	var parts []string
	for i, c := range row {
		parts = append(parts, pad(c, widths[i]))
	}
	writeLine(&p.Builder, strings.Join(parts, strings.Repeat(" ", columnGap)), g.width)
}
