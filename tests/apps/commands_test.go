package apps_test

import (
	"strconv"
	"strings"
	"testing"

	"snug/tests/need"
)

// Programs for a terminal.

func TestCurl(t *testing.T) {
	need.Program(t, "curl")
	b := newBed(t)
	url, asked := b.server()
	if out := b.outside("snug", "run", "curl", "-sS", url); out != greenPage || asked.Load() != 1 {
		t.Errorf("want the page, got %q", out)
	}
	file := b.home + "/Downloads/page"
	if out := b.outside("snug", "run", "curl", "-sS", "-o", file, url); out != "" || read(t, file) != greenPage {
		t.Errorf("want the page among the downloads, got %q %q", out, read(t, file))
	}
	secret := "file://" + b.home + "/.ssh/id_ed25519"
	if out := b.outside("curl", "-sS", secret); out != key {
		t.Errorf("control: want the key outside, got %q", out)
	}
	if out := b.outside("snug", "run", "curl", "-sS", secret); strings.Contains(out, key) || !strings.Contains(out, "(exit status 37)") {
		t.Errorf("want no key, got %q", out)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
