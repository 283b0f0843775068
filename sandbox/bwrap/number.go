package bwrap

import (
	"math"
	"strconv"
	"strings"
)

// number reads a descriptor or an id as strtol(3) with base 10 does, and refuses what is negative.
func number(text, what string) (int, error) {
	invalid := die("Invalid " + what + ": " + text)
	digits := strings.TrimLeft(text, " \t\n\v\f\r")
	digits = strings.TrimPrefix(digits, "+")
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		if rest := strings.TrimPrefix(digits, "-"); rest != digits && strings.Trim(rest, "0") == "" && rest != "" {
			return 0, nil // -0
		}
		return 0, invalid
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n > math.MaxInt32 {
		return 0, invalid
	}
	return int(n), nil
}

// octal reads a mode as strtoul(3) with base 8 does.
func octal(text string) (uint32, bool) {
	digits := strings.TrimPrefix(strings.TrimLeft(text, " \t\n\v\f\r"), "+")
	if digits == "" || digits[0] < '0' || digits[0] > '7' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 8, 32)
	return uint32(n), err == nil && n <= 0o7777
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
