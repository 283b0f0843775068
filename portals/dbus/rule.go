package dbus

import (
	"strings"
)

// rule says which messages pass: [METHOD][@PATH].
//
//	METHOD   "" or "*"      any
//	         "iface.*"      any of an interface
//	         "iface.Member" one
//	PATH     ""             any
//	         "/x/y"         this one
//	         "/x/*"         /x and all below it
type rule struct {
	iface, member string // empty is any
	path          string // empty is any
	below         bool
}

// parseRule reads a rule, and reports whether it is one.
func parseRule(s string) (rule, bool) {
	method, path, at := strings.Cut(s, "@")
	var r rule
	if at {
		r.path, r.below = strings.CutSuffix(path, "/*")
		if r.path == "" && r.below {
			r.path = "/"
		}
		if !validPath([]byte(r.path)) {
			return r, false
		}
	}
	if method == "" || method == "*" {
		return r, true
	}
	dot := strings.LastIndexByte(method, '.')
	if dot < 0 {
		return r, false
	}
	r.iface = method[:dot]
	if m := method[dot+1:]; m != "*" {
		r.member = m
	}
	return r, validInterface([]byte(r.iface)) && (r.member == "" || validMember([]byte(r.member)))
}

func (r rule) String() string {
	s := "*"
	if r.iface != "" {
		s = r.iface + ".*"
		if r.member != "" {
			s = r.iface + "." + r.member
		}
	}
	switch {
	case r.path == "":
		return s
	case r.below && r.path == "/":
		return s + "@/*"
	case r.below:
		return s + "@" + r.path + "/*"
	}
	return s + "@" + r.path
}

// matches reports whether a message is one of the rule's. Without an interface it is none of a rule
// that has one: the receiver might take it for another interface's.
func (r rule) matches(h *header) bool {
	return (r.iface == "" || string(h.iface()) == r.iface) &&
		(r.member == "" || string(h.member()) == r.member) &&
		(r.path == "" || r.covers(h.path()))
}

func (r rule) covers(path []byte) bool {
	n := len(r.path)
	switch {
	case len(path) < n || string(path[:n]) != r.path:
		return false
	case len(path) == n:
		return true
	}
	return r.below && (path[n] == '/' || r.path == "/")
}
