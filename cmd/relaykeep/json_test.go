package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"relaykeep/relay"
	"relaykeep/relay/admin"
	"relaykeep/relay/filter"
	"relaykeep/relay/message/dkim"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
	"relaykeep/upstream/classify"
	"relaykeep/upstream/smtp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// objects are what the commands print with --json, each key with a value. What
// relay/admin makes has its golden files there.
func objects() map[string][]any {
	at := admin.Time{Time: time.Date(2026, 1, 31, 8, 0, 0, 123_000_000, time.UTC)}
	greylisted := relay.Verdict{
		Class: relay.ClassDeferred, Scope: relay.ScopeRecipient, Action: relay.ActionRetry, RetryAfter: 90 * time.Second,
		Stage: relay.StageRcpt, Code: 451, Enhanced: "4.7.1", Text: "Greylisted <&>", Rule: "greylisted",
	}
	diagnostic := admin.Diagnostic{Severity: "warning", File: "config.hcl", Line: 3, Summary: "it is old"}
	probed := probeResult{
		upstream: smtp.Options{Name: "ses", Address: "smtp.example.com:587"},
		steps:    []smtp.Step{{Name: "dns", Stage: relay.StageDial, Detail: "192.0.2.1", Duration: 1500 * time.Microsecond}},
		verdict:  greylisted, noLogin: true,
	}
	return map[string][]any{
		"check": {
			diagnosticJSON{"warning", "config.hcl", 3, "it is old"}, validJSON{true, 1, 2, 3}, probed.json(),
			filterProbe{filter.Options{Name: "scan", Network: "tcp", Address: "127.0.0.1:1"}, os.ErrDeadlineExceeded}.json(),
		},
		"explain": {
			explainedReply("ses", classify.Explanation{Verdict: greylisted, Rule: classify.Rule{Meaning: "come back"}, Next: "a retry"}),
			recipientJSON{
				ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", Address: "bob@example.net", State: relay.Queued, Upstream: "ses", Stage: relay.StageRcpt,
				Code: 451, Enhanced: "4.7.1", Text: "Greylisted", Class: relay.ClassDeferred, Scope: relay.ScopeRecipient,
				Action: relay.ActionRetry, Rule: "greylisted", Meaning: "come back", Next: "a retry", NextAttempt: at, ExpiresAt: at, Incident: 3,
			},
		},
		"dkim check":    {keyFindingJSON{"example.com", "s1", "/etc/s1.pem", "s1._domainkey.example.com", dkim.StatusMissing, "publish it"}},
		"dkim record":   {recordJSON{"example.com", "s1", "rsa", 2048, "/etc/s1.pem", "s1._domainkey.example.com", "TXT", "v=DKIM1; p=x"}},
		"reload":        {admin.Reloaded{Changes: []string{"a route"}, Restart: []string{"a listener"}, Warnings: []admin.Diagnostic{diagnostic}}, diagnostic},
		"spool backup":  {backupDone{File: "copy.db", Bytes: 100, Messages: 2, History: 1}},
		"spool compact": {compacted{Spool: "spool.db", Before: 100, After: 50}},
		"spool import":  {imported{"01JX3Z5K8Q6W7RT2V9B4M0NCDE"}},
		"spool restore": {restored{Spool: "spool.db", Messages: 2, History: 1, Held: 3, Aside: "spool.db.before"}},
		"spool verify": {
			verdict{false, spool.Report{Messages: 2, History: 1, BodyBytes: 100, Pages: 4, Problems: []string{"it is cut short"}, More: 5, Partial: true}},
			bolt.Lost{ID: "01JX3Z5K8Q6W7RT2V9B4M0NCDE", From: "app@example.com", To: []string{"bob@example.net"}, Subject: "Hello", Why: "no body"},
			salvaged{File: "saved.db", Messages: 2, History: 1, Orphaned: 1, Lost: 3, Problems: []string{"it is cut short"}, More: 4},
		},
	}
}

// madeByAdmin are the commands that print objects of relay/admin alone.
func madeByAdmin() []string {
	return []string{
		"incident list", "incident resolve", "incident show", "spool bounce", "spool delete", "spool hold", "spool list", "spool redirect",
		"spool release", "spool retry", "spool show", "spool stats", "spool watch", "status",
		"upstream list", "upstream pause", "upstream probe", "upstream resume", "version",
	}
}

// The keys of these objects are a public contract: a change of a golden file
// is a change of the contract.
func TestGolden(t *testing.T) {
	for command, all := range objects() {
		t.Run(command, func(t *testing.T) {
			var got bytes.Buffer
			for _, v := range all {
				var line bytes.Buffer
				if err := printJSON(&line, v); err != nil {
					t.Fatal(err)
				}
				if err := json.Indent(&got, line.Bytes(), "", "  "); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join("testdata", "json", strings.ReplaceAll(command, " ", "-")+".json")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
			}
		})
	}
}

// No command with --json is without a golden file.
func TestGoldenOfAll(t *testing.T) {
	var g grammar
	parser, err := kong.New(&g, kong.NoDefaultHelp(), kong.Vars{"default_config": "", "providers": "", "stages": ""})
	if err != nil {
		t.Fatal(err)
	}
	pinned := madeByAdmin()
	for command := range objects() {
		pinned = append(pinned, command)
	}
	slices.Sort(pinned)
	var have []string
	for _, command := range parser.Model.Leaves(false) {
		for _, f := range command.Flags {
			if f.Name == "json" {
				have = append(have, leafName(command))
			}
		}
	}
	slices.Sort(have)
	if !slices.Equal(have, pinned) {
		t.Errorf("commands with --json:\n%q\npinned:\n%q", have, pinned)
	}
}

// leafName is the command as it is typed.
func leafName(n *kong.Node) string {
	if n.Parent != nil && n.Parent.Type == kong.CommandNode {
		return leafName(n.Parent) + " " + n.Name
	}
	return n.Name
}
