// Package words judges words that came from outside, shows them so that they cannot deceive, and
// holds sets of them. It does not know what a manifest is.
package words

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem says why a string may not become a path, a name, a word of a command or a
// variable, or "". Control characters and bidirectional marks show on a screen as something else
// than what is granted (CVE-2023-28101, CVE-2021-25743); a NUL ends the string for the kernel
// (CVE-2021-43860); a newline starts another line of whatever the string is written into
// (CVE-2021-4120).
func Problem(text string) string {
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

// Printable returns the name of a file as Origins may show it: escaped where it could deceive,
// and never so that it reads as a flag.
func Printable(name string) string {
	if Problem(name) != "" {
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

// Quote returns text in double quotes with everything escaped that could deceive on a screen.
func Quote(text string) string {
	if len(text) > maxShown {
		return strconv.QuoteToASCII(text[:maxShown]) + "…"
	}
	if Problem(text) == "" {
		return strconv.Quote(text)
	}
	return strconv.QuoteToASCII(text)
}

// Every reports whether text is not empty and holds only bytes for which is reports true.
func Every(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return text != ""
}

// IsDigit, IsLetter and IsHex report whether a byte is a digit, a letter or a hexadecimal digit of
// ASCII.
func IsDigit(c byte) bool { return c >= '0' && c <= '9' }

// IsLetter: see IsDigit.
func IsLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// IsHex: see IsDigit.
func IsHex(c byte) bool { return IsDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// IsName reports whether a byte may stand in the name of a variable.
func IsName(c byte) bool { return IsLetter(c) || IsDigit(c) || c == '_' }

// IsLabel reports whether a byte may stand in a part of a host name.
func IsLabel(c byte) bool { return IsName(c) || c == '-' }

// Set is a set of words separated by single spaces. A word that ends in "*" stands for every
// word that begins alike.
type Set string

// Has reports whether the set holds word.
func (w Set) Has(word string) bool {
	for rest := string(w); rest != ""; {
		var one string
		one, rest, _ = strings.Cut(rest, " ")
		if prefix, wild := strings.CutSuffix(one, "*"); one == word || wild && strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

// List returns the words one by one.
func (w Set) List() []string { return strings.Fields(string(w)) }
