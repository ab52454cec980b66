package main

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

var listNow = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func listed(upstream, from, to, text string) admin.Message {
	return admin.Message{
		ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", From: from, Size: 2048, ReceivedAt: admin.Time{Time: listNow.Add(-time.Minute)},
		Recipients: []admin.Recipient{
			{Address: "gone@example.net", State: relay.Delivered},
			{
				Address: to, State: relay.Queued, Upstream: upstream, Attempts: 3, NextAttempt: admin.Time{Time: listNow.Add(time.Hour)},
				Last: &admin.Attempt{Verdict: admin.Verdict{Code: 451, Enhanced: "4.7.1", Text: text}},
			},
		},
	}
}

func table(t *testing.T, width int, colours palette, messages ...admin.Message) string {
	t.Helper()
	var b strings.Builder
	mt := messageTable{out: bufio.NewWriter(&b), width: width, colours: colours, now: listNow}
	for _, m := range messages {
		if err := mt.add(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := mt.end(); err != nil {
		t.Fatal(err)
	}
	if err := mt.out.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMessageTable(t *testing.T) {
	m := listed("ses", "", "bob@example.net", "Later\nplease\x1b")
	const whole = `ID                          AGE  SIZE     STATE   UPSTREAM  TRIES  NEXT      FROM  TO                    LAST REPLY
01JX3Z5K8Q6W7RT2V9B4M0NCDE  1m   2.0 KiB  queued  ses       3      in 1h00m  <>    bob@example.net (+1)  451 4.7.1 Later please\x1b
1 message, 2 recipients
`
	const folded = `ID                          AGE  SIZE     STATE   UPSTREAM  TRIES  NEXT
01JX3Z5K8Q6W7RT2V9B4M0NCDE  1m   2.0 KiB  queued  ses       3      in 1h00m
    <> → bob@example.net (+1): 451 4.7.1 Later please\x1b
1 message, 2 recipients
`
	for width, want := range map[int]string{0: whole, 160: whole, 80: folded} {
		if got := table(t, width, false, m); got != want {
			t.Errorf("in %d columns:\n%s", width, got)
		}
	}
	long := listed(strings.Repeat("u", 50), strings.Repeat("s", 50)+"@x", strings.Repeat("r", 50)+"@x", strings.Repeat("Please ", 50))
	for _, width := range []int{40, 80, 120, 200} {
		for line := range strings.Lines(table(t, width, false, m, long, m)) {
			if n := cells(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d of %d columns: %s", n, width, line)
			}
		}
	}
	if got := table(t, 80, false); got != "no messages\n" {
		t.Errorf("empty: %q", got)
	}
}

// A list is printed page by page: only a page is ever held.
func TestMessageTablePages(t *testing.T) {
	var b strings.Builder
	mt := messageTable{out: bufio.NewWriterSize(&b, 16), now: listNow}
	for i := range 2*listPage + 10 {
		if err := mt.add(listed("ses", fmt.Sprintf("%d@x", i), "bob@example.net", "Later")); err != nil {
			t.Fatal(err)
		}
		if len(mt.page) > listPage {
			t.Fatalf("%d messages are held", len(mt.page))
		}
	}
	if n := strings.Count(b.String(), "01JX3Z5K8Q6W7RT2V9B4M0NCDE"); n < 2*listPage-1 {
		t.Errorf("%d lines were printed before the end", n)
	}
	if n := strings.Count(b.String(), "LAST REPLY"); n != 1 {
		t.Errorf("%d heads", n)
	}
}
