package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func parse(wire string) (reply, error) {
	var r reply
	err := r.read(bufio.NewReaderSize(strings.NewReader(wire), maxReplyLine))
	return r, err
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		wire, enhanced, text string
		code                 int
	}{
		{"250 2.0.0 Ok: queued as 1\r\n", "2.0.0", "Ok: queued as 1", 250},
		{"250\r\n", "", "", 250},
		{"250 \r\n", "", "", 250},
		{"354 go\n", "", "go", 354},
		{"550-5.1.1 no such\r\n550 5.1.1 user\r\n", "5.1.1", "no such\nuser", 550},
		{"550-5.1.1 no such\r\n550 5.7.1 user\r\n", "5.1.1", "no such\n5.7.1 user", 550},
		{"550-no such\r\n550 5.1.1 user\r\n", "", "no such\n5.1.1 user", 550},
		{"450 5.1.1 the code outranks\r\n", "", "5.1.1 the code outranks", 450},
		{"421 4.7.0\r\n", "4.7.0", "", 421},
		{"421 4.7.1000 x\r\n", "", "4.7.1000 x", 421},
		{"421 4.7 x\r\n", "", "4.7 x", 421},
		{"421 4.7.0.1 x\r\n", "", "4.7.0.1 x", 421},
		{"421 4..0 x\r\n", "", "4..0 x", 421},
		{"550 \xc4\xe3\tba\r\n", "", "\xc4\xe3\tba", 550},
	} {
		r, err := parse(c.wire)
		if err != nil || r.code != c.code || r.enhanced != c.enhanced || string(r.text) != c.text || r.dirty {
			t.Errorf("%q gives %d %q %q (%v)", c.wire, r.code, r.enhanced, r.text, err)
		}
	}
}

func TestReplyKeepsControlBytesApart(t *testing.T) {
	r, err := parse("250 o\x1b[2Jk\r\n")
	if err != nil || !r.dirty {
		t.Errorf("dirty is %v (%v)", r.dirty, err)
	}
}

func TestMalformedReplies(t *testing.T) {
	for name, wire := range map[string]string{
		"no code":            "hello\r\n",
		"two digits":         "25 ok\r\n",
		"code out of range":  "650 ok\r\n",
		"one hundred":        "150 ok\r\n",
		"no separator":       "250ok\r\n",
		"four digits":        "2500 ok\r\n",
		"empty line":         "\r\n",
		"codes differ":       "250-one\r\n550 two\r\n",
		"second line broken": "250-one\r\ntwo\r\n",
		"NUL":                "\x00250 ok\r\n",
		"line too long":      "250 " + strings.Repeat("x", maxReplyLine) + "\r\n",
		"too many lines":     strings.Repeat("250-\r\n", maxReplyLines+1) + "250 end\r\n",
		"too many bytes":     strings.Repeat("250-"+strings.Repeat("x", 4000)+"\r\n", 20) + "250 end\r\n",
	} {
		_, err := parse(wire)
		var p *ProtocolError
		if !errors.As(err, &p) {
			t.Errorf("%s: error is %v, want a ProtocolError", name, err)
		} else if len(p.Got) > maxGot {
			t.Errorf("%s: it quotes %d bytes", name, len(p.Got))
		}
	}
	if _, err := parse("250-ok\r\n"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut reply gives %v", err)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain 1":       "plain 1",
		"a\r\nb\x1b[2J": `a\r\nb\u001b[2J`,
		"\x00\xffé你":    `\u0000\xffé你`,
		"\u202e":        `\u202e`,
	} {
		if got := escape(in, 100); got != want {
			t.Errorf("escape(%q) is %s, want %s", in, got, want)
		}
	}
	if got := escape("abc\n", 4); got != "abc" {
		t.Errorf("cut to %q", got)
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"250 2.0.0 Ok: queued as 1\r\n", "550-5.1.1 no\r\n550 5.1.1 never\r\n", "250-\r\n250-\r\n",
		"421 4.7.0\n", "hello\r\n", "250 o\x00k\r\n", "250-a\r\n550 b\r\n", "354",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var r reply
		in := bytes.NewReader(wire)
		err := r.read(bufio.NewReaderSize(in, maxReplyLine))
		if len(r.text) > maxReplyBytes {
			t.Fatalf("a text of %d bytes", len(r.text))
		}
		if err != nil {
			return
		}
		if e := parseExtensions(r.text); len(e.lines) > maxExtensions {
			t.Fatalf("%d extensions", len(e.lines))
		}
		if id := remoteID(string(r.text)); len(id) > maxRemoteID || hasControl([]byte(id)) {
			t.Fatalf("remote id %q", id)
		}
		if r.code < 200 || r.code > 599 {
			t.Fatalf("code %d", r.code)
		}
		if r.enhanced != "" && int(r.enhanced[0]-'0') != r.class() {
			t.Fatalf("%d %s", r.code, r.enhanced)
		}
		if bytes.IndexByte(r.text, 0) >= 0 && !r.dirty {
			t.Fatal("a NUL got through")
		}
		if e := escape(r.text, 1024); hasControl([]byte(e)) || len(e) > 1024 {
			t.Fatalf("escaped to %q", e)
		}
	})
}
