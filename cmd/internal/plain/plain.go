// Package plain makes text from outside safe to show: names of files, labels of images, what systems say.
//
// The one default call is Line. It takes out what a terminal obeys, or shows as something else than it is; it
// does not judge what the text says, and does not shorten it.
//
// Of attackers: all of the text may be theirs. What is left of it draws characters and nothing else, and adds no
// line of its own.
package plain

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is text of several lines without control characters, which could rewrite what is on the screen, and
// without those that reverse the direction of writing (CVE-2023-28101).
func Text(s string) string {
	if strings.IndexFunc(s, deceives) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if deceives(r) {
			return '?'
		}
		return r
	}, s)
}

// deceives reports whether a terminal may show something else than a character.
func deceives(r rune) bool {
	return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError ||
		r == 0x61c || r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// Line is Text that stands in a line with others.
func Line(s string) string { return strings.ReplaceAll(Text(s), "\n", "?") }

// JSON writes a value for machines, in one line. A person may see it all the same, so what Text takes out is
// escaped; it can only stand in strings.
func JSON(w io.Writer, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	var escaped strings.Builder
	for _, r := range text.String() {
		if deceives(r) {
			escaped.WriteString(`\u` + strconv.FormatInt(0x10000|int64(r), 16)[1:])
		} else {
			escaped.WriteRune(r)
		}
	}
	_, err := io.WriteString(w, escaped.String())
	return err
}

// Word is a word as a shell reads it: in quotes, if it needs them.
func Word(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
