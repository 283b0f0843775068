package portals_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	b := newBed(t)
	b.screen()
	b.portalsInRun()
	seen := b.monitor("type='method_call',interface='org.freedesktop.impl.portal.FileChooser'")
	letter := filepath.Join(b.home, "letters/letter.txt")
	write(t, letter, "a line of old\n")
	write(t, filepath.Join(b.home, "letters/beside.txt"), "not for the app\n")
	b.manifest("org.example.Editor", "command = [\"gnome-text-editor\", \"--standalone\"]\naccept = [\"wayland-raw\"]\n", editor)

	empty := b.picture("empty")
	p := b.start(snug(t), "run", "org.example.Editor")
	b.focused("TextEditor")
	opened := b.drawn("editor", empty)
	b.keys("-M", "ctrl", "-k", "o", "-m", "ctrl")
	b.chooseFile(seen, letter, opened)
	b.poll("the editor has opened the letter", func() bool {
		return b.windows().find(func(w window) bool { return w.Focused && strings.Contains(w.Name, "letter.txt") }) != nil
	})
	b.typeUntil(letter, "new")
	if got := read(t, letter); !strings.Contains(got, "a line of old") {
		t.Errorf("want the old text kept, got %q", got)
	}
	if asked := seen.saw("OpenFile"); asked == nil || !strings.Contains(asked.Body, "org.example.Editor") {
		t.Errorf("want the dialog asked for the app by its id, got %+v", asked)
	}
	b.onlyTheLetter(letter)
	p.Process.Kill()
}

// chooseFile types a path into the dialog of the portal.
func (b *bed) chooseFile(seen *monitor, path string, before []byte) {
	b.t.Helper()
	b.poll("the portal is asked for a dialog", func() bool { return seen.saw("OpenFile") != nil })
	b.focused("xdg-desktop-portal-gtk")
	dialog := b.drawn("dialog", before)
	b.keys("-k", "slash") // which makes the dialog show a line to type into
	typed := b.drawn("line", dialog)
	b.keys(path[1:])
	b.drawn("path", typed)
	b.poll("the dialog is gone", func() bool {
		b.keys("-k", "Return") // the first may be the list's of completions
		return b.windows().find(func(w window) bool { return strings.Contains(w.App, "xdg-desktop-portal-gtk") }) == nil
	})
	if after := b.drawn("chosen", dialog); bytes.Equal(after, before) {
		b.t.Error("the screen shows what it did before the file was chosen")
	}
}

// typeUntil types and saves until the host's file has a word.
func (b *bed) typeUntil(file, word string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(read(b.t, file), word); {
		if time.Now().After(end) {
			b.picture("failed")
			b.t.Fatalf("want %q in the file, got %q", word, read(b.t, file))
		}
		b.keys(word + " words ")
		b.keys("-M", "ctrl", "-k", "s", "-m", "ctrl")
		for wait := time.Now().Add(2 * time.Second); time.Now().Before(wait) && !strings.Contains(read(b.t, file), word); {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// onlyTheLetter looks into the running app: the letter is there as a document, and only so.
func (b *bed) onlyTheLetter(letter string) {
	b.t.Helper()
	found := b.outside("snug", "exec", "org.example.Editor", "--", "find", "/run", b.home, "-name", "*.txt")
	if !strings.HasPrefix(found, b.doc+"/") || strings.Count(found, "\n") != 1 || !strings.HasSuffix(found, "/letter.txt\n") {
		b.t.Errorf("want the letter as a document and nothing else, got %s", found)
	}
	if out := b.outside("find", filepath.Dir(letter), "-name", "*.txt"); strings.Count(out, "\n") != 2 {
		b.t.Errorf("control: want two files outside, got %s", out)
	}
	path := strings.TrimSpace(found)
	others := "--portals-allow FileChooser --portals-documents --id "
	if out := b.inside(others+"org.example.Editor", "cat", path); !strings.Contains(out, "a line of old") {
		b.t.Errorf("control: want another start of the app to see its document, got %s", out)
	}
	if out := b.inside(others+"org.example.Other", "cat", path); !strings.Contains(out, "No such file") && !strings.Contains(out, "Permission denied") {
		b.t.Errorf("want another app not to see it, got %s", out)
	}
}
