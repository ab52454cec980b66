package classify

import "strings"

// noAddress stands where a mail address was. It keeps the words on both sides
// apart, and no rule of a pack looks for it.
const noAddress = "@"

// maxAddress bounds how far before its @ an address may begin, in bytes. It is
// more than RFC 5321 4.5.3.1 allows.
const maxAddress = 512

// withoutAddresses takes the mail addresses out of a folded text. They are an
// echo of what we said, and no word in one is the server's: <spf@example.com>
// tells nothing of SPF, and bob@spamcop.net nothing of a block list.
func withoutAddresses(text string) string {
	if strings.IndexByte(text, '@') < 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	done := 0
	for at := 0; at < len(text); at++ {
		if text[at] != '@' {
			continue
		}
		start, end := addressAround(text, max(done, at-maxAddress), at)
		if start == end {
			continue
		}
		b.WriteString(text[done:start])
		b.WriteString(noAddress)
		done, at = end, end-1
	}
	b.WriteString(text[done:])
	return b.String()
}

// addressAround gives where the address begins and ends that has its @ at this
// index; what is before least has been read. Where there is none, both are 0.
func addressAround(text string, least, at int) (start, end int) {
	if start, end = bracketsAround(text, least, at); start < end {
		return start, end
	}
	if start = localPartStart(text, least, at); start == at {
		return 0, 0
	}
	return start, domainEnd(text, at+1)
}

// bracketsAround gives what is between the angle brackets around an @, where
// that has no space: also a path with a route ("<@a.example:bob@b.example>").
func bracketsAround(text string, least, at int) (start, end int) {
	open := strings.LastIndexAny(text[least:at], "<> ")
	if open < 0 || text[least+open] != '<' {
		return 0, 0
	}
	length := strings.IndexAny(text[at:], "<> ")
	if length < 0 || text[at+length] != '>' {
		return 0, 0
	}
	start, end = least+open+1, at+length
	if strings.Contains(text[start:end], "://") {
		return 0, 0
	}
	return start, end
}

// localPartStart gives where the local part begins that ends at an @; the index
// of the @ where there is none.
func localPartStart(text string, least, at int) int {
	if at > least && text[at-1] == '"' {
		return quotedStart(text, least, at)
	}
	start, named := at, false
	for start > least && isAtom(text[start-1]) {
		start--
		named = named || isNameByte(text[start])
	}
	if !named { // signs only, as in "missing final '@domain'"
		return at
	}
	// In a link the address is but the last value of it.
	if start > least && text[start-1] == ':' && strings.HasPrefix(text[start:], "//") {
		start += strings.LastIndexAny(text[start:at], "/?&=") + 1
	}
	return start
}

// quotedStart does so for a quoted local part. Where its beginning has been read
// as another address, or is missing, the closing quote has to do.
func quotedStart(text string, least, at int) int {
	for i := at - 2; i >= least; i-- {
		if text[i] != '"' {
			continue
		}
		slashes := i
		for slashes > least && text[slashes-1] == '\\' {
			slashes--
		}
		if (i-slashes)%2 == 0 {
			return i
		}
	}
	return at - 1
}

// domainEnd gives where the domain ends that begins at an index; dots behind it
// are the sentence's.
func domainEnd(text string, start int) int {
	end := start
	if end < len(text) && text[end] == '[' {
		if length := strings.IndexAny(text[end:], "] "); length > 0 && text[end+length] == ']' {
			return end + length + 1
		}
	}
	for end < len(text) && (isNameByte(text[end]) || strings.IndexByte("-._", text[end]) >= 0) {
		end++
	}
	for end > start && text[end-1] == '.' {
		end--
	}
	return end
}

// isAtom reports whether c may be in a local part without quotes (RFC 5321
// 4.1.2, RFC 6531).
func isAtom(c byte) bool {
	return isNameByte(c) || strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

// isNameByte knows the letters and digits of a folded text, and bytes beyond
// ASCII.
func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || digit(c) || c >= 0x80
}
