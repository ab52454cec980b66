package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"relaykeep/relay/message"
)

func TestCommandLine(t *testing.T) {
	for called, want := range map[string]string{
		"/usr/bin/relaykeep -t": "-t",
		"/usr/sbin/sendmail -t": "sendmail -t",
		"sendmail":              "sendmail",
		"/usr/bin/mailq -v":     "sendmail -bp -v",
		"newaliases":            "sendmail -bi",
		"":                      "",
	} {
		if got := strings.Join(commandLine(strings.Fields(called)), " "); got != want {
			t.Errorf("%q became %q; want %q", called, got, want)
		}
	}
}

func TestParseSendmail(t *testing.T) {
	address := func(s string) *string { return &s }
	for line, want := range map[string]sendmailArgs{
		"-t -i":                         {fromHeader: true, loneDots: true},
		"-tiv":                          {fromHeader: true, loneDots: true, verbose: true},
		"-oi -oem -odb a@b":             {loneDots: true, operands: []string{"a@b"}},
		"-o i":                          {loneDots: true},
		"-fme@here a@b -F me":           {sender: address("me@here"), fullName: "me", operands: []string{"a@b"}},
		"-r me@here -- -f a@b":          {sender: address("me@here"), operands: []string{"-f", "a@b"}},
		"-bm -B8BITMIME":                {eightBit: true},
		"-B 7bit -bs":                   {mode: sendmailSession},
		"-bp":                           {mode: sendmailQueue},
		"-q":                            {mode: sendmailNothing},
		"-I":                            {mode: sendmailNothing},
		"-N failure,delay -R full -V x": {notify: "FAILURE,DELAY", ret: "FULL", envelopeID: "x"},
		"--config c.hcl --smtp=h:25 -t": {config: "c.hcl", smtp: "h:25", fromHeader: true},
		"-t --help":                     {fromHeader: true, mode: sendmailHelp},
	} {
		got, err := parseSendmail(strings.Fields(line))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", line, got, err)
		}
	}
}

func TestSendmailStatus(t *testing.T) {
	refused := func(code int, text string) error { return fmt.Errorf("at x: %w", &replyError{code, text}) }
	for want, all := range map[int][]error{
		exDataErr: {
			refused(552, "5.3.4 too large"), refused(553, "5.1.7 malformed"), refused(501, "what"),
			refused(554, "5.6.0 malformed message"), refused(554, "5.4.6 loop"),
		},
		exNoUser:      {refused(550, "5.1.1 no such user")},
		exNoHost:      {refused(550, "5.1.2 no route")},
		exUnavailable: {refused(554, "no"), refused(550, "5.2.0 full"), refused(550, "15.7.1 x")},
		exNoPerm:      {refused(550, "5.7.1 denied"), refused(530, "login"), refused(535, "5.7.8 no")},
		exTempFail: {
			refused(451, "4.3.0 later"), refused(421, "busy"), refused(250, "no code that was wanted"),
			&unreachableError{}, io.ErrUnexpectedEOF,
		},
		exIOErr:  {&inputError{io.ErrClosedPipe}},
		exConfig: {&exitError{exConfig, io.EOF}},
	} {
		for _, err := range all {
			if got := sendmailStatus(err); got != want {
				t.Errorf("%v: status %d; want %d", err, got, want)
			}
		}
	}
}

var somebody = submitter{host: "host.test", address: "me@host.test", fullName: "Me"}

