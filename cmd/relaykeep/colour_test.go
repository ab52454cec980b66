package main

import (
	"strings"
	"testing"

	"relaykeep/relay"
	"relaykeep/relay/admin"
)

func TestPalette(t *testing.T) {
	if got := palette(true).paint(red, "down"); got != "\x1b[31mdown\x1b[0m" {
		t.Errorf("painted %q", got)
	}
	for name, got := range map[string]string{
		"without colours": palette(false).paint(red, "down"),
		"in none":         palette(true).paint(plain, "down"),
		"nothing":         palette(true).paint(red, "") + "down",
	} {
		if got != "down" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCellsOfPaint(t *testing.T) {
	p := palette(true)
	painted := p.paint(yellow, "held") + " für " + p.paint(green, "全部")
	if got := cells(painted); got != len("held für ....")-1 {
		t.Errorf("%d cells", got)
	}
	for width, want := range map[int]string{
		13: painted,
		12: p.paint(yellow, "held") + " für \x1b[32m全…\x1b[0m",
		5:  p.paint(yellow, "held") + "…\x1b[0m",
		3:  "\x1b[33mhe…\x1b[0m",
	} {
		if got := shorten(painted, width); got != want || cells(got) > width {
			t.Errorf("in %d cells: got %q, want %q", width, got, want)
		}
	}
	if got := pad(p.paint(red, "up"), 4); got != "\x1b[31mup\x1b[0m  " {
		t.Errorf("padded %q", got)
	}
}

// What strangers write cannot pass for a colour.
func TestColourOfStrangers(t *testing.T) {
	for _, s := range []string{"\x1b[31mred", "\x1b[", "\x1b"} {
		if clean := printable(s); strings.Contains(clean, "\x1b") || cells(clean) != len(clean) {
			t.Errorf("%q is shown as %q", s, clean)
		}
	}
}

// Colours change nothing but colours: without them a page is what it was.
func TestColoursKeepTheColumns(t *testing.T) {
	strip := strings.NewReplacer("\x1b[0m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[36m", "")
	status := admin.Status{Status: admin.HealthWarning, Version: "1", Reasons: []string{"upstream old is disabled"}, Upstreams: upstreams()}
	held := admin.Incident{Number: 1, Open: true, Kind: relay.IncidentSender, Upstream: "ses", Sender: "app@example.com", Detail: strings.Repeat("long ", 30)}
	pages := map[string]func(width int, colours palette) string{
		"upstreams": func(width int, colours palette) string { return upstreamTable(upstreams(), width, colours, listNow) },
		"status":    func(width int, colours palette) string { return statusPage(status, width, colours, listNow) },
		"incidents": func(width int, colours palette) string {
			return incidentTable([]admin.Incident{held, {Number: 2, Kind: relay.IncidentRoute}}, width, colours, listNow)
		},
		"messages": func(width int, colours palette) string {
			m := listed("a-name-that-is-cut-in-a-narrow-list", "app@example.com", "bob@example.net", "later")
			m.Recipients[1].State = relay.Held
			return table(t, width, colours, m)
		},
		"message": func(width int, colours palette) string {
			p := page{width: width, colours: colours, now: listNow}
			p.message(listed("ses", "app@example.com", "bob@example.net", "later"))
			return p.String()
		},
	}
	for name, render := range pages {
		for _, width := range []int{0, 40, 80, 120} {
			got, want := render(width, true), render(width, false)
			cut := name == "messages" && width == 40 // before the state
			if got == want && !cut || strip.Replace(got) != want {
				t.Errorf("%s in %d columns:\n%s\nwithout colours:\n%s", name, width, got, want)
			}
		}
	}
}
