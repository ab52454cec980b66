package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"relaykeep/upstream/upstreamtest"
)

// signingDomain is the domain of From of the whole corpus, or above it.
const signingDomain = "example.org"

// signingKeys are keys of signingDomain, made by the command for it.
type signingKeys struct {
	config  string            // the dkim block
	records map[string]string // by their names in DNS
}

// quoted finds the strings of a TXT record in a zone file.
var quoted = regexp.MustCompile(`"([^"]*)"`)

// newSigningKeys makes an RSA and an Ed25519 key.
func newSigningKeys(t *testing.T) signingKeys {
	t.Helper()
	dir := t.TempDir()
	k := signingKeys{records: make(map[string]string)}
	var blocks strings.Builder
	for _, algorithm := range []string{"rsa", "ed25519"} {
		file := filepath.Join(dir, algorithm+".pem")
		r := runBinary(t, "dkim", "keygen", "--domain", signingDomain, "--selector", algorithm, "--algorithm", algorithm, "--out", file)
		if r.status != 0 {
			t.Fatalf("dkim keygen: status %d: %s", r.status, r.err)
		}
		record := ""
		for _, part := range quoted.FindAllStringSubmatch(r.out, -1) {
			record += part[1]
		}
		k.records[algorithm+"._domainkey."+signingDomain] = record
		fmt.Fprintf(&blocks, "  key {\n    selector = %q\n    file     = %q\n  }\n", algorithm, file)
	}
	k.config = fmt.Sprintf("dkim %q {\n%s}\n", signingDomain, blocks.String())
	return k
}

// TestCorpusSigned sends the corpus signed: verifiers of others find each
// signature good, and none where it should not be.
func TestCorpusSigned(t *testing.T) {
	keys := newSigningKeys(t)
	samples, arrived := relaySigned(t, keys, upstreamtest.Options{})
	for _, v := range verifiers {
		t.Run(v.name, func(t *testing.T) {
			checkSignatures(t, v, samples, arrived, keys.records)
			checkControls(t, v, samples, arrived, keys.records)
		})
	}
}

// TestCorpusInASCII sends the corpus signed to a provider with neither 8BITMIME
// nor SMTPUTF8: it is encoded anew, says the same, and the signatures are good.
func TestCorpusInASCII(t *testing.T) {
	keys := newSigningKeys(t)
	samples, arrived := relaySigned(t, keys, upstreamtest.Options{Extensions: []string{"PIPELINING", "ENHANCEDSTATUSCODES"}})
	checkASCII(t, samples, arrived)
	for _, v := range verifiers {
		t.Run(v.name, func(t *testing.T) { checkSignatures(t, v, samples, arrived, keys.records) })
	}
}

// relaySigned sends the corpus through a daemon that signs.
func relaySigned(t *testing.T, keys signingKeys, o upstreamtest.Options) (samples []sample, arrived map[string][]byte) {
	t.Helper()
	out := startProvider(t, o)
	p := newNode(t, settings{rest: keys.config}, upstreamBlock("out", out.Addr(), "")).start()
	samples = corpus(t)
	arrived = relayCorpus(t, p, out, samples)
	p.stop()
	return samples, arrived
}

// checkASCII wants messages that say what they said, in seven bits.
func checkASCII(t *testing.T, samples []sample, arrived map[string][]byte) {
	t.Helper()
	pairs := make(map[string][2][]byte)
	for _, s := range samples {
		a := dissect(t, &s, arrived[s.name])
		pairs[s.name] = [2][]byte{s.want(), a.rest}
		checkLines(t, &s, a.rest)
		if i := bytes.IndexFunc(a.rest, func(r rune) bool { return r >= 0x80 }); i >= 0 {
			t.Errorf("%s: more than seven bits: %.100q", s.name, a.rest[i:])
		}
	}
	checkSame(t, pairs)
}

// checkSignatures wants two good signatures on each message.
func checkSignatures(t *testing.T, v verifier, samples []sample, arrived map[string][]byte, records map[string]string) {
	t.Helper()
	for name, signatures := range v.run(t, samples, arrived, records, nil) {
		var good []string
		for _, s := range signatures {
			if s.Domain == signingDomain && s.Good {
				good = append(good, s.Selector+" "+s.Algorithm)
			} else if s.Domain == signingDomain {
				t.Errorf("%s: the signature by %s is not good: %s", name, s.Selector, s.Why)
			}
		}
		slices.Sort(good)
		if want := []string{"ed25519 ed25519-sha256", "rsa rsa-sha256"}; !slices.Equal(good, want) {
			t.Errorf("%s: the good signatures are %q; want %q", name, good, want)
		}
	}
}

// checkControls wants no good signature where the key is another or none, the
// text was changed, or a field was added.
func checkControls(t *testing.T, v verifier, samples []sample, arrived map[string][]byte, records map[string]string) {
	t.Helper()
	others := maps.Clone(records)
	maps.Copy(others, newSigningKeys(t).records)
	for what, found := range map[string]map[string][]checked{
		"by another key":   v.run(t, samples, arrived, others, nil),
		"of another text":  v.run(t, samples, arrived, records, alterText),
		"of another field": v.run(t, samples, arrived, records, addSubject),
		"without a key":    v.run(t, samples, arrived, map[string]string{}, nil),
	} {
		for name, signatures := range found {
			for _, s := range signatures {
				if s.Good {
					t.Errorf("%s: a signature %s is found good", name, what)
				}
			}
		}
	}
}

// run verifies what arrived of the samples that the verifier can read, changed
// before.
func (v verifier) run(t *testing.T, samples []sample, arrived map[string][]byte, records map[string]string, change func([]byte) []byte) map[string][]checked {
	t.Helper()
	samples = slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return slices.Contains(v.blind, s.name) })
	dir := t.TempDir()
	for _, s := range samples {
		body := arrived[s.name]
		if change != nil {
			body = change(bytes.Clone(body))
		}
		writeFile(t, dir, s.name+".eml", body)
	}
	found := v.verify(t, dir, records)
	if len(found) != len(samples) {
		t.Fatalf("%d of %d messages were looked at", len(found), len(samples))
	}
	return found
}

func alterText(message []byte) []byte {
	if !bytes.Contains(message, []byte("\r\n\r\n")) {
		message = append(message, "\r\n"...)
	}
	return append(message, "One more line.\r\n"...)
}

func addSubject(message []byte) []byte {
	return append([]byte("Subject: what nobody wrote\r\n"), message...)
}

// TestLargeSigned has the signatures of a mail with a file of 25 MB verified.
func TestLargeSigned(t *testing.T) {
	keys := newSigningKeys(t)
	out := startProvider(t, upstreamtest.Options{})
	p := newNode(t, settings{rest: keys.config}, upstreamBlock("out", out.Addr(), "")).start()
	samples := []sample{attachment("attachment-25m", 25<<20)}
	arrived := relayCorpus(t, p, out, samples)
	p.stop()
	checkUnchanged(t, &samples[0], dissect(t, &samples[0], arrived[samples[0].name]))
	for _, v := range verifiers {
		if v.name == "dkimpy" {
			continue // it takes half a minute for so much
		}
		t.Run(v.name, func(t *testing.T) { checkSignatures(t, v, samples, arrived, keys.records) })
	}
}
