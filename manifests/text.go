package manifests

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// plainProblem says why a string may not become a path, a name, a word of a command or a
// variable, or "". Control characters and bidirectional marks show on a screen as something else
// than what is granted (CVE-2023-28101, CVE-2021-25743); a NUL ends the string for the kernel
// (CVE-2021-43860); a newline starts another line of whatever the string is written into
// (CVE-2021-4120).
func plainProblem(text string) string {
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case char == utf8.RuneError && size == 1:
			return "is not valid UTF-8"
		case char == 0:
			return "holds a NUL byte"
		case char == '\n' || char == '\r' || char == 0x2028 || char == 0x2029:
			return "holds a line break"
		case char < 0x20 || char >= 0x7f && char < 0xa0:
			return "holds a control character"
		case isBidi(char):
			return "holds a character that changes the direction of text"
		}
		i += size
	}
	return ""
}

// isBidi reports whether char is one of Unicode's bidirectional marks, embeddings or isolates.
func isBidi(char rune) bool {
	return char == 0x061c || char == 0x200e || char == 0x200f ||
		char >= 0x202a && char <= 0x202e || char >= 0x2066 && char <= 0x2069
}

// printable returns the name of a file as Origins may show it: escaped where it could deceive,
// and never so that it reads as a flag.
func printable(name string) string {
	if plainProblem(name) != "" {
		quoted := strconv.QuoteToASCII(name)
		name = quoted[1 : len(quoted)-1]
	}
	if strings.HasPrefix(name, "-") {
		return "./" + name
	}
	return name
}

// maxShown bounds what a message repeats of a text.
const maxShown = 200

// quote returns text in double quotes with everything escaped that could deceive on a screen.
func quote(text string) string {
	if len(text) > maxShown {
		return strconv.QuoteToASCII(text[:maxShown]) + "…"
	}
	if plainProblem(text) == "" {
		return strconv.Quote(text)
	}
	return strconv.QuoteToASCII(text)
}

// every reports whether text is not empty and holds only bytes for which is reports true.
func every(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return text != ""
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
func isName(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
func isLabel(c byte) bool  { return isName(c) || c == '-' }
