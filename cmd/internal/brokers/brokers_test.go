package brokers

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/portals"
)

// TestProgram plants programs beside this one (CVE-2021-44730).
func TestProgram(t *testing.T) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(self), "snug-planted")
	t.Cleanup(func() { os.RemoveAll(path) })
	if _, err := Program("snug-planted"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Program("snug-planted")
	if err != nil {
		t.Fatal(err)
	}
	if f.Name() != path {
		t.Errorf("found %s", f.Name())
	}
	f.Close()
	os.Chmod(path, 0o707)
	if _, err := Program("snug-planted"); !errors.Is(err, errForeign) {
		t.Errorf("writable by others: %v", err)
	}
	os.Remove(path)
	os.Mkdir(path, 0o700)
	if _, err := Program("snug-planted"); !errors.Is(err, errForeign) {
		t.Errorf("a folder: %v", err)
	}
	if os.Getuid() == 0 {
		os.Remove(path)
		os.WriteFile(path, []byte("x"), 0o700)
		os.Chown(path, 4321, 4321)
		if _, err := Program("snug-planted"); !errors.Is(err, errForeign) {
			t.Errorf("another user's: %v", err)
		}
	}
}

// TestSweep: what living processes hold stays, what they have left goes, and what others made is not
// touched.
func TestSweep(t *testing.T) {
	runtime := t.TempDir()
	launcher := filepath.Join(runtime, "applications/org.example.App.desktop")
	id := &portals.Identity{App: "org.example.App", Instance: "11"}
	alive, err := leaveCard(t.TempDir(), runtime, id, launcher, 1)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(runtime, cardsFolder, "12")
	foreign := filepath.Join(runtime, cardsFolder, "13")
	for _, dir := range []string{dead, foreign} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{".ref", "info", "bwrapinfo.json"} {
			os.WriteFile(filepath.Join(dir, name), nil, 0o600)
		}
	}
	os.WriteFile(filepath.Join(dead, "snug"), []byte(launcher), 0o600)
	if !IsLauncher(launcher) {
		t.Error("there is no launcher")
	}
	// A lock does not hold against its own process, so Sweep would take the living card here.
	if pid := lockedBy(t, filepath.Join(alive.path, ".ref")); pid != os.Getpid() {
		t.Errorf("the card's lock is held by %d", pid)
	}
	away := alive.path + ".away" // and a folder of its own, whose lock nobody holds, notes the launcher
	os.Rename(filepath.Join(alive.path, ".ref"), away)
	os.Symlink("/nowhere/else", filepath.Join(alive.path, ".ref"))
	Sweep(t.TempDir(), runtime)
	os.Rename(away, filepath.Join(alive.path, ".ref"))
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dead instance's folder stays: %v", err)
	}
	if _, err := os.Stat(filepath.Join(foreign, "info")); err != nil {
		t.Errorf("flatpak's folder: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(alive.path, "bwrapinfo.json")); string(text) != "{\"child-pid\": 1}\n" {
		t.Errorf("bwrapinfo.json is %q, %v", text, err)
	}
	if !IsLauncher(launcher) {
		t.Error("the launcher went with one of two instances")
	}
	alive.remove()
	if _, err := os.Stat(launcher); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the launcher stays: %v", err)
	}
	if _, err := os.Stat(alive.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a card that was taken back stays: %v", err)
	}
}

// lockedBy reads who holds a lock from /proc/locks, 0 for nobody.
func lockedBy(t *testing.T, path string) int {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	return holder(string(text), st.Ino)
}

// TestHalfLauncher: a start that was killed over its launcher leaves none, a person's stays.
func TestHalfLauncher(t *testing.T) {
	for text, stays := range map[string]bool{"": false, "[Desktop Entry]\nName=mine\n": true} {
		runtime := t.TempDir()
		launcher := filepath.Join(runtime, "a.desktop")
		card := filepath.Join(runtime, cardsFolder, "12")
		if err := os.MkdirAll(card, 0o700); err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(card, marker), []byte(launcher), 0o600)
		os.WriteFile(launcher, []byte(text), 0o644)
		Sweep(t.TempDir(), runtime)
		if _, err := os.Stat(card); err == nil {
			t.Error("the card stays")
		}
		if _, err := os.Stat(launcher); (err == nil) != stays {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// holder finds the process that holds a POSIX lock of an inode (proc_locks(5)).
func holder(locks string, inode uint64) (pid int) {
	for line := range strings.Lines(locks) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "POSIX" || !strings.HasSuffix(fields[5], ":"+strconv.FormatUint(inode, 10)) {
			continue
		}
		pid, _ = strconv.Atoi(fields[4])
	}
	return pid
}
