package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// TestEditAgain edits a drop-in at a terminal: what is wrong is told, and the editor opens again.
func TestEditAgain(t *testing.T) {
	p := sit(t)
	// An editor that writes what is wrong at first, and what is right when it finds that.
	bed.Write(p, p.work+"/editor", `#!/bin/sh
if grep -q wrote "$1"; then printf '[files]\nlive = true\n' >"$1"; else printf '[files]\nwrote = []\n' >"$1"; fi
`)
	dropIn := filepath.Join(p.Home, ".config/snug/apps/foot.d/50-local.toml")
	p.types("EDITOR=./editor snug manifest edit foot\n")
	p.sees("unknown key files.wrote", "hint: did you mean files.write?", "edit it again? [Y/n] ")
	p.types("\n")
	p.sees("ready> ")
	if got := bed.Read(t, dropIn); got != "[files]\nlive = true\n" {
		t.Errorf("the drop-in is %q", got)
	}
	// Who gives up keeps what was there, and what they wrote.
	p.types("EDITOR=./editor snug manifest edit foot\n")
	p.sees("edit it again? [Y/n] ")
	p.types("n\n")
	p.sees("is as before", "hint: what you wrote is in ", "ready> ")
	if got := bed.Read(t, dropIn); got != "[files]\nlive = true\n" {
		t.Errorf("the drop-in is %q", got)
	}
	p.types("kept=$(echo ${TMPDIR:-/tmp}/snug-edit-*/50-local.toml); cat $kept; rm -r ${kept%/*}\n")
	p.sees("wrote = []", "ready> ")
}

// TestNewInstalled proposes a manifest for every desktop file of this machine: each proposal is
// written, and check has nothing against it but what holds for this session.
func TestNewInstalled(t *testing.T) {
	paths, _ := filepath.Glob("/usr/share/applications/*.desktop")
	if len(paths) < 5 {
		need.Missingf(t, "wanted five desktop files in /usr/share/applications, got %d", len(paths))
	}
	home := bed.Folder(t)
	run := func(args ...string) (out string, status int) {
		cmd := exec.Command(bed.Built(t, "snug"), args...)
		cmd.Env = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
		text, _ := cmd.CombinedOutput()
		return string(text), cmd.ProcessState.ExitCode()
	}
	written := 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".desktop")
		if out, status := run("manifest", "new", "--write", path); status != 0 {
			known := strings.Contains(out, "there is a manifest for")
			foreign := strings.Contains(out, "sandbox") // a Flatpak or a snap
			missing := strings.Contains(out, "is not installed") || strings.Contains(out, "names no program")
			if !known && !foreign && !missing {
				t.Errorf("%s: status %d\n%s", name, status, out)
			}
			continue
		}
		written++
	}
	out, status := run("manifest", "check")
	for line := range strings.Lines(out) {
		// Debian installs desktop files whose program is another package's.
		if strings.Contains(line, ": note: ") || strings.HasPrefix(line, "  hint: ") || strings.Contains(line, "there is no program") || strings.Contains(line, "is not in the sandbox") {
			continue
		}
		t.Errorf("check, status %d: %s", status, line)
	}
	if written < 3 {
		t.Errorf("want three proposals at least, got %d", written)
	}
	entries, _ := os.ReadDir(home + "/.config/snug/apps")
	if len(entries) != written {
		t.Errorf("want %d files, got %d", written, len(entries))
	}
}
