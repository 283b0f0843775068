package tests

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A person at a terminal is asked once whether an app gets a copy of what they have, and once before
// what is kept of it goes. No answer is a no.
func TestDataQuestions(t *testing.T) {
	p := sit(t)
	home := filepath.Join(filepath.Dir(p.dir), "home")
	kept := home + "/.local/share/snug/home/org.example.App"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(home+"/.config/snug/apps", 0o700))
	must(os.MkdirAll(home+"/.app", 0o700))
	write(t, home+"/.app/settings", "mine\n")
	write(t, home+"/.config/snug/apps/org.example.App.toml",
		"command = [\"sh\", \"-c\", \"echo has $(cat ~/.app/settings || echo nothing)\"]\n[home]\nmode = \"private\"\nimport = [\"~/.app\"]\n")
	const launcher = "[Desktop Entry]\nType=Application\nName=App\nExec=sh -c true\n"
	must(os.Mkdir(home+"/launchers", 0o700))
	write(t, home+"/launchers/org.example.App.desktop", launcher)
	p.types("snug run App\n")
	p.sees("its manifest asks for a copy of", "~/.app (0.0 kB)", "copy it, once; what you have stays as it is? [y/N] ")
	p.types("\n")
	p.sees("has nothing", "ready> ")
	p.types("snug run App\n") // it is remembered
	if got := p.sees("has nothing", "ready> "); strings.Contains(got, "[y/N]") {
		t.Errorf("%q", got)
	}
	p.types("snug data rm App\n")
	p.sees("org.example.App (", "remove the home for ever, with all that is in? [y/N] ")
	p.types("no\n")
	p.sees("nothing was removed", "ready> ")
	if !exists(kept) {
		t.Error("the home is gone")
	}
	p.types("snug data rm App\n")
	p.sees("[y/N] ")
	p.types("y\n")
	p.sees("ready> ")
	if exists(kept) {
		t.Error("the home is there still")
	}
	p.types("snug run App\n")
	p.sees("copy it, once; what you have stays as it is? [y/N] ")
	p.types("y\n")
	p.sees("has mine", "ready> ")
	// snug wrap asks before the menu, which cannot, and snug unwrap --purge before it removes.
	p.types("snug data rm App --yes; cp -r ~/launchers ~/.local/share/applications; snug wrap App\n")
	p.sees("its manifest asks for a copy of", "If it runs, close it first.", "[y/N] ")
	p.types("y\n")
	p.sees("ready> ")
	if read(t, kept+"/.app/settings") != "mine\n" {
		t.Error("nothing was copied")
	}
	p.types("snug wrap App\n")
	if got := p.sees("ready> "); strings.Contains(got, "[y/N]") {
		t.Errorf("asked again: %q", got)
	}
	p.types("snug unwrap --purge App\n")
	p.sees("org.example.App (", "remove the home for ever, with all that is in? [y/N] ")
	p.types("n\n")
	p.sees("nothing was removed", "ready> ")
	wrapped := read(t, home+"/.local/share/applications/org.example.App.desktop")
	if !exists(kept) || !strings.Contains(wrapped, "--launcher") {
		t.Errorf("after a no: %s", wrapped)
	}
	p.types("snug unwrap --purge App --yes\n")
	p.sees("ready> ")
	if exists(kept) || read(t, home+"/.local/share/applications/org.example.App.desktop") != launcher {
		t.Error("after --purge --yes the home or the wrapped launcher is there still")
	}
	// Who interrupts the question starts nothing.
	p.types("snug data rm App --yes; snug run App\n")
	p.sees("[y/N] ")
	p.types("\x03")
	p.sees("ready> ")
	if exists(kept) {
		t.Error("a start that was interrupted has made a home")
	}
}

// A copy that is killed at any moment leaves a home that has all of it or nothing, and the next one is
// not in its way.
func TestImportKilled(t *testing.T) {
	b := newBed(t)
	home := filepath.Join(b.home, "home")
	kept := home + "/.local/share/snug/home/org.example.App/.app"
	const files = 300
	for _, dir := range []string{"/.config/snug/apps", "/.app/folder"} {
		if err := os.MkdirAll(home+dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range files {
		write(t, home+"/.app/folder/"+strconv.Itoa(i), strings.Repeat("x", 10000))
	}
	write(t, home+"/.config/snug/apps/org.example.App.toml", "command = [\"true\"]\n[home]\nmode = \"private\"\nimport = [\"~/.app\"]\n")
	killed, done := 0, 0
	for i := 0; i < 60 || killed == 0; i++ {
		cmd := b.snug("data", "import", "App", "--yes")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%60) * time.Millisecond / 2) // the moment is the point
		cmd.Process.Kill()
		if cmd.Wait(); cmd.ProcessState.Exited() {
			done++
		} else {
			killed++
		}
		if !exists(kept) {
			continue
		}
		entries, err := os.ReadDir(kept + "/folder")
		if err != nil || len(entries) != files {
			t.Fatalf("%d of %d files, %v", len(entries), files, err)
		}
		b.must("data", "rm", "App", "--yes")
	}
	b.snug("data", "rm", "App", "--yes").Run() // it may be gone
	b.must("data", "import", "App", "--yes")
	if entries, err := os.ReadDir(kept + "/folder"); err != nil || len(entries) != files {
		t.Errorf("%d of %d files, %v", len(entries), files, err)
	}
	t.Logf("%d killed, %d done", killed, done)
}
