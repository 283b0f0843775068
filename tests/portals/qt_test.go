package portals_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// A Qt program asks by the portal, too, when snug tells it to: it does not look for /.flatpak-info.
func TestQtFileChooser(t *testing.T) {
	need.Program(t, "featherpad")
	d := newDesk(t)
	d.Sway()
	d.portalsInRun()
	seen := d.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	letter := filepath.Join(d.Home, "letters/letter.txt")
	bed.Write(t, letter, "a line of old\n")
	d.manifest("org.example.Qt", "command = [\"featherpad\", \"--standalone\"]\naccept = [\"wayland-raw\"]\n",
		strings.Replace(editor, "flatpak-info = true\n", "[process.env]\nQT_QPA_PLATFORM = \"wayland\"\n", 1))
	empty := d.Screenshot("empty")
	p := d.Start("snug", "run", "org.example.Qt")
	d.focused("featherpad")
	opened := d.Drawn("editor", empty)
	d.keys("-M", "ctrl", "-k", "o", "-m", "ctrl")
	d.chooseFile(seen, letter, opened)
	d.Await("a window of the letter", func(w bed.Window) bool { return strings.Contains(w.Name, "letter.txt") })
	if asked := seen.saw("OpenFile"); !strings.Contains(asked.Body, "org.example.Qt") {
		t.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
	d.typeUntil(letter, "new")
	p.Process.Kill()
}
