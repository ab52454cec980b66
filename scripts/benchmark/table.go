package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is a scenario and its results, by relay and round.
type row struct {
	scenario
	results [][]result
}

// printTable prints the medians, and the first relay's ratio to the second's.
func printTable(w io.Writer, relays []relay, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "load\trelay\taccepted/s\tend to end/s\tCPU/message\tpeak memory (anonymous)")
	for _, r := range rows {
		for i, one := range relays {
			m := medians(r.results[i])
			fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%s\t%.0f MiB\n", r.name, one.name(), m.accept, m.endToEnd,
				m.cpu.Round(time.Microsecond), float64(m.peak)/(1<<20))
		}
		if len(relays) == 2 {
			a, b := medians(r.results[0]), medians(r.results[1])
			fmt.Fprintf(t, "\tratio\t%.2f\t%.2f\t%.2f\t%.2f\n", a.accept/b.accept, a.endToEnd/b.endToEnd,
				float64(a.cpu)/float64(b.cpu), float64(a.peak)/float64(b.peak))
		}
	}
	return t.Flush()
}

func medians(rs []result) result {
	return result{
		accept:   median(rs, func(r result) float64 { return r.accept }),
		endToEnd: median(rs, func(r result) float64 { return r.endToEnd }),
		cpu:      time.Duration(median(rs, func(r result) float64 { return float64(r.cpu) })),
		peak:     int64(median(rs, func(r result) float64 { return float64(r.peak) })),
	}
}

func median(rs []result, of func(result) float64) float64 {
	var values []float64
	for _, r := range rs {
		values = append(values, of(r))
	}
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}
