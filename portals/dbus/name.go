package dbus

import (
	"bytes"
	"strings"
)

// maxName is the longest name, of any kind.
const maxName = 255

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// validPath reports whether s is an object path: "/", or elements after one slash each.
func validPath(s []byte) bool {
	if len(s) == 0 || s[0] != '/' || len(s) > 1 && s[len(s)-1] == '/' {
		return false
	}
	for i, c := range s {
		if c == '/' {
			if i > 0 && s[i-1] == '/' {
				return false
			}
		} else if !letter(c) && !digit(c) {
			return false
		}
	}
	return true
}

func validMember(s []byte) bool {
	return len(s) > 0 && len(s) <= maxName && elements(s, false, false) == 1
}

func validInterface(s []byte) bool { return len(s) <= maxName && elements(s, false, false) > 1 }

// validName reports whether s is a unique or a well-known name.
func validName(s []byte) bool {
	if len(s) > maxName {
		return false
	}
	if unique(s) {
		return elements(s[1:], true, true) > 1
	}
	return elements(s, true, false) > 1
}

// unique reports whether a name is one that the bus gave.
func unique[T []byte | string](s T) bool { return len(s) > 0 && s[0] == ':' }

// elements counts the elements between dots, and gives 0 if one is malformed.
func elements(s []byte, hyphen, digitFirst bool) int {
	n, first := 1, true
	for _, c := range s {
		switch {
		case c == '.':
			if first {
				return 0
			}
			n, first = n+1, true
			continue
		case letter(c), hyphen && c == '-', digit(c) && (digitFirst || !first):
		default:
			return 0
		}
		first = false
	}
	if first {
		return 0
	}
	return n
}

// pattern is a well-known name, or many: "a.b.*" is a.b and all below it, and a star inside an
// element stands for any characters of that element.
type pattern struct {
	text  string // without the ".*" at its end
	below bool
	glob  bool
}

// parsePattern reads a pattern, and reports whether it is one.
func parsePattern(s string) (pattern, bool) {
	var p pattern
	p.text, p.below = strings.CutSuffix(s, ".*")
	p.glob = strings.Contains(p.text, "*")
	for e := range strings.SplitSeq(p.text, ".") {
		if e == "*" || strings.Contains(e, "**") {
			return p, false
		}
	}
	plain := []byte(strings.ReplaceAll(p.text, "*", "x"))
	return p, validName(plain) && !unique(plain)
}

func (p pattern) String() string {
	if p.below {
		return p.text + ".*"
	}
	return p.text
}

// matches reports whether a name is one of the pattern's.
func (p pattern) matches(name []byte) bool {
	if !p.glob {
		return len(name) >= len(p.text) && string(name[:len(p.text)]) == p.text &&
			(len(name) == len(p.text) || p.below && name[len(p.text)] == '.')
	}
	rest := p.text
	for {
		want, after, more := strings.Cut(rest, ".")
		got, behind, dot := bytes.Cut(name, []byte{'.'})
		if !globbed(want, got) {
			return false
		}
		if !more {
			return !dot || p.below
		}
		if !dot {
			return false
		}
		rest, name = after, behind
	}
}

// Covers reports whether a grant of a pattern, as in [Policy], reaches a name or any name below it.
func Covers(granted, name string) bool {
	p, ok := parsePattern(granted)
	if !ok {
		return false
	}
	for rest := p.text; ; {
		want, after, more := strings.Cut(rest, ".")
		got, behind, dot := strings.Cut(name, ".")
		switch {
		case !globbed(want, []byte(got)):
			return false
		case !dot:
			return true
		case !more:
			return p.below
		}
		rest, name = after, behind
	}
}

// globbed matches one element, without stepping back more than to the last star.
func globbed(want string, got []byte) bool {
	star, from := -1, 0
	i, j := 0, 0
	for j < len(got) {
		switch {
		case i < len(want) && want[i] == '*':
			star, from = i, j
			i++
		case i < len(want) && want[i] == got[j]:
			i, j = i+1, j+1
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(want[i:], "*") == ""
}

// namespace gives the text of the match rule's key that tells of the pattern's names, and whether
// there is one that is narrower than all names.
func (p pattern) namespace() (key, value string) {
	switch {
	case !p.glob && !p.below:
		return "arg0", p.text
	case !p.glob:
		return "arg0namespace", p.text
	}
	fixed := p.text[:strings.IndexByte(p.text, '*')]
	if i := strings.LastIndexByte(fixed, '.'); i > 0 {
		return "arg0namespace", fixed[:i]
	}
	return "", ""
}
