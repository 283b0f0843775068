package dbus

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// Sockets gives the names of unix sockets in a bus's address, in order: paths, and abstract names
// after '@' (D-Bus specification, "Server Addresses").
func Sockets(address string) ([]string, error) {
	var list []string
	for one := range strings.SplitSeq(address, ";") {
		transport, keys, _ := strings.Cut(one, ":")
		if transport != "unix" {
			continue
		}
		for pair := range strings.SplitSeq(keys, ",") {
			key, value, _ := strings.Cut(pair, "=")
			prefix, known := map[string]string{"path": "", "abstract": "@"}[key]
			if !known {
				continue
			}
			name, ok := unescape(value)
			if !ok || name == "" || strings.Contains(name, "\x00") {
				return nil, fmt.Errorf("bus address %q: %q is not a socket's name", address, value)
			}
			list = append(list, prefix+name)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("bus address %q: no unix socket in it, hint: unix:path=/run/user/1000/bus", address)
	}
	return list, nil
}

// unescape decodes %xx.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, ok := hexDigit(s[i+1])
		low, ok2 := hexDigit(s[i+2])
		if !ok || !ok2 {
			return "", false
		}
		b.WriteByte(high<<4 | low)
		i += 2
	}
	return b.String(), true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case digit(c):
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// dialer gives a function that connects to the first socket of the address that somebody listens on.
func dialer(address string) func() (int, error) {
	return func() (int, error) {
		names, err := Sockets(address)
		for _, name := range names {
			var fd int
			if fd, err = relay.Dial(name); err == nil || errors.Is(err, unix.EAGAIN) {
				return fd, err
			}
		}
		return -1, err
	}
}