func TestSendmailFrom(t *testing.T) {
	sender := "app@example.com"
	null := ""
	for want, args := range map[string]sendmailArgs{
		`"Me" <me@host.test>`:                 {},
		`app@example.com`:                     {sender: &sender},
		`"A \"B\" \\" <app@example.com>`:      {sender: &sender, fullName: `A "B" \`},
		`"X" <me@host.test>`:                  {sender: &null, fullName: "X"},
		`=?utf-8?q?J=C3=BC?= <me@host.test>`:  {fullName: "Jü"},
		`=?utf-8?q?a=0D=0Ab?= <me@host.test>`: {fullName: "a\r\nb"},
	} {
		args.operands = []string{"a@b.example"}
		m, err := args.compose(strings.NewReader("text"), somebody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(m.content)
		if err != nil || string(got) != "From: "+want+"\r\n\r\ntext\r\n" {
			t.Errorf("got %q, %v; want %s", got, err, want)
		}
	}
}

func TestSendmailContent(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, tt := range map[string]struct {
		in, want string
		utf8     bool
		eightBit bool
	}{
		"nothing":           {in: "", want: "From: \"Me\" <me@host.test>\r\n\r\n"},
		"header only":       {in: "From: a@b", want: "From: a@b\r\n\r\n"},
		"lines of any kind": {in: "From: a@b\n\na\r\nb\rc", want: "From: a@b\r\n\r\na\r\nb\r\nc\r\n"},
		"no empty line":     {in: "From: a@b\ntext", want: "From: a@b\r\n\r\ntext\r\n"},
		"dot":               {in: "From: a@b\n\na\n.\nb", want: "From: a@b\r\n\r\na\r\n"},
		"dot in the header": {in: "From: a@b\n.\nb", want: "From: a@b\r\n\r\n"},
		"no lone dot":       {in: "From: a@b\n\n..\n. \n.x\n", want: "From: a@b\r\n\r\n..\r\n. \r\n.x\r\n"},
		"dot behind a part": {in: "From: a@b\n\n" + long + ".\nb\n", want: "From: a@b\r\n\r\n" + long + ".\r\nb\r\n"},
		"mbox":              {in: ">From x\nFrom y " + long + "\nFrom: a@b\n\nFrom z\n", want: "From: a@b\r\n\r\nFrom z\r\n"},
		"mbox alone":        {in: "From x", want: "From: \"Me\" <me@host.test>\r\n\r\n"},
		"UTF-8":             {in: "From: a@b\nSubject: ü\n\n", want: "From: a@b\r\nSubject: ü\r\n\r\n", utf8: true, eightBit: true},
		"Latin-1":           {in: "From: a@b\nSubject: \xfc\n\n", want: "From: a@b\r\nSubject: \xfc\r\n\r\n", eightBit: true},
		"8-bit text":        {in: "From: a@b\n\n\xfc\n", want: "From: a@b\r\n\r\n\xfc\r\n", eightBit: true},
	} {
		t.Run(name, func(t *testing.T) {
			args := sendmailArgs{operands: []string{"a@b.example"}}
			m, err := args.compose(iotest.OneByteReader(strings.NewReader(tt.in)), somebody)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(m.content)
			if err != nil || string(got) != tt.want || m.utf8 != tt.utf8 || m.eightBit != tt.eightBit || m.size != int64(len(got)) {
				t.Errorf("got %q, %v, UTF-8 %t, 8-bit %t, size %d", got, err, m.utf8, m.eightBit, m.size)
			}
		})
	}
}

// A large mail is streamed: what is kept of it stays small.
func TestSendmailMemory(t *testing.T) {
	const size = 50 << 20
	args := sendmailArgs{operands: []string{"a@b.example"}, loneDots: true}
	line := strings.Repeat("x", 70) + "\n"
	in := io.MultiReader(strings.NewReader("From: a@b\n\n"), io.LimitReader(&endless{text: line}, size))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := args.compose(in, somebody)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, m.content)
	runtime.ReadMemStats(&after)
	if err != nil || n < size || m.size != 0 || !m.eightBit {
		t.Errorf("%d bytes came, %v; size %d, 8-bit %t", n, err, m.size, m.eightBit)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d KiB were allocated", used>>10)
	}
}

// endless repeats a text.
type endless struct {
	text string
	at   int
}

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

func TestSendmailBadInput(t *testing.T) {
	broken := errors.New("broken")
	args := sendmailArgs{operands: []string{"a@b.example"}}
	for name, tt := range map[string]struct {
		in   io.Reader
		want int
	}{
		"fails at once":     {iotest.ErrReader(broken), exIOErr},
		"fails in the text": {io.MultiReader(strings.NewReader("From: a@b\n\ntext\n"), iotest.ErrReader(broken)), exIOErr},
		"header too large":  {strings.NewReader(strings.Repeat("X: y\n", message.MaxHeaderFields+1)), exDataErr},
		"field too large":   {strings.NewReader("X: " + strings.Repeat("y\n ", message.MaxHeader)), exDataErr},
	} {
		if _, err := args.compose(tt.in, somebody); sendmailStatus(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSendmail gives whatever as a mail: no Bcc gets through, the header section
// is closed, and every recipient is one for the wire.
func FuzzSendmail(f *testing.F) {
	for _, s := range []string{
		"To: a@b\nBcc: c@d\n\ntext", "Resent-Bcc: a@b\nBcc : x\n", "From x\n.\n", "To: \"a\n b\"@c,\n\n", "\xff: \x00\r\r\n.\r\n", "bcc:\n a@b\n\nBcc: c",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		args := sendmailArgs{fromHeader: true, operands: []string{"x@y.example"}}
		m, err := args.compose(bytes.NewReader(in), somebody)
		if err != nil {
			return
		}
		for _, to := range m.envelope.to {
			if strings.ContainsAny(to, "\r\n\x00") || !strings.Contains(to, "@") {
				t.Errorf("recipient %q", to)
			}
		}
		content, err := io.ReadAll(m.content)
		if err != nil {
			t.Fatal(err)
		}
		header, _, err := message.ReadHeader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if header.Count("Bcc")+header.Count("Resent-Bcc") > 0 || header.Count("From") == 0 || header.Unclosed() {
			t.Errorf("%q became %q", in, content)
		}
	})
}

func TestWireLines(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"QUIT":                           "QUIT",
		"EHLO x\nQUIT\n":                 "EHLO x\r\nQUIT\r\n",
		"EHLO x\r\nDATA\r\na\n.\nMAIL":   "EHLO x\r\nDATA\r\na\n.\nMAIL", // no end of the mail is made
		strings.Repeat("x", 9000) + "\n": strings.Repeat("x", 9000) + "\n",
	} {
		got, err := io.ReadAll(wireLines(strings.NewReader(in)))
		if err != nil || string(got) != want {
			t.Errorf("%.40q became %.60q, %v", in, got, err)
		}
	}
}
