package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// sendmail gives a command by that name for a daemon.
func (n *node) sendmail(addr string) (path string) {
	n.t.Helper()
	path = filepath.Join(n.dir, "sendmail")
	if err := os.Symlink(binary, path); err != nil {
		n.t.Fatal(err)
	}
	n.t.Setenv("RELAYKEEP_SMTP", addr)
	return path
}

// run runs a program that must succeed, without a word on standard error.
func run(t *testing.T, stdin []byte, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(patience(t), program(t, name), args...)
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME=/nonexistent", "MAILRC=/dev/null")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil || said.Len() > 0 {
		t.Fatalf("%s: %v\n%s", name, err, said.String())
	}
}

// TestClients lets the programs and libraries that people have send the note to
// the real daemon, which relays it: what arrives is what they were given.
func TestClients(t *testing.T) {
	out := startProvider(t, upstreamtest.Options{})
	nd := newNode(t, settings{}, upstreamBlock("out", out.Addr(), "max_recipients = 50"))
	p := nd.start()
	sendmail := nd.sendmail(p.addr())
	n := newNote(t, p.addr())
	said, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	raw := n.raw(t)
	rawFile := nd.write("raw", string(raw))
	withBcc := append([]byte("Bcc: "+n.Bcc+"\r\n"), raw...)
	nail := func(t *testing.T, mta string) {
		run(t, []byte(n.Text), "s-nail", append([]string{
			"-:/", "-Sv15-compat", "-Smta=" + mta, "-Ssmtp-auth=none", "-Shostname=client.test", "-Ssendcharsets=utf-8",
			"-Sfrom=" + n.Name + " <" + n.From + ">", "-Ssendwait", "-Sr-option-implicit", "-s", n.Subject, "-a", n.File, "-c", n.Cc, "-b", n.Bcc,
		}, n.To...)...)
	}
	for _, client := range []struct {
		name string
		raw  bool // it sends the file
		send func(t *testing.T)
	}{
		{"Python smtplib", false, func(t *testing.T) { run(t, said, "python3", "testdata/clients/python.py") }},
		{"nodemailer", false, func(t *testing.T) { run(t, said, "node", "testdata/clients/node.js") }},
		{"nodemailer by sendmail", false, func(t *testing.T) { run(t, said, "node", "testdata/clients/node.js", sendmail) }},
		{"PHP mail", false, func(t *testing.T) {
			run(t, said, "php", "-n", "-d", "sendmail_path="+sendmail+" -t -i", "testdata/clients/php.php")
		}},
		{"s-nail", false, func(t *testing.T) { nail(t, "smtp://"+p.addr()) }},
		{"s-nail by sendmail", false, func(t *testing.T) { nail(t, "file://"+sendmail) }},
		{"mutt by sendmail", false, func(t *testing.T) {
			run(t, []byte(n.Text), "mutt", append([]string{
				"-n", "-F", "/dev/null", "-e", "set sendmail=\"" + sendmail + " -oem -oi\" use_envelope_from=yes copy=no",
				"-e", "set from='" + n.From + "' realname='" + n.Name + "' charset=utf-8 send_charset=utf-8",
				"-s", n.Subject, "-a", n.File, "-c", n.Cc, "-b", n.Bcc, "--",
			}, n.To...)...)
		}},
		{"curl", true, func(t *testing.T) {
			args := []string{"-sS", "--url", "smtp://" + p.addr() + "/client.test", "--mail-from", n.From, "--upload-file", rawFile}
			for _, to := range n.all() {
				args = append(args, "--mail-rcpt", to)
			}
			run(t, nil, "curl", args...)
		}},
		{"msmtp", true, func(t *testing.T) {
			run(t, withBcc, "msmtp", "--host="+n.Host, fmt.Sprint("--port=", n.Port), "--domain=client.test", "--from="+n.From, "-t")
		}},
		{"sendmail", true, func(t *testing.T) { run(t, withBcc, sendmail, "-t", "-i", "-f", n.From) }},
		{"sendmail -bs", true, func(t *testing.T) { run(t, dialogue(n, raw), "sh", "-c", `"$1" -bs >/dev/null`, "sh", sendmail) }},
		{"Go net/smtp", true, func(t *testing.T) {
			if err := smtp.SendMail(p.addr(), nil, n.From, n.all(), raw); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(client.name, func(t *testing.T) {
			before := len(out.Messages())
			client.send(t)
			taken, err := out.WaitMessages(patience(t), before+1)
			if err != nil {
				t.Fatal(err)
			}
			m := taken[before]
			checkEnvelope(t, n, m)
			checkNote(t, n, m.Body)
			if client.raw {
				checkRaw(t, raw, m.Body)
			}
		})
	}
	p.stop()
}

// dialogue is what a program says to sendmail -bs.
func dialogue(n *note, raw []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "EHLO client.test\r\nMAIL FROM:<%s>\r\n", n.From)
	for _, to := range n.all() {
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", to)
	}
	b.WriteString("DATA\r\n")
	b.Write(stuffed(raw))
	b.WriteString(".\r\nQUIT\r\n")
	return b.Bytes()
}

func checkRaw(t *testing.T, sent, body []byte) {
	t.Helper()
	_, rest, err := untrace(body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range min(len(rest), len(sent)) {
		if rest[i] != sent[i] {
			t.Fatalf("from byte %d on arrived %.100q, and was sent %.100q", i, rest[i:], sent[i:])
		}
	}
	if len(rest) != len(sent) {
		t.Errorf("%d bytes arrived, and %d were sent: %q", len(rest), len(sent), rest[max(0, len(rest)-100):])
	}
}

func checkEnvelope(t *testing.T, n *note, m upstreamtest.Message) {
	t.Helper()
	var to []string
	for _, r := range m.To {
		to = append(to, r.Address)
	}
	want := n.all()
	slices.Sort(to)
	slices.Sort(want)
	if m.From != n.From || !slices.Equal(to, want) {
		t.Errorf("it came from %s for %q", m.From, to)
	}
}
