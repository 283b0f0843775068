package portals_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/need"
)

// A Qt program asks by the portal, too, when snug tells it to: it does not look for /.flatpak-info.
func TestQtFileChooser(t *testing.T) {
	need.Program(t, "featherpad")
	b := newBed(t)
	b.screen()
	b.portalsInRun()
	seen := b.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	letter := filepath.Join(b.home, "letters/letter.txt")
	write(t, letter, "a line of old\n")
	b.manifest("org.example.Qt", "command = [\"featherpad\", \"--standalone\"]\naccept = [\"wayland-raw\"]\n",
		strings.Replace(editor, "flatpak-info = true\n", "[process.env]\nQT_QPA_PLATFORM = \"wayland\"\n", 1))
	empty := b.picture("empty")
	p := b.start(snug(t), "run", "org.example.Qt")
	b.focused("featherpad")
	opened := b.drawn("editor", empty)
	b.keys("-M", "ctrl", "-k", "o", "-m", "ctrl")
	b.chooseFile(seen, letter, opened)
	b.poll("the program has opened the letter", func() bool {
		return b.windows().find(func(w window) bool { return strings.Contains(w.Name, "letter.txt") }) != nil
	})
	if asked := seen.saw("OpenFile"); !strings.Contains(asked.Body, "org.example.Qt") {
		t.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
	b.typeUntil(letter, "new")
	p.Process.Kill()
}
