package portals_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// The person opens a file that the manifest does not grant: the app asks by the portal, the dialog
// is the host's, and the app gets that file and nothing beside it.

const editor = `[home]
mode = "ephemeral"
[display]
wayland = "raw"
[portals]
allow = ["FileChooser", "Settings"]
documents = true
flatpak-info = true
`

func TestFileChooser(t *testing.T) {
	need.Program(t, "gnome-text-editor")
	d := newDesk(t)
	letter := d.openLetter("org.example.Editor", "gnome-text-editor", "TextEditor", editor)
	d.onlyTheLetter(letter)
}

// openLetter opens a letter in an editor whose window has a name, and changes it.
func (d *desk) openLetter(id, program, window, tables string) (letter string) {
	d.Helper()
	letter = filepath.Join(d.Home, "letters/letter.txt")
	bed.Write(d, letter, "a line of old\n")
	d.manifest(id, "command = [\""+program+"\", \"--standalone\"]\naccept = [\"wayland-raw\"]\n", tables)
	d.open(letter, "letter.txt", window, id)
	d.Enter(letter, "new", func() {
		d.Keys("new words ")
		d.Keys("-M", "ctrl", "-k", "s", "-m", "ctrl")
	})
	if got := bed.Read(d, letter); !strings.Contains(got, "a line of old") {
		d.Errorf("want the old text kept, got %q", got)
	}
	return letter
}

// open starts an app that is granted no file and whose window has a name, and opens a file by the portal's
// dialog, which gives the window a title. Another file lies beside it.
func (d *desk) open(file, title, window, id string, words ...string) {
	d.Helper()
	d.Sway()
	d.portalsInRun()
	seen := d.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	bed.Write(d, filepath.Join(d.Home, "letters/beside.txt"), "not for the app\n")
	empty := d.Screenshot("empty")
	app := d.Start(append([]string{"snug", "run", id}, words...)...)
	d.Cleanup(func() { app.Process.Kill() }) // it would ask whether to save
	d.focused(window)
	opened := d.Drawn("app", empty)
	d.Keys("-s", "1000", "-M", "ctrl", "-k", "o", "-m", "ctrl")
	d.chooseFile(seen, file, opened)
	d.focused(title)
	if asked := seen.saw("OpenFile"); asked == nil || !strings.Contains(asked.Body, id) {
		d.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
}

// chooseFile types a path into the dialog of the portal.
func (d *desk) chooseFile(seen *monitor, path string, before []byte) {
	d.Helper()
	d.Poll("the portal is asked for a dialog", func() bool { return seen.saw("OpenFile") != nil })
	d.focused("xdg-desktop-portal-gtk")
	dialog := d.Drawn("dialog", before)
	d.Keys("-k", "slash") // which makes the dialog show a line to type into
	typed := d.Drawn("line", dialog)
	d.Keys(path[1:])
	d.Drawn("path", typed)
	d.Poll("the dialog is gone", func() bool {
		d.Keys("-k", "Return") // the first may be the list's of completions
		return !slices.ContainsFunc(d.Windows(), func(w bed.Window) bool { return strings.Contains(w.App, "xdg-desktop-portal-gtk") })
	})
	if after := d.Drawn("chosen", dialog); bytes.Equal(after, before) {
		d.Error("the screen shows what it did before the file was chosen")
	}
}

// onlyTheLetter looks into the running app: the letter is there as a document, and only so.
func (d *desk) onlyTheLetter(letter string) {
	d.Helper()
	found := d.Outside("snug", "exec", "org.example.Editor", "--", "find", "/run", d.Home, "-name", "*.txt")
	if !strings.HasPrefix(found, d.doc+"/") || strings.Count(found, "\n") != 1 || !strings.HasSuffix(found, "/letter.txt\n") {
		d.Errorf("want the letter as a document and nothing else, got %s", found)
	}
	if out := d.Outside("find", filepath.Dir(letter), "-name", "*.txt"); strings.Count(out, "\n") != 2 {
		d.Errorf("control: want two files outside, got %s", out)
	}
	path := strings.TrimSpace(found)
	others := "--portals-allow FileChooser --portals-documents --id "
	if out := d.inside(others+"org.example.Editor", "cat", path); !strings.Contains(out, "a line of old") {
		d.Errorf("control: want another start of the app to see its document, got %s", out)
	}
	if out := d.inside(others+"org.example.Other", "cat", path); !strings.Contains(out, "No such file") && !strings.Contains(out, "Permission denied") {
		d.Errorf("want another app not to see it, got %s", out)
	}
}
