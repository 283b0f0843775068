package bwrap

import (
	"math"
	"strconv"
	"strings"
)

// number reads a descriptor or an id as strtol(3) with base 10 does, and refuses what is negative
// or too large for one. (bubblewrap cuts larger ones off: its 4294967299 is 3.)
func number(text, what string) (int, error) {
	n, ok := integer(text, 10)
	if !ok || n > math.MaxInt32 {
		return 0, die("Invalid " + what + ": " + text)
	}
	return int(n), nil
}

// octal reads a mode as strtoul(3) with base 8 does.
func octal(text string) (uint32, bool) {
	n, ok := integer(text, 8)
	return uint32(n), ok && n <= 0o7777
}

// integer reads blanks, a sign and digits. All that is negative but -0 is refused.
func integer(text string, base int) (uint64, bool) {
	digits := strings.TrimLeft(text, " \t\n\v\f\r")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return 0, false // strconv would take a sign
	}
	n, err := strconv.ParseUint(digits, base, 64)
	return n, err == nil && !(negative && n != 0)
}

// bytesOf reads a size as strtoull(3) with base 0 does, without signs and blanks.
func bytesOf(text string) (uint64, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	base, digits := 10, text
	switch {
	case len(text) > 2 && (text[:2] == "0x" || text[:2] == "0X"):
		base, digits = 16, text[2:]
	case text[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(digits, base, 64)
	return n, err == nil
}
