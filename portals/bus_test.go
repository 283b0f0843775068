package portals

import (
	"slices"
	"testing"

	"snug/portals/dbus"
)

func TestBusAddress(t *testing.T) {
	for socket, want := range map[string]string{
		"@/tmp/dbus-x y,%=é":   "unix:abstract=/tmp/dbus-x%20y%2c%25%3d%c3%a9",
		"/run/user/1000/a;b,c": "unix:path=/run/user/1000/a%3bb%2cc",
	} {
		got := busAddress(socket)
		if got != want {
			t.Errorf("%q: %s", socket, got)
		}
		if names, err := dbus.Sockets(got); err != nil || !slices.Equal(names, []string{socket}) {
			t.Errorf("%q is read as %q, %v", socket, names, err)
		}
	}
}
