package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"snug/tests/need"
)

// Real applications, each by its built-in manifest, with a file as its argument: the window
// appears, the person types and saves, and the file on the host has changed.

func TestAppTextEditor(t *testing.T) {
	need.Time(t)
	need.Program(t, "gnome-text-editor")
	d := sway(t)
	d.editor("org.gnome.TextEditor", func(text string) {
		d.press("-s", "100", text)
		d.press("-s", "100", "-M", "ctrl", "s", "-m", "ctrl") // a fresh wtype loses its first key
	})
}

func TestAppMousepad(t *testing.T) {
	need.Time(t)
	need.Program(t, "mousepad")
	d := xvfb(t)
	d.editor("org.xfce.mousepad", func(text string) {
		d.press("search", "--sync", "--onlyvisible", "--class", "mousepad", "windowfocus", "--sync")
		d.press("type", "--delay", "20", text)
		d.press("key", "ctrl+s")
	})
}

// editor opens a file in an editor, types, and saves.
func (d *desktop) editor(app string, typeAndSave func(text string)) {
	d.t.Helper()
	d.opened(app, "exec snug run "+app+" ", typeAndSave)
}

// opened is editor for any line that opens a file.
func (d *desktop) opened(app, line string, typeAndSave func(text string)) {
	t := d.t
	file := filepath.Join(d.home, "letter.txt")
	write(t, file, "a line of old\n")
	empty := d.screenshot("empty")
	cmd := d.background(line + file)
	d.settle("open", empty)
	name := d.instance(cmd.Process.Pid)
	d.outsideNotThere(name)
	deadline := time.Now().Add(60 * time.Second)
	for tries := 0; !strings.Contains(read(t, file), "new"); tries++ {
		if time.Now().After(deadline) {
			d.screenshot("failed")
			t.Fatalf("want the file saved with the word new, got %q", read(t, file))
		}
		typeAndSave("new words ")
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && !strings.Contains(read(t, file), "new"); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if got := read(t, file); !strings.Contains(got, "a line of old") {
		t.Errorf("want the old text kept, got %q", got)
	}
	d.screenshot("saved")
}

func TestAppFoot(t *testing.T) {
	need.Time(t)
	need.Program(t, "foot")
	d := sway(t)
	d.terminal("foot", func(line string) {
		d.press("-s", "100", line)
		d.press("-k", "Return")
	})
}

func TestAppXterm(t *testing.T) {
	need.Time(t)
	need.Program(t, "xterm")
	d := xvfb(t)
	d.terminal("xterm", func(line string) {
		d.press("search", "--sync", "--onlyvisible", "--class", "xterm", "windowfocus", "--sync")
		d.press("type", "--delay", "20", line)
		d.press("key", "Return")
	})
}

// terminal opens a terminal with a granted file and types a command that changes the file.
func (d *desktop) terminal(app string, enter func(line string)) {
	t := d.t
	file := filepath.Join(d.home, "letter.txt")
	write(t, file, "a line of old\n")
	empty := d.screenshot("empty")
	cmd := d.background("exec snug run --write " + file + " " + app)
	d.settle("open", empty)
	d.outsideNotThere(d.instance(cmd.Process.Pid))
	deadline := time.Now().Add(60 * time.Second)
	for !strings.Contains(read(t, file), "new") {
		if time.Now().After(deadline) {
			d.screenshot("failed")
			t.Fatalf("want the word new in the file, got %q", read(t, file))
		}
		enter(" echo new >>" + file)
		for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && !strings.Contains(read(t, file), "new"); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	d.screenshot("typed")
}

// instance finds the name under which a snug has registered its sandbox.
func (d *desktop) instance(supervisor int) string {
	d.t.Helper()
	var name string
	d.poll("the app is in snug ps", func() bool {
		name = strings.TrimSpace(d.output("sh", "-c", "snug ps | sed -n '2s/ .*//p'"))
		return name != ""
	})
	return name
}

// outsideNotThere looks for what an app must not reach, from inside and, as a control, outside.
func (d *desktop) outsideNotThere(name string) {
	t := d.t
	t.Helper()
	probe := `cat ~/.ssh/id_ed25519 2>/dev/null
	tr '\0' ' ' </proc/` + itoa(os.Getpid()) + `/cmdline 2>/dev/null | grep -c . | sed 's/^1$/other processes/; s/^0$//'
	grep -q '^[A-Za-z0-9]*	00000000' /proc/net/route && echo a way out
	sed 1d /proc/net/route | grep -q . && echo a network
	ls /proc/*/exe -l 2>/dev/null | grep -q 'tests.test\|sway$\|Xvfb$' && echo programs outside
	ls -A ~ | grep -c . | sed 's/^/files: /'`
	outside, inside := d.output("sh", "-c", probe), d.output("snug", "exec", name, "--", "sh", "-c", probe)
	for _, what := range []string{"a private key", "other processes", "programs outside"} {
		if !strings.Contains(outside, what) {
			t.Errorf("control: outside want %q, got:\n%s", what, outside)
		}
		if strings.Contains(inside, what) {
			t.Errorf("inside of %s: %s is there:\n%s", name, what, inside)
		}
	}
	if strings.Contains(inside, "a network") || strings.Contains(inside, "a way out") {
		t.Errorf("inside of %s there is a network:\n%s", name, inside)
	}
	if !strings.Contains(inside, "files: ") {
		t.Errorf("the probe did not run inside of %s:\n%s", name, inside)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
