package portals_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// A person opens a file in a browser by the dialog of the desktop: the page is shown, and what lies beside
// it is not there.

func TestFirefoxChooser(t *testing.T) { choose(t, "org.mozilla.firefox", "firefox-esr") }

func TestChromiumChooser(t *testing.T) { choose(t, "org.chromium.Chromium", "chromium") }

func choose(t *testing.T, id, program string) {
	need.Program(t, program)
	d := newDesk(t)
	d.Sway()
	d.portalsInRun()
	seen := d.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	page := filepath.Join(d.Home, "letters/page.html")
	bed.Write(t, page, "<!doctype html><title>a chosen page</title>text\n")
	bed.Write(t, filepath.Join(d.Home, "letters/beside.txt"), "not for the app\n")
	empty := d.Screenshot("empty")
	p := d.Start("snug", "run", id, "about:blank")
	d.focused(strings.TrimSuffix(program, "-esr"))
	opened := d.Drawn("browser", empty)
	d.keys("-s", "1000", "-M", "ctrl", "-k", "o", "-m", "ctrl")
	d.chooseFile(seen, page, opened)
	d.Await("the page", func(w bed.Window) bool { return w.Called("a chosen page") })
	if asked := seen.saw("OpenFile"); asked == nil || !strings.Contains(asked.Body, id) {
		t.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
	inside := func(dir string) string {
		return d.Outside("snug", "exec", id, "--", "find", dir, "-name", "beside.txt", "-o", "-name", "page.html")
	}
	if out := inside(d.doc); strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "/page.html\n") {
		t.Errorf("want the page as a document and nothing else, got %s", out)
	}
	if out := inside(d.Home); out != "" {
		t.Errorf("want nothing of the folder, got %s", out)
	}
	p.Process.Kill()
}
