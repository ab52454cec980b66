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

// printTable prints the medians, and the first one's ratio to each other's.
func printTable(w io.Writer, all []contestant, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "load\trelay\taccepted/s\tend to end/s\tCPU/message\tpeak memory (anonymous)")
	for _, r := range rows {
		for i, one := range all {
			m := medians(r.results[i])
			fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%s\t%.0f MiB\n", r.name, one.name(), m.accept, m.endToEnd,
				m.cpu.Round(time.Microsecond), float64(m.peak)/(1<<20))
		}
		for i := 1; i < len(all); i++ {
			a, b := medians(r.results[0]), medians(r.results[i])
			fmt.Fprintf(t, "\t%s : %s\t%.2f\t%.2f\t%.2f\t%.2f\n", all[0].name(), all[i].name(), a.accept/b.accept, a.endToEnd/b.endToEnd,
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
