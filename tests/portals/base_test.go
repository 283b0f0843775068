package portals_test

import (
	"strings"
	"testing"
)

// What the bed itself promises: all tests stand on it.

// The whole desktop starts, answers, and is gone at the end, with its mount and its processes.
func TestBedLeavesNothing(t *testing.T) {
	var b *bed
	t.Run("session", func(t *testing.T) {
		b = newBed(t)
		b.screen()
		b.portals()
		b.notifications()
		b.settings()
		b.a11y()
		b.system()
		if out := b.outside(settingsRead...); !strings.Contains(out, "uint32") {
			t.Errorf("want a setting, got %s", out)
		}
		if !mounted(b.doc) || len(b.processes()) < 9 {
			t.Errorf("control: want the documents mounted and all programs running, got %d", len(b.processes()))
		}
	})
	if left := b.processes(); len(left) > 0 || mounted(b.doc) || exists(b.dir) {
		t.Errorf("left: processes %v, or a mount, or %s", left, b.dir)
	}
}

// Without portals a bed has none, and a call for one says so.
func TestBedWithoutPortals(t *testing.T) {
	b := newBed(t)
	out := b.outside(settingsRead...)
	if !strings.Contains(out, "ServiceUnknown") {
		t.Errorf("want ServiceUnknown, got %s", out)
	}
}

// The other implementation of a bus runs, too, where systemd does not: all that it lacks is a
// journal.
func TestBedWithDBusBroker(t *testing.T) {
	b := newBrokerBed(t)
	b.peer(b.socket(), nil, "com.example.Talk")
	if out := b.outside(gdbus("com.example.Talk", "/x", "com.example.Host.Do")...); out != "('did Do',)\n" {
		t.Errorf("got %s", out)
	}
	found := 0
	for _, pid := range b.processes() {
		if strings.HasPrefix(commandLine(pid), "dbus-broker --") {
			found++
		}
	}
	if found != 1 || strings.Contains(b.outside("ps", "x"), b.dir+"/bus.conf") {
		t.Errorf("control: want dbus-broker to be the bus, found %d", found)
	}
}

var settingsRead = gdbus("org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Settings.Read",
	"org.freedesktop.appearance", "color-scheme")

// gdbus is the line of a call.
func gdbus(name, path, method string, arguments ...string) []string {
	return append([]string{"gdbus", "call", "--session", "--timeout", "20", "-d", name, "-o", path, "-m", method}, arguments...)
}
