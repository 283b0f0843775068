package portals_test

import (
	"strings"
	"testing"

	"snug/tests/need"
)

// Applications of one instance find each other by their name on the bus. One in a sandbox that
// found the host's would hand its work to a program outside, files and all.

// single is such an application, without a window: the first prints what the later ones hand over.
const single = `
import sys
from gi.repository import Gio, GLib
app = Gio.Application(application_id="org.example.App", flags=Gio.ApplicationFlags.HANDLES_OPEN)
def opened(app, files, n, hint):
    print("opened", files[0].get_basename(), flush=True)
    if files[0].get_basename() == "quit":
        app.quit()
app.connect("open", opened)
app.connect("startup", lambda app: (app.hold(), print("first", flush=True)))
sys.exit(app.run(sys.argv))
`

// twice starts one that stays and, when that has its name, two that hand over to it.
const twice = `
python3 -c "$0" inside &
for i in $(seq 500); do
	gdbus call --session -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.NameHasOwner org.example.App | grep -q true && break
	sleep 0.01
done
python3 -c "$0" again
python3 -c "$0" quit
wait`

func TestSingleInstance(t *testing.T) {
	d := newDesk(t)
	host := d.Start("python3", "-c", single, "host")
	d.Poll("the host's runs", func() bool { return strings.Contains(host.Said(), "opened host") })
	if out := d.Outside("python3", "-c", single, "later"); out != "" {
		t.Fatalf("control: want a second one outside to hand over and end, got %s", out)
	}
	d.Poll("control: the host's has got it", func() bool { return strings.Contains(host.Said(), "opened later") })

	for name, flags := range map[string]string{"with a bus": granted, "with portals": "--portals-allow Settings"} {
		t.Run(name, func(t *testing.T) {
			out := d.with(t).inside("--id org.example.App "+flags, "sh", "-c", twice, single)
			if got := host.Said(); strings.Contains(got, "inside") || strings.Contains(got, "again") {
				t.Errorf("the host's instance has got the app's work: %s", got)
			}
			if !strings.Contains(out, "first\nopened inside\nopened again\nopened quit\n") {
				t.Errorf("want the first inside to get what the second hands over, got %s", out)
			}
		})
	}
	if out := d.inside("--id org.example.Other "+granted, "python3", "-c", single, "inside"); !refused.MatchString(out) {
		t.Errorf("with another id, want the name refused, got %s", out)
	}
	if out := d.Outside("python3", "-c", single, "afterwards"); out != "" {
		t.Errorf("want the host's still the one outside, got %s", out)
	}
	d.Poll("the host's goes on", func() bool { return strings.Contains(host.Said(), "opened afterwards") })
}

// Two windows of one editor, the host's and the app's, are there at a time.
func TestSingleInstanceEditor(t *testing.T) {
	need.Program(t, "gnome-text-editor")
	d := newDesk(t)
	d.Sway()
	d.Start("gnome-text-editor")
	d.windowsOf(1)
	d.Start("gnome-text-editor", "--new-window") // control: it joins
	d.windowsOf(2)
	if n := len(d.editors()); n != 1 {
		t.Fatalf("control: want one process outside with two windows, got %d", n)
	}
	d.Start(run("--id org.gnome.TextEditor --portals-allow Settings --wayland raw", "gnome-text-editor")...)
	d.windowsOf(3)
	if n := len(d.editors()); n != 2 {
		t.Errorf("want a process of its own for the window of the app, got %d processes", n)
	}
}

// windowsOf waits until so many windows of the editor are there.
func (d *desk) windowsOf(n int) {
	d.Helper()
	d.Poll("the editor's windows are there", func() bool { return len(d.pids()) == n })
}

// pids gives the process of each window of the editor.
func (d *desk) pids() (list []int) {
	for _, w := range d.Windows() {
		if strings.Contains(w.App, "TextEditor") {
			list = append(list, w.PID)
		}
	}
	return list
}

// editors are the processes that have windows.
func (d *desk) editors() map[int]bool {
	all := map[int]bool{}
	for _, pid := range d.pids() {
		all[pid] = true
	}
	return all
}
