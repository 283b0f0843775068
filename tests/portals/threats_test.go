package portals_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

// threat is what a program can do to its session through the message bus.
type threat struct {
	name  string
	words []string
	did   func(out string) bool // report whether it was done, and take it back
	mute  bool                  // nothing answers it, so no refusal is told
}

// granted is the bus of an app that may talk to one program.
const granted = "--bus-session-talk com.example.Talk"

// refused are the answers of the filter, in the words of the clients.
var refused = regexp.MustCompile(`AccessDenied|ServiceUnknown|NameHasNoOwner|not provided by any|[Aa]ccess denied|policy does not allow`)

// stand tries what is a threat: in the sandbox nothing comes of it and the refusal is told, and
// outside it is done.
func (d *desk) stand(t *testing.T, flags string, list []threat) {
	for _, x := range list {
		t.Run(x.name, func(t *testing.T) {
			d := d.with(t)
			if out := d.Outside(x.words...); !x.did(out) {
				t.Errorf("control: outside %q did nothing:\n%s", x.words, out)
			}
			out := d.inside(flags+" "+canRead(t), x.words...)
			if x.did(out) {
				t.Errorf("inside, %q was done:\n%s", x.words, out)
			}
			if !x.mute && !refused.MatchString(out) {
				t.Errorf("inside, want a refusal that is told, got:\n%s", out)
			}
		})
	}
}

func TestThreats(t *testing.T) {
	d := newDesk(t)
	d.settings()
	d.Start("flatpak-session-helper")
	d.Owned("org.freedesktop.Flatpak")
	d.peer(d.Socket(), d.unit, "org.freedesktop.systemd1")
	d.peer(d.Socket(), nil, "com.example.Hidden")
	talk := d.peer(d.Socket(), d.secret, "com.example.Talk")
	d.owner("org.freedesktop.Notifications", 1)
	made := filepath.Join(d.Home, "made")
	wasMade := func(string) bool { return os.Remove(made) == nil }

	d.stand(t, granted, []threat{
		{name: "D1 a command on the host", words: hostCommand(made), did: func(string) bool { return soon(made) && wasMade("") }},
		{name: "D1 flatpak-spawn", words: []string{"/usr/libexec/flatpak-xdg-utils/flatpak-spawn", "--host", "touch", made}, did: wasMade},
		{name: "D2 a unit of systemd", words: gdbus("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager.StartTransientUnit",
			"evil.service", "fail", "[('ExecStart', <[('/bin/touch', ['touch', '"+made+"'], false)]>)]", "@a(sa(sv)) []"), did: wasMade},
		{name: "D3 settings", words: []string{"dconf", "write", "/org/example/x", "'evil'"}, did: func(string) bool {
			found := d.Outside("dconf", "read", "/org/example/x") == "'evil'\n"
			d.Outside("dconf", "reset", "-f", "/")
			return found
		}},
		{name: "D4 dbus-monitor", words: []string{"sh", "-c", watch}, did: func(out string) bool { return strings.Contains(out, "member=Secret") }},
		{name: "D4 BecomeMonitor", words: []string{probe(t), "monitor"}, did: tellsSecret},
		{name: "D4 eavesdrop", words: []string{probe(t), "spy", "eavesdrop=true", "type='method_call',eavesdrop='true'"}, did: tellsSecret},
		{name: "D4 white space", words: []string{probe(t), "spy", "eavesdrop =true", "eavesdrop\t='true',type='method_call'", " eavesdrop  =  'true'"}, did: tellsSecret},
		{name: "D5 the environment of services", words: d.activation("EVIL"), did: d.activated("EVIL")},
		{name: "D5 by its tool", words: []string{"dbus-update-activation-environment", "WORSE=yes"}, did: d.activated("WORSE")},
		{name: "D7 a signal for all", words: []string{probe(t), "shout"}, did: func(string) bool { return talk.heard("Shout") }, mute: true},
		{name: "D8 take a name", words: requestByName("com.example.Free", 4), did: ownedNow},
		{name: "D8 replace an owner", words: requestByName("org.freedesktop.Notifications", 6), did: ownedNow},
	})
}

// watch runs dbus-monitor while two others talk, and waits for a second for what it tells of them.
const watch = `
file=$(mktemp)
dbus-monitor --session >$file &
for i in $(seq 100); do grep -q NameAcquired $file && break; sleep 0.02; done
gdbus call --session -d com.example.Talk -o /x -m com.example.Host.Flush
for i in $(seq 50); do grep -q member=Secret $file && break; sleep 0.02; done
kill $!
cat $file`

func tellsSecret(out string) bool { return strings.Contains(out, "got Secret") }
func ownedNow(out string) bool    { return strings.Contains(out, "(uint32 1,)") }

func hostCommand(file string) []string {
	return gdbus("org.freedesktop.Flatpak", "/org/freedesktop/Flatpak/Development", "org.freedesktop.Flatpak.Development.HostCommand",
		"b'/'", "[b'touch', b'"+file+"']", "@a{uh} {}", "@a{ss} {}", "0")
}

