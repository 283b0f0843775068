package portals_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// dragged is a window from which a file can be dragged.
const dragged = `
import gi, sys
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk, Gdk, Gio
window, box = Gtk.Window(title="source"), Gtk.EventBox()
window.add(box)
window.move(700, 500)
box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
box.drag_source_add_uri_targets()
box.connect("drag-data-get", lambda box, context, data, info, time: data.set_uris([Gio.File.new_for_path(sys.argv[1]).get_uri()]))
window.show_all()
Gtk.main()
`

// droppedOn is a window that reads the file which is dropped on it, and writes what is in it. GTK 4 asks for
// a file by the portal before it takes a name.
const droppedOn = `
import gi
gi.require_version("Gtk", "4.0")
from gi.repository import Gtk, Gdk, GLib
window = Gtk.Window(title="target")
target = Gtk.DropTarget.new(Gdk.FileList, Gdk.DragAction.COPY)
def dropped(target, value, x, y):
    for file in value.get_files():
        try:
            print("dropped:", open(file.get_path()).read(), flush=True)
        except OSError as e:
            print("dropped:", e.strerror, flush=True)
    return True
target.connect("drop", dropped)
window.add_controller(target)
window.present()
GLib.MainLoop().run()
`

// TestDrag drops a file of the person's on an app that is not granted it: by the portal of documents the
// app gets that file. Without it a name arrives that leads nowhere.
func TestDrag(t *testing.T) {
	need.Program(t, "python3")
	d := newDesk(t)
	d.Xvfb()
	d.portalsInRun()
	letter := filepath.Join(d.Home, "letters/letter.txt")
	target := filepath.Join(d.Home, "letters/target.py")
	bed.Write(t, letter, "a letter")
	bed.Write(t, target, droppedOn)
	d.Start("python3", "-c", dragged, letter)
	for _, c := range []struct{ documents, want string }{
		{"true", "a letter"},
		{"false", "No such file or directory"},
	} {
		d.manifest("org.example.Target", "command = [\"python3\", \""+target+"\"]\naccept = [\"x11-raw\"]\n",
			"[files]\nread = [\""+target+"\"]\n[display]\nx11 = \"raw\"\n[portals]\nallow = [\"Settings\"]\ndocuments = "+c.documents+"\n")
		p := d.Start("snug", "run", "org.example.Target")
		got := ""
		d.Poll("something is dropped", func() (found bool) {
			d.drag() // again, if the window was not ready for it
			_, got, found = strings.Cut(p.Said(), "dropped: ")
			return found
		})
		if got, _, _ = strings.Cut(got, "\n"); got != c.want {
			t.Errorf("documents = %s: got %q, want %q", c.documents, got, c.want)
		}
		p.Process.Kill()
		p.Wait()
	}
}

// place waits for a window, and gives the middle of it on the screen.
func (d *desk) place(title string) (x, y int) {
	d.Helper()
	d.Poll("a window is called "+title, func() bool {
		out := d.Outside("xdotool", "search", "--onlyvisible", "--name", "^"+title+"$", "getwindowgeometry", "--shell")
		var width, height int
		for line := range strings.Lines(out) {
			for name, to := range map[string]*int{"X": &x, "Y": &y, "WIDTH": &width, "HEIGHT": &height} {
				if value, found := strings.CutPrefix(line, name+"="); found {
					*to, _ = strconv.Atoi(strings.TrimSpace(value))
				}
			}
		}
		x, y = x+width/2, y+height/2
		return width > 0
	})
	return x, y
}

// drag takes the pointer from the source to the target with its button held.
func (d *desk) drag() {
	d.Helper()
	x, y := d.place("source")
	toX, toY := d.place("target")
	words := []string{"xdotool", "mousemove", strconv.Itoa(x), strconv.Itoa(y), "mousedown", "1"}
	const steps = 20
	for i := range steps {
		words = append(words, "sleep", "0.02", "mousemove", strconv.Itoa(x+(toX-x)*(i+1)/steps), strconv.Itoa(y+(toY-y)*(i+1)/steps))
	}
	if out := d.Outside(append(words, "sleep", "0.2", "mouseup", "1", "sleep", "0.5")...); out != "" {
		d.Fatal(out)
	}
}
