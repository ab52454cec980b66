package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wrongValues use a secret where it cannot be used, or in ways that HCL has and
// we refuse.
var wrongValues = []string{
	`env("SECRET")`, `["x", file("secret")]`, `{ "${credential("secret")}" = "x" }`, `{ x = ["${env("SECRET")}"] }`,
	`"a${env("SECRET")} b"`, `-env("SECRET")`, `env("SECRET")[0]`, `env("SECRET") + 1`, `env(env("SECRET"))`,
	`file("${env("SECRET")}")`, `[for x in [env("SECRET")] : x]`, `{ a = 1 }[env("SECRET")]`, `env("SECRET") ? 1 : 2`,
	`"${env("SECRET")}" == 1`,
}

// TestSecretsDoNotLeak puts a secret into every key that there is, and looks at
// all that is printed.
func TestSecretsDoNotLeak(t *testing.T) {
	sample, err := os.ReadFile("testdata/contract.hcl")
	if err != nil {
		t.Fatal(err)
	}
	folder := filesFolder(t)
	write(t, folder, "secret", []byte(theSecret+"\n"))
	environment := map[string]string{"SECRET": theSecret, "CREDENTIALS_DIRECTORY": folder}
	o := LoadOptions{Secrets: true, presets: presetsByProvider(), LookupEnv: func(name string) (string, bool) {
		v, ok := environment[name]
		return v, ok
	}}
	tried := 0
	for block := range strings.SplitAfterSeq(string(sample), "\n}\n") {
		lines := strings.Split(block, "\n")
		for i, line := range lines {
			key, _, found := strings.Cut(line, "=")
			if !found || strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			for _, value := range wrongValues {
				changed := slices.Clone(lines)
				changed[i] = key + "= " + value
				tried++
				c, err := Parse(filepath.Join(folder, "config.hcl"), []byte(strings.Join(changed, "\n")), o)
				var e *Error
				switch {
				case err == nil:
					mustNotLeak(t, c.Warnings, nil)
				case errors.As(err, &e):
					mustNotLeak(t, e.Diagnostics, err)
				default:
					t.Errorf("%s = %s: %v", key, value, err)
				}
				if t.Failed() {
					t.Fatalf("%s = %s", key, value)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d were tried", tried)
	}
}

// TestLiteralSecretsAreMasked: snippets of wrong lines hide what stands there.
func TestLiteralSecretsAreMasked(t *testing.T) {
	for name, auth := range map[string]string{
		"a list":         `password = ["hunter2", ["hunter2"]]`,
		"a second key":   "password = \"hunter2\"\n password = \"hunter2\"",
		"open quote":     `password = "hunter2`,
		"no quotes":      `password = hunter2hunter2 hunter2`,
		"misspelt":       `passwort = "hunter2"`,
		"not understood": `pasword = "hunter2"`,
		"a heredoc":      "password = [<<X\nhunter2\nX\n]",
		"no effect":      `client_secret = "hunter2"`,
		"capitals":       `PASSWORD: "hunter2"`,
		"a default":      `password = [env("NOT_SET", "hunter2"), []]`,
	} {
		source := "upstream \"a\" {\n address = \"localhost\"\n auth {\n username = \"u\"\n " + auth + "\n }\n}\n"
		_, err := Parse("config.hcl", []byte(source), LoadOptions{Secrets: true, LookupEnv: oneSecret})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", name, err)
		}
		for i, d := range e.List {
			// A bare word in place of a text is all that may be repeated.
			e.List[i].Summary = strings.ReplaceAll(d.Summary, "hunter2hunter2", "…")
		}
		mustNotLeak(t, e.Diagnostics, nil)
	}
}

// TestWithoutSecrets: nothing is looked up or read but what says where the
// spool and the daemon are.
func TestWithoutSecrets(t *testing.T) {
	source := `
hostname = env("A")
upstream "a" {
  address     = env("B")
  tls_ca_file = file("none")
  rate        = env("R")
  quota       = [env("Q"), "5/h"]
  quota_reset = env("T")
  count       = env("N")
  auth {
    username = credential("u")
    password = env("P")
  }
}
classify "half" {
  rule {
    code   = "550"
    text   = ["x", env("TEXT")]
    action = "bounce"
  }
  rule {
    code   = "551"
    action = "hold"
  }
}
classify "whose" {
  providers = [env("W")]
  rule {
    code   = "552"
    action = "hold"
  }
}
listener "l" {
  address = [env("C"), "10.0.0.1:25"]
  max_recipients = env("D")
  allow = env("E")
  tls {
    cert_file = "none"
    key_file  = file("none")
  }
  auth {
    users_file = "none"
  }
}
route "r" {
  match {
    sender = ["*@${env("F")}"]
    header = { X = env("G") }
  }
  upstreams   = [env("H")]
  retry       = env("I")
  strategy    = env("J")
  weights     = { a = env("K") }
  action      = env("L")
  redirect_to = env("M")
}
spool { path = env("SPOOL") }
admin { socket = "${env("SOCKET")}.sock" }
`
	var asked []string
	lookup := func(name string) (string, bool) {
		asked = append(asked, name)
		return "/" + strings.ToLower(name), true
	}
	c := mustParse(t, source, LoadOptions{LookupEnv: lookup})
	if c.Spool.Path != "/spool" || c.Admin.Socket != "/socket.sock" {
		t.Errorf("spool is %+v, admin %+v", c.Spool, c.Admin)
	}
	var rules []string
	for _, p := range c.Packs {
		for _, r := range p.Rules {
			rules = append(rules, r.Name)
		}
	}
	if got := fmt.Sprint(rules); got != "[half/2]" {
		t.Errorf("the rules are %s; want the one that is known in whole", got)
	}
	if got := fmt.Sprint(asked); got != "[SPOOL SOCKET]" {
		t.Errorf("asked for %s", got)
	}
	_, err := Parse("config.hcl", []byte(source), LoadOptions{LookupEnv: oneSecret})
	if err == nil || !strings.Contains(err.Error(), "path: the environment variable SPOOL is not set") {
		t.Errorf("without the variable the error is %v", err)
	}
}

func TestFunctions(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "name", []byte("\n file.example.com \r\n"))
	big := write(t, folder, "big", make([]byte, maxFile+1))
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"NAME": "env.example.com", "EMPTY": "", "CREDENTIALS_DIRECTORY": folder}[name]
		return v, ok
	}
	for in, want := range map[string]string{
		`env("NAME")`:                        "env.example.com",
		`env("NAME", "other")`:               "env.example.com",
		`env("NOT_SET", "other")`:            "other",
		`env("NOT_SET", env("NAME"))`:        "env.example.com",
		`file("name")`:                       "file.example.com",
		`file("` + folder + `/name")`:        "file.example.com",
		`credential("name")`:                 "file.example.com",
		`"${env("X", "a")}.${file("name")}"`: "a.file.example.com",
	} {
		c, err := Parse(filepath.Join(folder, "config.hcl"), []byte("hostname = "+in+"\n"+smallest), LoadOptions{Secrets: true, LookupEnv: lookup})
		if err != nil || c.Hostname != want {
			t.Errorf("%s is %+v, %v", in, c, err)
		}
	}
	for in, want := range map[string]string{
		`file("` + big + `")`:   "is larger than 1 MiB",
		`file(null)`:            "must not be null",
		`env("EMPTY")`:          "its value is not a host name",
		`credential("..")`:      "without a folder",
		`credential("a/b")`:     "without a folder",
		`credential("")`:        "without a folder",
		`credential("missing")`: "LoadCredential=missing",
		`env()`:                 "Function",
	} {
		_, err := Parse(filepath.Join(folder, "config.hcl"), []byte("hostname = "+in+"\n"+smallest), LoadOptions{Secrets: true, LookupEnv: lookup})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", in, err, want)
		}
	}
}

func TestEnvFile(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "env", []byte("# comment\n; another\n\nA=1\n B = two words \nC=\"quoted # text\"\nD='x'\nE=\nA=2\nF=a=b"))
	lookup, err := EnvFile(path, oneSecret)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"A": "2", "B": "two words", "C": "quoted # text", "D": "x", "E": "", "F": "a=b", "SECRET": theSecret,
	} {
		if got, ok := lookup(name); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, ok, want)
		}
	}
	if _, ok := lookup("NOT_SET"); ok {
		t.Error("a variable that nobody set was found")
	}
	bad := write(t, folder, "bad", []byte("A=1\nhunter2\n"))
	if _, err := EnvFile(bad, oneSecret); err == nil || !strings.HasSuffix(err.Error(), "bad:2: this is no KEY=VALUE line") {
		t.Errorf("error is %v", err)
	}
	if _, err := EnvFile(filepath.Join(folder, "none"), oneSecret); err == nil {
		t.Error("a missing file is no error")
	}
}
