package portals_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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
	for _, p := range []string{"python3", "Xvfb", "xdotool"} {
		need.Program(t, p)
	}
	b := newBed(t)
	display := filepath.Join(b.dir, "display")
	b.start("sh", "-c", "exec Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp -noreset 3>"+display)
	b.poll("the X server is up", func() bool { return strings.HasSuffix(read(t, display), "\n") })
	b.env = append(b.env, "DISPLAY=:"+strings.TrimSpace(read(t, display)))
	b.portalsInRun()
	letter := filepath.Join(b.home, "letters/letter.txt")
	target := filepath.Join(b.home, "letters/target.py")
	write(t, letter, "a letter")
	write(t, target, droppedOn)
	b.start("python3", "-c", dragged, letter)
	for _, c := range []struct{ documents, want string }{
		{"true", "a letter"},
		{"false", "No such file or directory"},
	} {
		b.manifest("org.example.Target", "command = [\"python3\", \""+target+"\"]\naccept = [\"x11-raw\"]\n",
			"[files]\nread = [\""+target+"\"]\n[display]\nx11 = \"raw\"\n[portals]\nallow = [\"Settings\"]\ndocuments = "+c.documents+"\n")
		p := b.start(snug(t), "run", "org.example.Target")
		got := ""
		b.poll("something is dropped", func() (found bool) {
			b.drag() // again, if the window was not ready for it
			_, got, found = strings.Cut(read(t, p.log.Name()), "dropped: ")
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
func (b *bed) place(title string) (x, y int) {
	b.t.Helper()
	b.poll("a window is called "+title, func() bool {
		out := b.outside("xdotool", "search", "--onlyvisible", "--name", "^"+title+"$", "getwindowgeometry", "--shell")
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
func (b *bed) drag() {
	b.t.Helper()
	x, y := b.place("source")
	toX, toY := b.place("target")
	words := []string{"xdotool", "mousemove", strconv.Itoa(x), strconv.Itoa(y), "mousedown", "1"}
	const steps = 20
	for i := range steps {
		words = append(words, "sleep", "0.02", "mousemove", strconv.Itoa(x+(toX-x)*(i+1)/steps), strconv.Itoa(y+(toY-y)*(i+1)/steps))
	}
	if out := b.outside(append(words, "sleep", "0.2", "mouseup", "1", "sleep", "0.5")...); out != "" {
		b.t.Fatal(out)
	}
}
