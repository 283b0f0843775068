package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/need"
)

func TestOwnPath(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unified", "0::/user.slice/a\n", "/user.slice/a"},
		{"hybrid", "2:cpu:/x\n1:name=systemd:/y\n0::/z\n", "/z"},
		{"old", "2:cpu:/x\n", ""},
		{"a colon", "0::/a:b\n", "/a:b"},
	} {
		if got, ok := ownPath(tt.text); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: want %q, got %q, %v", tt.name, tt.want, got, ok)
		}
	}
}

func TestFoldersOf(t *testing.T) {
	const other = "21 1 0:20 / /proc rw - proc proc rw\n"
	for _, tt := range []struct{ name, mounts, group, want string }{
		{"whole", other + "30 1 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n", "/a/b", "/sys/fs/cgroup/a/b"},
		{"hybrid", "30 1 0:26 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n", "/", "/sys/fs/cgroup/unified"},
		{"a part", "30 1 0:26 /a /mnt/cg rw - cgroup2 none rw\n", "/a/b", "/mnt/cg/b"},
		{"the part itself", "30 1 0:26 /a /mnt/cg rw - cgroup2 none rw\n", "/a", "/mnt/cg"},
		{"another part", "30 1 0:26 /aa /mnt/cg rw - cgroup2 none rw\n", "/a/b", ""},
		{"the nearer", "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 none rw\n31 1 0:26 /a /mnt rw - cgroup2 none rw\n", "/a/b", "/mnt/b /sys/fs/cgroup/a/b"},
		{"the later", "30 1 0:26 / /x rw - cgroup2 none rw\n31 1 0:26 / /y rw - cgroup2 none rw\n", "/a", "/y/a /x/a"},
		{"outside of the namespace", "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 none rw\n", "/../x", ""},
		{"a space", `30 1 0:26 / /sys/fs/c\040g rw - cgroup2 none rw` + "\n", "/x", "/sys/fs/c g/x"},
		{"none", other, "/x", ""},
	} {
		if got := foldersOf(tt.mounts, tt.group); strings.Join(got, " ") != tt.want {
			t.Errorf("%s: want %q, got %q", tt.name, tt.want, got)
		}
	}
}

// delegated makes a group of the test's own, or skips where the machine gives none.
func delegated(t *testing.T) *Group {
	t.Helper()
	parent, err := Delegated()
	if err != nil {
		need.Missing(t, "wanted a delegated group, got: "+err.Error())
	}
	g, err := Make(parent, "snug-test-"+strings.ReplaceAll(filepath.Base(t.TempDir()), "/", "-")+"-"+t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Remove(10 * time.Second); err != nil {
			t.Error(err)
		}
		g.Close()
	})
	return g
}

func TestRemove(t *testing.T) {
	g := delegated(t)
	deep := g.Path()
	for range 300 {
		deep = filepath.Join(deep, "a")
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(g.Path(), "b"), 0o755)
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- sleep.Wait() }()
	in, err := Open(deep)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.Add(sleep.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if is, err := g.Populated(); !is || err != nil {
		t.Errorf("want the group populated, got %v, %v", is, err)
	}
	if err := g.Remove(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	<-ended
	if _, err := os.Stat(g.Path()); !os.IsNotExist(err) {
		t.Errorf("want nothing left, got %v", err)
	}
	if err := g.Remove(0); err != nil {
		t.Errorf("removed twice: %v", err)
	}
}

func TestLimit(t *testing.T) {
	g := delegated(t)
	err := g.Limit(Limits{Memory: 64 << 20, Tasks: 50, CPUs: 0.5})
	if no, is := err.(*NoController); is {
		need.Elsewhere(t, "wanted the controllers of limits, got: "+no.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"memory.max": "67108864", "pids.max": "50", "cpu.max": "50000 100000"} {
		if got, err := g.read(file); got != want {
			t.Errorf("%s: want %q, got %q, %v", file, want, got, err)
		}
	}
}
