package portals_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bus"
)

// pythonCall calls a method of com.example.Host with python3-dbus, which is libdbus's binding.
const pythonCall = `
import dbus, sys
bus = dbus.SessionBus()
print(dbus.Interface(bus.get_object(sys.argv[1], "/x", introspect=False), "com.example.Host").Do())
`

// gioCall calls by a proxy object of GIO's, as applications do: that starts the service first and
// asks for its properties.
const gioCall = `
import sys
from gi.repository import Gio
proxy = Gio.DBusProxy.new_for_bus_sync(Gio.BusType.SESSION, 0, None, sys.argv[1], "/x", "com.example.Host", None)
print(proxy.call_sync("Do", None, 0, 5000, None).unpack())
`

// What programs use to speak to a bus, each with a library of its own: GDBus, sd-bus, libdbus and
// bindings. zbus, which Debian has no client of, authenticates as probe's connections do when they
// are pipelined, as in tests/bus.
var clients = []struct {
	name  string
	words func(name string) []string
}{
	{"gdbus", func(name string) []string { return gdbus(name, "/x", "com.example.Host.Do") }},
	{"busctl", func(name string) []string {
		return []string{"busctl", "--user", "call", name, "/x", "com.example.Host", "Do"}
	}},
	{"dbus-send", func(name string) []string {
		return []string{"dbus-send", "--session", "--print-reply", "--dest=" + name, "/x", "com.example.Host.Do"}
	}},
	{"python3-dbus", func(name string) []string { return []string{"python3", "-c", pythonCall, name} }},
	{"GDBusProxy", func(name string) []string { return []string{"python3", "-c", gioCall, name} }},
}

// Each client calls what the app may call, and is told where it may not. Outside it may call both.
func TestClients(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *desk{"dbus-daemon": newDesk, "dbus-broker": newBrokerDesk} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			d.peer(d.Socket(), nil, "com.example.Talk", "com.example.Hidden", "com.example.Rules")
			flags := granted + " --bus-session-call com.example.Rules=com.example.Host.Do"
			for _, c := range clients {
				for _, to := range []string{"com.example.Talk", "com.example.Rules"} {
					if out := d.inside(flags, c.words(to)...); !strings.Contains(out, "did Do") {
						t.Errorf("%s to %s: want an answer, got %s", c.name, to, out)
					}
				}
				hidden := c.words("com.example.Hidden")
				if out := d.inside(flags, hidden...); !refused.MatchString(out) {
					t.Errorf("%s: want a refusal, got %s", c.name, out)
				}
				if out := d.Outside(hidden...); !strings.Contains(out, "did Do") {
					t.Errorf("%s: control: want an answer outside, got %s", c.name, out)
				}
			}
		})
	}
}

// What can be seen of a bus: introspection of what may be called, and the names that are granted.
func TestNames(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk", "com.example.See", "com.example.Hidden")
	names := func(how func(...string) string, words ...string) (seen []string) {
		out := how(words...)
		for _, name := range []string{"com.example.Talk", "com.example.See", "com.example.Hidden", "org.freedesktop.DBus"} {
			if strings.Contains(out, name) {
				seen = append(seen, name)
			}
		}
		return seen
	}
	flags := granted + " --bus-session-see com.example.See"
	inside := func(words ...string) string { return d.inside(flags, words...) }
	list := gdbus(bus.Name, "/", "org.freedesktop.DBus.ListNames")
	if got := strings.Join(names(inside, list...), " "); got != "com.example.Talk com.example.See org.freedesktop.DBus" {
		t.Errorf("got %s", got)
	}
	if got := names(d.Outside, list...); len(got) != 4 {
		t.Errorf("control: want all outside, got %s", got)
	}
	if out := inside("gdbus", "introspect", "--session", "-d", bus.Name, "-o", "/"); !strings.Contains(out, "RequestName") {
		t.Errorf("want the bus described, got %s", out)
	}
	owner := func(how func(...string) string, name string) string {
		return how(gdbus(bus.Name, "/", "org.freedesktop.DBus.GetNameOwner", name)...)
	}
	if out := owner(inside, "com.example.Hidden"); !refused.MatchString(out) {
		t.Errorf("want no owner of a hidden name, got %s", out)
	}
	if out := owner(inside, "com.example.See"); out != owner(d.Outside, "com.example.See") {
		t.Errorf("want the owner, got %s", out)
	}
}

// Notifications without a portal, by the name that the manifest grants.
func TestNotifySend(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.notifications()
	if out := d.inside("--bus-session-talk org.freedesktop.Notifications", "notify-send", "granted"); out != "" {
		t.Errorf("got %s", out)
	}
	d.shown("granted")
	if out := d.inside(granted, "notify-send", "not granted"); !refused.MatchString(out) {
		t.Errorf("want a refusal, got %s", out)
	}
	d.Outside("notify-send", "outside")
	d.shown("outside")
	history := gdbus("org.freedesktop.Notifications", "/org/freedesktop/Notifications", "org.dunstproject.cmd0.NotificationListHistory")
	if out := d.Outside(history...); strings.Contains(out, "not granted") {
		t.Errorf("it was shown: %s", out)
	}
}