// soon waits a moment for a file that another process makes: flatpak-session-helper has answered
// when it has started a command, not when that has ended.
func soon(file string) bool {
	for range 20 {
		if bed.Exists(file) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// unit stands for systemd: it runs the touch of a unit.
func (d *desk) unit(m bus.Message) string {
	if at := strings.Index(m.Body, d.Home); at >= 0 && m.Member == "StartTransientUnit" {
		file, _, _ := strings.Cut(m.Body[at:], "\x00")
		os.WriteFile(file, nil, 0o600)
	}
	return "job"
}

// secret lets one program call another, before Flush is answered: an eavesdropper has it by then.
func (d *desk) secret(m bus.Message) string {
	if m.Member == "Flush" {
		if c, err := bus.Dial(d.Socket()); err == nil {
			c.Ask(bus.Message{Type: bus.Call, Destination: "com.example.Hidden", Path: "/x", Interface: "com.example.Host", Member: "Secret"})
			c.Close()
		}
	}
	return "did " + m.Member
}

// owner keeps a name until the end of the test; with flags 1 others may replace it.
func (d *desk) owner(name string, flags byte) {
	d.Helper()
	c := d.Dial(d.Socket())
	d.Cleanup(func() { c.Close() })
	if m, err := c.Ask(bus.RequestName(name, flags)); err != nil || m.Type != bus.Return {
		d.Fatalf("%+v, %v", m, err)
	}
}

func requestByName(name string, flags int) []string {
	return gdbus(bus.Name, "/", "org.freedesktop.DBus.RequestName", name, string(rune('0'+flags)))
}

// activation sets a variable for all services that the bus starts from now on.
func (d *desk) activation(variable string) []string {
	return gdbus(bus.Name, "/org/freedesktop/DBus", "org.freedesktop.DBus.UpdateActivationEnvironment", "{'"+variable+"': 'yes'}")
}

// activated reports whether a service that the bus starts has got a variable.
func (d *desk) activated(variable string) func(string) bool {
	file := filepath.Join(d.Dir, "environment")
	d.Service("com.example.Started", "/bin/sh -c 'env >"+file+"; exit 1'")
	return func(string) bool {
		d.Outside(gdbus(bus.Name, "/", "org.freedesktop.DBus.StartServiceByName", "com.example.Started", "0")...)
		got := strings.Contains(bed.Read(d, file), "\n"+variable+"=yes")
		d.Outside(gdbus(bus.Name, "/org/freedesktop/DBus", "org.freedesktop.DBus.UpdateActivationEnvironment", "{'"+variable+"': ''}")...)
		return got
	}
}

// D6: the accessibility bus shows every widget of every program. The app may be read there, and
// reads nobody.
func TestAccessibility(t *testing.T) {
	need.Program(t, "zenity")
	d := newDesk(t)
	d.Sway()
	d.a11y()
	d.Start("zenity", "--entry", "--title=Letter", "--entry-text=hunter2")
	d.focused("Letter")
	d.Start("zenity", "--password", "--title=Password")
	d.focused("Password")
	d.Keys("-d", "20", "four")
	var out string
	d.Poll("an outsider reads what stands in others' windows", func() bool {
		out = d.Outside("python3", "-c", widgets)
		return strings.Contains(out, "text hunter2") && strings.Contains(out, "password text ●●●●")
	})
	for _, flags := range []string{granted, granted + " --bus-a11y-enable"} {
		if out = d.inside(flags, "python3", "-c", widgets); strings.Contains(out, "hunter2") || strings.Contains(out, "●") || strings.Contains(out, "zenity") {
			t.Errorf("inside, with %s, others' widgets are there:\n%s", flags, out)
		}
		if !refused.MatchString(out) {
			t.Errorf("inside, with %s, want a refusal that is told, got:\n%s", flags, out)
		}
	}
}

// An app that may be read is found by those that read to people.
func TestAccessibleApp(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.a11y()
	d.Start("zenity", "--entry", "--title=Control", "--entry-text=outside")
	d.Poll("control: a program of the host is read", func() bool {
		return strings.Contains(d.Outside("python3", "-c", widgets), "text outside")
	})
	words := run("--wayland raw --accept wayland-raw --bus-a11y-enable", "zenity", "--entry", "--title=App", "--entry-text=inside")
	d.Start(words...)
	d.focused("App")
	d.Poll("the app is read", func() bool { return strings.Contains(d.Outside("python3", "-c", widgets), "text inside") })
}

// widgets prints everything that the accessibility bus shows of all programs.
const widgets = `
import gi
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi
def walk(node, depth):
    if node is None or depth > 12:
        return
    text = node.get_text_iface()
    text = Atspi.Text.get_text(text, 0, Atspi.Text.get_character_count(text)) if text else ""
    print(node.get_role_name(), text or node.get_name())
    for i in range(node.get_child_count()):
        walk(node.get_child_at_index(i), depth + 1)
Atspi.init()
walk(Atspi.get_desktop(0), 0)
`
