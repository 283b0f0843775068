package portals_test

import (
	"strings"
	"testing"
)

// An app that does not get its name on the bus often ends without a word; then snug has one.
func TestRefusedIsTold(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk", "com.example.Hidden")
	name := strings.Join(requestByName("org.example.Wanted", 0), " ") + " >/dev/null 2>&1; "
	call := strings.Join(gdbus("com.example.Hidden", "/x", "com.example.Host.Do"), " ") + " >/dev/null 2>&1; "
	const odd = "gdbus call --session -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.RequestName 'no\x1b[2Jname' 0 >/dev/null 2>&1; "
	const told = `snug: the message bus refused 1 request of the app`
	const wanted = told + `, as it may not have the name "org.example.Wanted"` + "\n"
	for _, tt := range []struct{ name, flags, script, want string }{
		{"a name", granted, name, wanted + "hint: --bus-session-own org.example.Wanted gives it the name; snug run --log - --bus-session-talk com.example.Talk -- sh -c '"},
		{"a name that it may have", granted + " --bus-session-own org.example.Wanted", name, ""},
		{"a call and its start, and a bad end", granted, call + "exit 3", "snug: the message bus refused 2 requests of the app\nhint: snug run --log - --bus-session-talk"},
		{"a call, and a good end", granted, call + "true", ""},
		{"nothing, and a bad end", granted, "exit 3", ""},
		{"what is no name, and a bad end", granted, odd + "exit 3", told + "\nhint: "},
		{"with the log", granted + " --log /dev/null", name, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := d.with(t).inside(tt.flags, "sh", "-c", tt.script)
			if strings.Contains(out, "refused") != (tt.want != "") || !strings.Contains(out, tt.want) || strings.Contains(out, "\x1b") {
				t.Errorf("want %q, got %q", tt.want, out)
			}
		})
	}
}

// The hint of an app with a manifest does what it says.
func TestRefusedHint(t *testing.T) {
	const wanted = "org.mpris.MediaPlayer2.wanted"
	d := newDesk(t)
	d.manifest("org.example.App", `command = ["sh", "-c", "`+strings.Join(requestByName(wanted, 0), " ")+` 2>&1"]`+"\n",
		"[bus.session]\ntalk = [\"com.example.Talk\"]\n")
	_, hint, found := strings.Cut(d.Outside("snug", "run", "org.example.App"), "hint: ")
	grant, _, _ := strings.Cut(hint, " gives it the name")
	if !found || grant != "snug grant org.example.App bus.session.own="+wanted+" --keep" {
		t.Fatalf("the hint is %q", hint)
	}
	d.Outside("sh", "-c", grant)
	if out := d.Outside("snug", "run", "org.example.App"); !strings.HasPrefix(out, "(uint32 1,)") || strings.Contains(out, "refused") {
		t.Errorf("want the name, got %s", out)
	}
}

// flood asks for more than anybody counts.
const flood = `
from gi.repository import Gio
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
for i in range(100000):
    m = Gio.DBusMessage.new_method_call("com.example.Hidden", "/x", "com.example.Host", "Do")
    m.set_flags(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
    bus.send_message(m, Gio.DBusSendMessageFlags.NONE)
print(bus.call_sync("com.example.Talk", "/x", "com.example.Host", "Do", None, None, 0, -1, None))
exit(3)
`

// An app that is refused without end is told of in one line, and holds up nothing.
func TestRefusedFlood(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk")
	out := d.inside(granted, "python3", "-c", flood)
	if !strings.Contains(out, "did Do") || strings.Count(out, "snug: ") != 1 || !strings.Contains(out, "refused 65536 requests of the app\n") {
		t.Errorf("got %.2000s", out)
	}
}
