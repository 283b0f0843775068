package store

import "strings"

// Names, in prose.
//
// A name is what registries call an image: parts of lower-case letters and digits, which may have single
// dots, one or two underscores, or hyphens inside, with slashes in between; the first may be a host with a
// port. Behind it a colon and a tag: letters, digits, dots, underscores and hyphens, at most 128 of them.
// Without one the tag is "latest", and that tag is not written. All in all at most 200 bytes: it is the name
// of a file. What could be a digest or the beginning of one in full length is no name.

const (
	maxName   = 200
	maxTag    = 128
	latestTag = ":latest"
)

// ParseName checks the name of an image, and gives the one way in which it is written.
func ParseName(s string) (string, error) {
	name, tag := s, ""
	if colon := strings.LastIndexByte(s, ':'); colon > strings.LastIndexByte(s, '/') {
		name, tag = s[:colon], s[colon:]
	}
	switch {
	case len(s) > maxName:
		return "", &Error{What: "the name of an image is longer than 200 bytes"}
	case tag != "" && !isTag(tag[1:]):
		return "", &Error{What: "not the tag of an image: " + quote(s), Hint: "letters, digits, dots, underscores and hyphens behind the colon, as in debian:12"}
	case name == "sha256" && tag != "" || len(name) == 64 && isHex(name):
		return "", &Error{What: "a digest is no name of an image: " + quote(s)}
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if i == 0 && len(parts) > 1 {
			if host, port, ok := strings.Cut(p, ":"); ok && isPort(port) {
				p = host
			}
		}
		if !isPart(p) {
			return "", &Error{What: "not the name of an image: " + quote(s), Hint: "lower-case letters, digits, and . _ - inside, as in debian:12 or example.org/team/base"}
		}
	}
	if tag == latestTag {
		tag = ""
	}
	return name + tag, nil
}

// isPart reports whether a word is a part of a name between slashes.
func isPart(s string) bool {
	between := 0 // how many of the characters before are no letters or digits
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			between = 0
			continue
		case c != '.' && c != '_' && c != '-' || i == 0 || i == len(s)-1:
			return false
		case between > 0 && (c == '.' || c != s[i-1]), c == '_' && between > 1:
			return false
		}
		between++
	}
	return s != ""
}

func isTag(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxTag
}

func isPort(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 5
}

// fileOf is the file of a name, which nameOf gives back.
func fileOf(name string) string { return strings.ReplaceAll(name, "/", "+") }

func nameOf(file string) string { return strings.ReplaceAll(file, "+", "/") }
