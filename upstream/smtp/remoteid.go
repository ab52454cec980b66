package smtp

import "strings"

// maxRemoteID bounds what is taken for a provider's name of a message.
const maxRemoteID = 128

// remoteID finds the name that the provider gave to the message in the text of
// its 250, by the shapes that are in use; "" where there is none.
func remoteID(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	for _, find := range []func(string) string{afterQueuedAs, keyed, gmailID, firstWord, afterOK} {
		if id := find(line); id != "" {
			return id
		}
	}
	return ""
}

// afterQueuedAs: "Ok: queued as 4VbX2k1", of Postfix and many more.
func afterQueuedAs(line string) string {
	_, rest, ok := cutFold(line, "queued as ")
	if !ok {
		return ""
	}
	return idToken(rest)
}

// keyed: "OK id=1rXyZ-0001" of Exim, "… [InternalId=123, Hostname=…]" of
// Exchange, "###envid=2001" of Aliyun.
func keyed(line string) string {
	for _, key := range []string{"[internalid=", " id=", "envid="} {
		if _, rest, ok := cutFold(" "+line, key); ok {
			return idToken(rest)
		}
	}
	return ""
}

// gmailID: "OK  1700000000 d2e1a72-20020a si123.4 - gsmtp".
func gmailID(line string) string {
	before, ok := strings.CutSuffix(line, " - gsmtp")
	if !ok {
		return ""
	}
	return idToken(before[strings.LastIndexByte(before, ' ')+1:])
}

// firstWord: "3k2j1h Message accepted for delivery" of Sendmail and OpenSMTPD.
func firstWord(line string) string {
	before, _, ok := cutFold(line, " message accepted for delivery")
	if !ok || strings.Contains(before, " ") {
		return ""
	}
	return idToken(before)
}

// afterOK: "Ok 0102018e-…-000000" of SES, "OK 0F/A1-…" of SparkPost, "ok
// 1700000000 qp 12345" of qmail: the first word after OK that has a digit.
func afterOK(line string) string {
	rest, ok := strings.CutPrefix(strings.ToLower(line[:min(len(line), 3)]), "ok")
	if !ok || (rest != " " && rest != ":") {
		return ""
	}
	words := strings.Fields(line[3:])
	if len(words) == 0 {
		return ""
	}
	return idToken(words[0])
}

// idToken is the first word of s without what surrounds it; it must have a
// digit, and no character that an id does not have.
func idToken(s string) string {
	word, _, _ := strings.Cut(s, " ")
	word = strings.Trim(word, "<>[](),;.:'\"")
	if len(word) > maxRemoteID || !strings.ContainsAny(word, "0123456789") {
		return ""
	}
	for i := 0; i < len(word); i++ {
		if word[i] <= ' ' || word[i] >= 0x7f {
			return ""
		}
	}
	return word
}

// cutFold is strings.Cut in any case; sep is in lower case ASCII.
func cutFold(s, sep string) (before, after string, found bool) {
	for i := 0; i+len(sep) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sep)], sep) {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}
