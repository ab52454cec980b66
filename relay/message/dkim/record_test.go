package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestRecord reads our zone files with the parser of others.
func TestRecord(t *testing.T) {
	for _, key := range []crypto.Signer{rsaKey(), edKey()} {
		want := published(t, key.Public())
		got, err := Record(key.Public())
		if err != nil || got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		name := RecordName("s1", "example.com")
		rr, err := dns.NewRR(ZoneRecord(name, got))
		if err != nil {
			t.Fatal(err)
		}
		txt, ok := rr.(*dns.TXT)
		if !ok || txt.Hdr.Name != "s1._domainkey.example.com." || strings.Join(txt.Txt, "") != want {
			t.Errorf("got %v", rr)
		}
		for _, s := range txt.Txt {
			if len(s) > maxString {
				t.Errorf("a string of %d bytes", len(s))
			}
		}
	}
}

func TestJudge(t *testing.T) {
	pkix := base64.StdEncoding.EncodeToString(must(x509.MarshalPKIXPublicKey(rsaKey().Public())))
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey))
	ed := base64.StdEncoding.EncodeToString(edKey().Public().(ed25519.PublicKey))
	rsaPublic, edPublic := rsaKey().Public(), edKey().Public()
	other := "A"
	if pkix[60] == 'A' { // the key is another one in each run
		other = "B"
	}
	tests := []struct {
		name    string
		records []string
		public  crypto.PublicKey
		want    Status
		detail  string
	}{
		{"rsa", []string{"v=DKIM1; k=rsa; p=" + pkix}, rsaPublic, StatusOK, ""},
		{"ed25519", []string{"v=DKIM1; k=ed25519; p=" + ed}, edPublic, StatusOK, ""},
		{"least", []string{"p=" + pkix}, rsaPublic, StatusOK, ""},
		{"in PKCS#1", []string{"v=DKIM1; p=" + pkcs1}, rsaPublic, StatusOK, ""},
		{"spaced", []string{" v = DKIM1 ;\tp= " + pkix[:50] + " \t" + pkix[50:] + " ; n=a note;"}, rsaPublic, StatusOK, ""},
		{"all tags", []string{"v=DKIM1; h=sha1:sha256; s=email; t=s; p=" + pkix}, rsaPublic, StatusOK, ""},
		{"testing", []string{"v=DKIM1; t=s:y; p=" + pkix}, rsaPublic, StatusOK, "t=y"},
		{"missing", nil, rsaPublic, StatusMissing, "dkim record"},
		{"two", []string{"v=spf1 -all", "v=DKIM1; p=" + pkix}, rsaPublic, StatusDiffers, "2 TXT records"},
		{"revoked", []string{"v=DKIM1; p="}, rsaPublic, StatusRevoked, "refuse"},
		{"revoked, spaced", []string{"v=DKIM1; k=rsa; p= ;"}, rsaPublic, StatusRevoked, "refuse"},
		{"no p", []string{"v=DKIM1; k=rsa"}, rsaPublic, StatusDiffers, "p= is missing"},
		{"another", []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, 32))}, edPublic, StatusDiffers, "another key"},
		{"another rsa", []string{"v=DKIM1; p=" + pkix[:60] + other + pkix[61:]}, rsaPublic, StatusDiffers, "another key"},
		{"no base64", []string{"v=DKIM1; p=%%%"}, rsaPublic, StatusDiffers, "another key"},
		{"cut off", []string{"v=DKIM1; p=" + pkix[:200]}, rsaPublic, StatusDiffers, "another key"},
		{"k missing", []string{"v=DKIM1; p=" + ed}, edPublic, StatusDiffers, "k= says rsa"},
		{"k wrong", []string{"v=DKIM1; k=ed25519; p=" + pkix}, rsaPublic, StatusDiffers, "k= says ed25519"},
		{"spf", []string{"v=spf1 include:example.net -all"}, rsaPublic, StatusDiffers, "no DKIM record"},
		{"v late", []string{"p=" + pkix + "; v=DKIM1"}, rsaPublic, StatusDiffers, "begin with"},
		{"v wrong", []string{"v=DKIM2; p=" + pkix}, rsaPublic, StatusDiffers, "begin with"},
		{"twice", []string{"v=DKIM1; p=" + pkix + "; p="}, rsaPublic, StatusDiffers, "two of p="},
		{"sha1", []string{"v=DKIM1; h=sha1; p=" + pkix}, rsaPublic, StatusDiffers, "sha256"},
		{"not for mail", []string{"v=DKIM1; s=tlsrpt; p=" + pkix}, rsaPublic, StatusDiffers, "not for mail"},
		{"empty", []string{""}, rsaPublic, StatusDiffers, "p= is missing"},
		{"quotes", []string{`"v=DKIM1; p=` + pkix + `"`}, rsaPublic, StatusDiffers, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Judge(tt.records, tt.public)
			if got.Status != tt.want || !strings.Contains(got.Detail, tt.detail) || tt.detail == "" && tt.want == StatusOK && got.Detail != "" {
				t.Errorf("got %+v, want %s, %q", got, tt.want, tt.detail)
			}
		})
	}
}

// FuzzJudge: whoever runs a zone may write anything into it.
func FuzzJudge(f *testing.F) {
	public := rsa.PublicKey{N: rsaKey().N, E: rsaKey().E}
	f.Add("v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(must(x509.MarshalPKIXPublicKey(&public))))
	f.Add("v=DKIM1; h=; s=*; t=; p=;;=")
	f.Add("v=DKIM1; k=rsa; p=MEgCQQ==")
	f.Fuzz(func(t *testing.T, record string) {
		if got := Judge([]string{record}, &public); got.Status == "" || strings.ContainsAny(got.Detail, "\r\n") {
			t.Errorf("got %+v", got)
		}
	})
}
