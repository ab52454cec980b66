package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	progressAfter = time.Second            // shorter work shows nothing
	progressEvery = 100 * time.Millisecond // between two drawings
)

// progress shows on standard error how far a long work has come: only where
// that is a terminal, and only once it takes longer than a moment. It is for
// one goroutine.
type progress struct {
	a     *app
	what  string
	total int64 // bytes
	done  int64
	begun time.Time
	bar   *progressbar.ProgressBar // nil: nothing is shown yet
}

// progress begins to show a work. The caller calls end.
func (a *app) progress(what string) *progress {
	return &progress{a: a, what: what, begun: time.Now()}
}

// Write counts what was done. It never fails.
func (p *progress) Write(b []byte) (int, error) {
	p.at(p.done+int64(len(b)), p.total)
	return len(b), nil
}

// at says how many bytes are done of about how many. That the terminal cannot be
// written to is no failure of the work.
func (p *progress) at(done, total int64) {
	p.done, p.total = done, max(done, total)
	if p.bar == nil && time.Since(p.begun) > progressAfter && columns(p.a.err) > 0 {
		p.bar = progressbar.NewOptions64(p.total,
			progressbar.OptionSetDescription(p.what),
			progressbar.OptionSetWriter(p.a.err),
			progressbar.OptionThrottle(progressEvery),
			progressbar.OptionClearOnFinish(),
			// It begins late and far on: its own rates and times would be wrong.
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionFullWidth(),
		)
	}
	if p.bar != nil {
		p.bar.ChangeMax64(p.total)
		_ = p.bar.Set64(done)
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
