package portals_test

import (
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// What the session itself promises: all tests stand on it.

// The whole desktop starts, answers, and is gone at the end, with its mount and its processes.
func TestBedLeavesNothing(t *testing.T) {
	need.Time(t) // here, since a part of a test is skipped alone
	var d *desk
	t.Run("session", func(t *testing.T) {
		d = newDesk(t)
		d.Sway()
		d.portals()
		d.notifications()
		d.settings()
		d.a11y()
		d.SystemBus()
		if out := d.Outside(settingsRead...); !strings.Contains(out, "uint32") {
			t.Errorf("want a setting, got %s", out)
		}
		if !mounted(d.doc) || len(d.Processes()) < 9 {
			t.Errorf("control: want the documents mounted and all programs running, got %d", len(d.Processes()))
		}
	})
	if left := d.Processes(); len(left) > 0 || mounted(d.doc) || bed.Exists(d.Dir) {
		t.Errorf("left: processes %v, or a mount, or %s", left, d.Dir)
	}
}

// Without portals a bed has none, and a call for one says so.
func TestBedWithoutPortals(t *testing.T) {
	d := newDesk(t)
	out := d.Outside(settingsRead...)
	if !strings.Contains(out, "ServiceUnknown") {
		t.Errorf("want ServiceUnknown, got %s", out)
	}
}

// The other implementation of a bus runs, too, where systemd does not: all that it lacks is a
// journal.
func TestBedWithDBusBroker(t *testing.T) {
	d := newBrokerDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk")
	if out := d.Outside(gdbus("com.example.Talk", "/x", "com.example.Host.Do")...); out != "('did Do',)\n" {
		t.Errorf("got %s", out)
	}
	brokers, daemons := 0, 0
	for _, pid := range d.Processes() {
		switch line := bed.CommandLine(pid); {
		case strings.HasPrefix(line, "dbus-broker --"):
			brokers++
		case strings.HasPrefix(line, "dbus-daemon"):
			daemons++
		}
	}
	if brokers != 1 || daemons != 0 {
		t.Errorf("control: want dbus-broker to be the bus, found %d, and %d of dbus-daemon", brokers, daemons)
	}
}

var settingsRead = gdbus("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings.Read",
	"org.freedesktop.appearance", "color-scheme")

// gdbus is the line of a call.
func gdbus(name, path, method string, arguments ...string) []string {
	return append([]string{"gdbus", "call", "--session", "--timeout", "20", "-d", name, "-o", path, "-m", method}, arguments...)
}
