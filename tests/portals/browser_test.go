package portals_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/need"
)

// A person opens a file in a browser by the dialog of the desktop: the page is shown, and what lies beside
// it is not there.

func TestFirefoxChooser(t *testing.T) { choose(t, "org.mozilla.firefox", "firefox-esr") }

func TestChromiumChooser(t *testing.T) { choose(t, "org.chromium.Chromium", "chromium") }

func choose(t *testing.T, id, program string) {
	need.Program(t, program)
	b := newBed(t)
	b.screen()
	b.portalsInRun()
	seen := b.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	page := filepath.Join(b.home, "letters/page.html")
	write(t, page, "<!doctype html><title>a chosen page</title>text\n")
	write(t, filepath.Join(b.home, "letters/beside.txt"), "not for the app\n")
	empty := b.picture("empty")
	p := b.start(snug(t), "run", id, "about:blank")
	b.focused(strings.TrimSuffix(program, "-esr"))
	opened := b.drawn("browser", empty)
	b.keys("-s", "1000", "-M", "ctrl", "-k", "o", "-m", "ctrl")
	b.chooseFile(seen, page, opened)
	b.poll("the page is shown", func() bool {
		return b.windows().find(func(w window) bool { return strings.Contains(w.Name, "a chosen page") }) != nil
	})
	if asked := seen.saw("OpenFile"); asked == nil || !strings.Contains(asked.Body, id) {
		t.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
	inside := func(dir string) string {
		return b.outside("snug", "exec", id, "--", "find", dir, "-name", "beside.txt", "-o", "-name", "page.html")
	}
	if out := inside(b.doc); strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "/page.html\n") {
		t.Errorf("want the page as a document and nothing else, got %s", out)
	}
	if out := inside(b.home); out != "" {
		t.Errorf("want nothing of the folder, got %s", out)
	}
	p.Process.Kill()
}
