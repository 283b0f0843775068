package tests

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// Real applications, each wrapped and started from its launcher as the menu does: the window appears, the
// person types and saves, and the file on the host has changed.

func TestAppTextEditor(t *testing.T) {
	need.Program(t, "gnome-text-editor")
	d := sway(t)
	d.changes(d.wrapped("org.gnome.TextEditor", "org.gnome.TextEditor", d.letter), func() {
		d.press("-s", "100", "new words ")
		d.press("-s", "100", "-M", "ctrl", "s", "-m", "ctrl") // a fresh wtype loses its first key
	})
}

func TestAppMousepad(t *testing.T) {
	need.Program(t, "mousepad")
	d := xvfb(t)
	d.changes(d.wrapped("org.xfce.mousepad", "org.xfce.mousepad", d.letter), func() {
		d.press("search", "--sync", "--onlyvisible", "--class", "mousepad", "windowfocus", "--sync")
		d.press("type", "--delay", "20", "new words ")
		d.press("key", "ctrl+s")
	})
}

func TestAppFoot(t *testing.T) {
	need.Program(t, "foot")
	d := sway(t)
	d.letter = d.Home + "/Downloads/letter.txt"
	d.changes(d.wrapped("foot", "foot"), func() {
		d.press("-s", "100", " echo new >>"+d.letter)
		d.press("-k", "Return")
	})
}

func TestAppXterm(t *testing.T) {
	need.Program(t, "xterm")
	d := xvfb(t)
	d.letter = d.Home + "/Downloads/letter.txt"
	d.changes(d.wrapped("xterm", "debian-xterm"), func() {
		d.press("search", "--sync", "--onlyvisible", "--class", "xterm", "windowfocus", "--sync")
		d.press("type", "--delay", "20", " echo new >>"+d.letter)
		d.press("key", "Return")
	})
}

// wrapped wraps an app, and gives the words that start it from its launcher.
func (d *desktop) wrapped(id, launcher string, files ...string) []string {
	d.Helper()
	need.Program(d, "gio")
	if out := d.Outside("snug", "wrap", id); !strings.Contains(out, launcher+".desktop") || strings.Contains(out, "snug: ") {
		d.Fatal(out)
	}
	d.Cleanup(func() { d.Must("snug", "stop", "--all") })
	return append([]string{"gio", "launch", d.Home + "/.local/share/applications/" + launcher + ".desktop"}, files...)
}

// changes starts an app that has the letter, looks for what the app must not have, and types until the
// file on the host has changed.
func (d *desktop) changes(words []string, enter func()) {
	d.Helper()
	bed.Write(d, d.letter, "a line of old\n")
	empty := d.Screenshot("empty")
	d.Start(words...)
	d.Drawn("open", empty)
	d.outsideNotThere(d.instance())
	d.Enter(d.letter, "new", enter)
	if got := bed.Read(d, d.letter); !strings.Contains(got, "a line of old") {
		d.Errorf("want the old text kept, got %q", got)
	}
	d.Screenshot("changed")
}

// instance waits for the name of the app.
func (d *desktop) instance() (name string) {
	d.Helper()
	d.Poll("the app is in snug ps", func() bool {
		name = strings.TrimSpace(d.Outside("sh", "-c", "snug ps | sed -n '2s/ .*//p'"))
		return name != ""
	})
	return name
}

// outsideNotThere looks for what an app must not reach, from inside and, as a control, outside.
func (d *desktop) outsideNotThere(name string) {
	d.Helper()
	probe := `cat ~/.ssh/id_ed25519 2>/dev/null
	tr '\0' ' ' </proc/` + strconv.Itoa(os.Getpid()) + `/cmdline 2>/dev/null | grep -c . | sed 's/^1$/other processes/; s/^0$//'
	grep -q '^[A-Za-z0-9]*	00000000' /proc/net/route && echo a way out
	sed 1d /proc/net/route | grep -q . && echo a network
	ls /proc/*/exe -l 2>/dev/null | grep -q 'tests.test\|sway$\|Xvfb$' && echo programs outside
	ls -A ~ | grep -c . | sed 's/^/files: /'`
	outside, inside := d.Outside("sh", "-c", probe), d.Outside("snug", "exec", name, "--", "sh", "-c", probe)
	for _, what := range []string{bed.Key, "other processes", "programs outside"} {
		if !strings.Contains(outside, what) {
			d.Errorf("control: outside want %q, got:\n%s", what, outside)
		}
		if strings.Contains(inside, what) {
			d.Errorf("inside of %s: %s is there:\n%s", name, what, inside)
		}
	}
	if strings.Contains(inside, "a network") || strings.Contains(inside, "a way out") {
		d.Errorf("inside of %s there is a network:\n%s", name, inside)
	}
	if !strings.Contains(inside, "files: ") {
		d.Errorf("the probe did not run inside of %s:\n%s", name, inside)
	}
}
