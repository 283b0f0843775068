package tests

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
)

// A person at a terminal is asked once whether an app gets a copy of what they have, and once before
// what is kept of it goes. No answer is a no.
func TestDataQuestions(t *testing.T) {
	p := sit(t)
	home := p.Home
	kept := home + "/.local/share/snug/home/org.example.App"
	bed.Write(t, home+"/.app/settings", "mine\n")
	bed.Write(t, home+"/.config/snug/apps/org.example.App.toml",
		"command = [\"sh\", \"-c\", \"echo has $(cat ~/.app/settings || echo nothing)\"]\n[home]\nmode = \"private\"\nimport = [\"~/.app\"]\n")
	const launcher = "[Desktop Entry]\nType=Application\nName=App\nExec=sh -c true\n"
	bed.Write(t, home+"/launchers/org.example.App.desktop", launcher)
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
	if !bed.Exists(kept) {
		t.Error("the home is gone")
	}
	p.types("snug data rm App\n")
	p.sees("[y/N] ")
	p.types("y\n")
	p.sees("ready> ")
	if bed.Exists(kept) {
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
	if bed.Read(t, kept+"/.app/settings") != "mine\n" {
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
	wrapped := bed.Read(t, home+"/.local/share/applications/org.example.App.desktop")
	if !bed.Exists(kept) || !strings.Contains(wrapped, "--launcher") {
		t.Errorf("after a no: %s", wrapped)
	}
	p.types("snug unwrap --purge App --yes\n")
	p.sees("ready> ")
	if bed.Exists(kept) || bed.Read(t, home+"/.local/share/applications/org.example.App.desktop") != launcher {
		t.Error("after --purge --yes the home or the wrapped launcher is there still")
	}
	// Who interrupts the question starts nothing.
	p.types("snug data rm App --yes; snug run App\n")
	p.sees("[y/N] ")
	p.types("\x03")
	p.sees("ready> ")
	if bed.Exists(kept) {
		t.Error("a start that was interrupted has made a home")
	}
}

// A copy that is killed at any moment leaves a home that has all of it or nothing, and the next one is
// not in its way.
func TestImportKilled(t *testing.T) {
	h := newHost(t)
	home := h.Home
	kept := home + "/.local/share/snug/home/org.example.App/.app"
	const files = 300
	for i := range files {
		bed.Write(t, home+"/.app/folder/"+strconv.Itoa(i), strings.Repeat("x", 10000))
	}
	bed.Write(t, home+"/.config/snug/apps/org.example.App.toml", "command = [\"true\"]\n[home]\nmode = \"private\"\nimport = [\"~/.app\"]\n")
	killed, done := 0, 0
	for i := 0; i < 60 || killed == 0; i++ {
		cmd := h.Command("snug", "data", "import", "App", "--yes")
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
		if !bed.Exists(kept) {
			continue
		}
		entries, err := os.ReadDir(kept + "/folder")
		if err != nil || len(entries) != files {
			t.Fatalf("%d of %d files, %v", len(entries), files, err)
		}
		h.Must("snug", "data", "rm", "App", "--yes")
	}
	h.Command("snug", "data", "rm", "App", "--yes").Run() // it may be gone
	h.Must("snug", "data", "import", "App", "--yes")
	if entries, err := os.ReadDir(kept + "/folder"); err != nil || len(entries) != files {
		t.Errorf("%d of %d files, %v", len(entries), files, err)
	}
	t.Logf("%d killed, %d done", killed, done)
}

// What a removal that is killed leaves is removed by the next verb about homes.
func TestRemovalKilled(t *testing.T) {
	h := newHost(t)
	homes := h.Home + "/.local/share/snug/home"
	left := 0
	for i := 0; i < 60 && left == 0; i++ {
		for n := range 3000 {
			bed.Write(t, homes+"/org.example.App/folder/"+strconv.Itoa(n), "x")
		}
		cmd := h.Command("snug", "data", "rm", "org.example.App", "--yes")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%60) * time.Millisecond) // the moment is the point
		cmd.Process.Kill()
		cmd.Wait()
		if bed.Exists(homes + "/.trash") {
			left++
		}
		h.Must("snug", "data", "ls")
		if bed.Exists(homes + "/.trash") {
			t.Fatal("what was left is there still")
		}
	}
	if left == 0 {
		t.Error("no kill has left anything: the test shows nothing")
	}
}
