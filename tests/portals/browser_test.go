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
	page := filepath.Join(d.Home, "letters/page.html")
	bed.Write(t, page, "<!doctype html><title>a chosen page</title>text\n")
	d.open(page, "a chosen page", strings.TrimSuffix(program, "-esr"), id, "about:blank")
	inside := func(dir string) string {
		return d.Outside("snug", "exec", id, "--", "find", dir, "-name", "beside.txt", "-o", "-name", "page.html")
	}
	if out := inside(d.doc); strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "/page.html\n") {
		t.Errorf("want the page as a document and nothing else, got %s", out)
	}
	if out := inside(d.Home); out != "" {
		t.Errorf("want nothing of the folder, got %s", out)
	}
}
