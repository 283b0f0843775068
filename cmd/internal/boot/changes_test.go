package boot

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestChanges(t *testing.T) {
	base := t.TempDir() + "/machines"
	c, err := OpenChanges(base, "sys", "image")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenChanges(base, "sys", "image"); !errors.Is(err, ErrRunning) {
		t.Errorf("want it running, got %v", err)
	}
	if list, err := List(base); err != nil || len(list) != 1 || list[0].Name != "sys" || list[0].Image != "image" || !list[0].Running {
		t.Errorf("got %+v, %v", list, err)
	}
	id := c.UUID
	c.Close()
	var other *OtherImage
	if _, err := OpenChanges(base, "sys", "another"); !errors.As(err, &other) || other.Image != "image" {
		t.Errorf("want the image told, got %v", err)
	}
	again, err := OpenChanges(base, "sys", "image")
	if err != nil || again.UUID != id || len(id) != 32 {
		t.Fatalf("want the same machine %s, got %+v, %v", id, again, err)
	}
	again.Close()
	if stat, err := os.Stat(filepath.Join(base, "sys")); err != nil || stat.Mode().Perm() != 0o700 {
		t.Errorf("want it closed to others, got %v, %v", stat.Mode(), err)
	}
	if list, err := List(base + "/none"); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestEndSignal(t *testing.T) {
	for _, tt := range []struct {
		kind   string
		reboot bool
		want   int
	}{{"systemd", false, 38}, {"systemd", true, 39}, {"busybox", false, 12}, {"busybox", true, 15}, {"init", false, 0}} {
		if got := endSignal(tt.kind, tt.reboot); int(got) != tt.want {
			t.Errorf("%s, %v: want %d, got %d", tt.kind, tt.reboot, tt.want, got)
		}
	}
}

// The keeper takes nothing for a path that is none.
func TestKeepWords(t *testing.T) {
	for _, args := range [][]string{nil, {"relative"}, {"/sys/fs/cgroup/x", "relative"}, {""}} {
		if status := Keep(args); status != 2 {
			t.Errorf("%q: want 2, got %d", args, status)
		}
	}
}

// Others never have what is in the folder, not even while it is made; one that they could enter is refused.
func TestChangesClosed(t *testing.T) {
	base := t.TempDir() + "/machines"
	c, err := OpenChanges(base, "sys", "image")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for _, dir := range []string{base, base + "/sys"} {
		if stat, err := os.Stat(dir); err != nil || stat.Mode().Perm() != 0o700 {
			t.Errorf("%s: want 0700, got %v, %v", dir, stat.Mode(), err)
		}
		os.Chmod(dir, 0o755)
		if _, err := OpenChanges(base, "sys", "image"); err == nil {
			t.Errorf("%s: want a refusal of a folder that others can enter", dir)
		}
		os.Chmod(dir, 0o700)
	}
}
