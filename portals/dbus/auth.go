package dbus

import (
	"bytes"
	"errors"
)

// Before the messages both sides exchange lines. The app may send many at once, and its messages
// right behind them (sd-bus and zbus do), so the end of the bus's lines is found by counting: each
// line but BEGIN is answered by one.
//
// What must never happen is that the bus sees messages where the filter still sees lines, or lines
// where the filter sees messages. A line has no control characters, and the fourth byte of every
// message is 1. Messages follow BEGIN, that word alone, and wait until the bus has answered every line
// and said OK: what buses make of another BEGIN they do not agree on.

const (
	maxLine  = 16 << 10
	maxLines = 1000
)

var errAuth = errors.New("malformed authentication")

// auth is how far the exchange has come.
type auth struct {
	greeted  bool // the app's first byte, which is zero
	begun    bool // the app has sent BEGIN
	asked    int  // lines of the app that are answered
	answered int
	accepted bool // the bus knows who we are, and so takes BEGIN for what it is
}

// app reads the next piece of what the app says: the zero byte or one line. It gives its length, or
// 0 if more is needed.
func (a *auth) app(b []byte) (int, error) {
	if !a.greeted {
		a.greeted = true
		if b[0] != 0 {
			return 0, errAuth
		}
		return 1, nil
	}
	n, err := line(b)
	if n == 0 || err != nil {
		return 0, err
	}
	if word, _, more := bytes.Cut(b[:n-2], []byte{' '}); string(word) == "BEGIN" {
		if more {
			return 0, errAuth // dbus-daemon begins; dbus-broker says ERROR, and goes on reading lines
		}
		a.begun = true
		return n, nil
	}
	if a.asked++; a.asked > maxLines {
		return 0, errAuth
	}
	return n, nil
}

// bus reads one line of the bus likewise.
func (a *auth) bus(b []byte) (int, error) {
	n, err := line(b)
	if n == 0 || err != nil {
		return 0, err
	}
	if a.answered++; a.answered > a.asked {
		return 0, errAuth
	}
	switch word, _, _ := bytes.Cut(b[:n-2], []byte{' '}); string(word) {
	case "OK":
		a.accepted = true
	case "REJECTED":
		a.accepted = false
	}
	return n, nil
}

// over reports whether the bus has answered all lines, so that messages follow.
func (a *auth) over() bool { return a.begun && a.answered == a.asked }

// line finds a line with its end, and gives its length, or 0 if more is needed.
func line(b []byte) (int, error) {
	for i, c := range b[:min(len(b), maxLine)] {
		switch {
		case c == '\r' && i > 0:
			if i+1 == len(b) {
				return 0, nil
			}
			if b[i+1] != '\n' {
				return 0, errAuth
			}
			return i + 2, nil
		case c < ' ' || c > '~', i == 0 && (c < 'A' || c > 'Z'):
			return 0, errAuth
		}
	}
	if len(b) >= maxLine {
		return 0, errAuth
	}
	return 0, nil
}
