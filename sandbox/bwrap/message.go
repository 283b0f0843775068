package bwrap

import (
	"errors"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Error is a failure in bubblewrap's words. Hint, if there is one, is for a line of its own.
type Error struct {
	Text string
	Hint string
	Err  error
}

func (e *Error) Error() string { return e.Text }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// errUsage asks for the usage on standard error.
var errUsage = errors.New("usage")

func die(text string) error { return &Error{Text: text} }

// dieWith appends the cause as the C library spells it.
func dieWith(text string, err error) error {
	return &Error{Text: text + ": " + spell(err), Err: err}
}

// spell gives the text of an errno as strerror(3) does, which differs from Go's in its first letter.
func spell(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// levels of syslog(3).
const (
	levelError   = '3'
	levelWarning = '4'
)

// lines makes lines of a message, each with the prefixes that callers look for.
func (l *Line) lines(level byte, text, hint string) string {
	prefix := "bwrap: "
	if l != nil && l.LevelPrefix {
		prefix = "<" + string(level) + ">" + prefix
	}
	var b strings.Builder
	b.WriteString(prefix)
	b.WriteString(printable(text))
	b.WriteByte('\n')
	if hint != "" {
		b.WriteString(prefix + "hint: " + printable(hint) + "\n")
	}
	return b.String()
}

// printable keeps what could command a terminal or turn its text around from reaching it.
func printable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == '\t' || c >= ' ' && c != 0x7f && (c < 0x80 || c > 0x9f) && !isBidi(c) && (c != utf8.RuneError || n > 1) {
			b.WriteString(s[i : i+n])
		} else {
			for _, c := range []byte(s[i : i+n]) {
				b.WriteString(`\x` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
			}
		}
		i += n
	}
	return b.String()
}

// isBidi reports whether a character changes the direction of text.
func isBidi(c rune) bool {
	return c == 0x061c || c == 0x200e || c == 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}