// Settings: by themselves they can neither be read nor written; who grants dconf has to say that
// this is dangerous.
func TestSettings(t *testing.T) {
	d := newDesk(t)
	d.settings()
	d.Outside("dconf", "write", "/org/example/host", "'secret'")
	if out := d.Outside("dconf", "read", "/org/example/host"); out != "'secret'\n" {
		t.Fatalf("control: got %s", out)
	}
	if out := d.inside(granted, "dconf", "read", "/org/example/host"); strings.Contains(out, "secret") {
		t.Errorf("without a grant: %s", out)
	}
	grant := "[bus.session]\ntalk = [\"ca.desrt.dconf\"]\n[files]\nread = [\"~/.config/dconf\"]\n"
	d.manifest("org.example.Settings", "", grant)
	if out := d.Outside("snug", "run", "org.example.Settings", "read", "/"); !strings.Contains(out, "(exit status 125)") || !strings.Contains(out, "talk:ca.desrt.dconf") {
		t.Errorf("want it refused with the code to accept, got %s", out)
	}
	d.manifest("org.example.Settings", "command = [\"dconf\"]\naccept = [\"talk:ca.desrt.dconf\"]\n", grant)
	if out := d.Outside("snug", "run", "org.example.Settings", "read", "/org/example/host"); out != "'secret'\n" {
		t.Errorf("granted and accepted, want it read, got %s", out)
	}
	if out := d.Outside("snug", "run", "org.example.Settings", "write", "/org/example/app", "'written'"); out != "" {
		t.Errorf("granted and accepted, want it written, got %s", out)
	}
	if out := d.Outside("dconf", "read", "/org/example/app"); out != "'written'\n" {
		t.Errorf("want what the app wrote, got %s", out)
	}
}

// The app may be what the manifest says, and what goes with its id, and nothing else.
func TestOwn(t *testing.T) {
	d := newDesk(t)
	flags := "--id org.example.App --bus-session-own org.example.App.Sub --bus-session-talk com.example.Talk"
	for name, want := range map[string]bool{
		"org.example.App": true, "org.example.App.Sub": true, "org.mpris.MediaPlayer2.org.example.App": true,
		"org.example.Apple": false, "org.example": false, "org.example.Other": false, "org.mpris.MediaPlayer2.vlc": false,
	} {
		if out := d.inside(flags, requestByName(name, 4)...); ownedNow(out) != want {
			t.Errorf("%s: want %v, got %s", name, want, out)
		}
		if out := d.Outside(requestByName(name, 4)...); !ownedNow(out) {
			t.Errorf("control: outside want %s owned, got %s", name, out)
		}
	}
	d.manifest("org.example.Thief", "command = [\"true\"]\n", "[bus.session]\nown = [\"org.example.Other\"]\n")
	if out := d.Outside("snug", "run", "org.example.Thief"); !strings.Contains(out, "own:org.example.Other") {
		t.Errorf("want a foreign name refused with the code to accept, got %s", out)
	}
}

// The system's bus by its own rules, and no other of the host's sockets.
func TestSystemBus(t *testing.T) {
	d := newDesk(t)
	socket := d.SystemBus()
	d.peer(socket, nil, "com.example.Talk", "com.example.Hidden")
	for _, c := range []struct {
		name string
		call func(name string) []string
	}{
		{"gdbus", func(name string) []string {
			return []string{"gdbus", "call", "--system", "-d", name, "-o", "/x", "-m", "com.example.Host.Do"}
		}},
		{"busctl", func(name string) []string {
			return []string{"busctl", "--system", "call", name, "/x", "com.example.Host", "Do"}
		}},
		{"dbus-send", func(name string) []string {
			return []string{"dbus-send", "--system", "--print-reply", "--dest=" + name, "/x", "com.example.Host.Do"}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := d.with(t)
			const flags = "--bus-system-talk com.example.Talk"
			if out := d.Outside(c.call("com.example.Hidden")...); !strings.Contains(out, "did Do") {
				t.Errorf("control: got %s", out)
			}
			if out := d.inside(flags, c.call("com.example.Talk")...); !strings.Contains(out, "did Do") {
				t.Errorf("granted: got %s", out)
			}
			if out := d.inside(flags, c.call("com.example.Hidden")...); !refused.MatchString(out) {
				t.Errorf("hidden: got %s", out)
			}
			for _, without := range []string{"", granted} {
				if out := d.inside(without, c.call("com.example.Talk")...); !strings.Contains(out, "No such file") {
					t.Errorf("%q: want no bus of the system, got %s", without, out)
				}
			}
		})
	}
}

// connect(2) works through a read-only mount. What of the host's sockets can be reached inside is
// the broker's alone.
func TestSockets(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	d.a11y()
	outside := ""
	d.Poll("the accessibility bus listens", func() bool {
		outside = d.Outside(probe(t), "sockets")
		return strings.Contains(outside, "/at-spi/bus")
	})
	for _, want := range []string{"/bus\n", "/wayland-1\n", "/at-spi/bus", "/sway-ipc"} {
		if !strings.Contains(outside, "connected "+d.Runtime) || !strings.Contains(outside, want) {
			t.Errorf("control: outside want %q, got %s", want, outside)
		}
	}
	flags := app + "Settings --portals-documents --bus-a11y-enable " + granted + " " + canRead(t)
	inside := d.inside(flags, probe(t), "sockets")
	run := "connected /run/user/" + filepath.Base(os.Getenv("XDG_RUNTIME_DIR"))
	for l := range strings.Lines(inside) {
		l = strings.Replace(l, " /var/run/", " /run/", 1) // one and the same
		if l != run+"/bus\n" && l != run+"/at-spi/bus\n" {
			t.Errorf("inside there is %s", l)
		}
	}
	if !strings.Contains(inside, run+"/bus\n") {
		t.Errorf("want the broker's bus inside, got %s", inside)
	}
}
