package sandbox_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/sandbox"
	"snug/tests/need"
)

// tree makes a folder that a sandbox may read, with files as name, content pairs.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for p := dir; p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		os.Chmod(p, 0o755)
	}
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSteps(t *testing.T) {
	dir := tree(t, "a/one", "1", "a/both", "a", "b/two", "2", "b/both", "b", "mem/x", "kept")
	os.Mkdir(dir+"/upper", 0o755)
	os.Mkdir(dir+"/work", 0o755)
	t.Cleanup(func() { os.Chmod(dir+"/work/work", 0o700) }) // overlayfs leaves it closed
	os.Mkdir(dir+`/odd:\,name`, 0o755)
	os.WriteFile(dir+`/odd:\,name/odd`, []byte("odd"), 0o644)
	needKernel := func(t *testing.T, major, minor int) {
		if h, _ := sandbox.Probe(); !h.Has(major, minor) {
			need.Missingf(t, "wanted Linux %d.%d, got %d.%d", major, minor, h.Kernel[0], h.Kernel[1])
		}
	}
	for _, tt := range []struct {
		name, script string
		steps        []sandbox.Step
		want         string
		kernel       [2]int
	}{
		{name: "tmpfs", script: "stat -c %a /tmp/t; df --output=size /tmp/t | tail -1 | tr -d ' '; echo >/tmp/t/x && echo written",
			steps: []sandbox.Step{&sandbox.Tmpfs{Dest: "/tmp/t", Mode: 0o1777, Size: 1 << 20}, &sandbox.Symlink{Dest: "/tmp/l", Target: "t"}}, want: "1777\n1024\nwritten\n"},
		{name: "folder", script: "stat -c %a /tmp/a /tmp/a/b", steps: []sandbox.Step{&sandbox.Dir{Dest: "/tmp/a/b", Mode: 0o700}}, want: "755\n700\n"},
		{name: "data", script: "cat /tmp/f; stat -c %a /tmp/f", steps: []sandbox.Step{&sandbox.Data{Dest: "/tmp/f", Content: []byte("text\n"), Mode: 0o600}}, want: "text\n600\n"},
		{name: "data, bound", script: "cat /etc/hostname; (echo >/etc/hostname) 2>/dev/null || echo refused",
			steps: []sandbox.Step{&sandbox.Data{Dest: "/etc/hostname", Content: []byte("box\n"), Bound: true}}, want: "box\nrefused\n"},
		{name: "data, bound and writable", script: "echo new >/etc/hostname; cat /etc/hostname",
			steps: []sandbox.Step{&sandbox.Data{Dest: "/etc/hostname", Content: []byte("box\n"), Bound: true, Writable: true}}, want: "new\n"},
		{name: "links", script: "readlink /tmp/l; readlink /dev/fd", steps: []sandbox.Step{&sandbox.Symlink{Dest: "/tmp/l", Target: "some/where"}, &sandbox.Symlink{Dest: "/tmp/l", Target: "some/where"}, &sandbox.Symlink{Dest: "/dev/fd", Target: "/proc/self/fd"}}, want: "some/where\n/proc/self/fd\n"},
		{name: "chmod", script: "stat -c %a /tmp/d", steps: []sandbox.Step{&sandbox.Dir{Dest: "/tmp/d"}, &sandbox.Chmod{Dest: "/tmp/d", Mode: 0o1711}}, want: "1711\n"},
		{name: "read-only", script: "(echo >/tmp/d/x) 2>/dev/null || echo refused; echo >/tmp/y && echo written",
			steps: []sandbox.Step{&sandbox.Tmpfs{Dest: "/tmp/d"}, &sandbox.ReadOnly{Dest: "/tmp/d"}}, want: "refused\nwritten\n"},
		{name: "read-only below", script: "(echo >/tmp/d/x) 2>/dev/null || echo refused; (echo >/tmp/x) 2>/dev/null || echo refused",
			steps: []sandbox.Step{&sandbox.Tmpfs{Dest: "/tmp/d"}, &sandbox.ReadOnly{Dest: "/tmp", Recursive: true}}, want: "refused\nrefused\n"},
		{name: "mask", script: "ls -A /tmp/a | wc -l; cat /tmp/b/two; wc -c </tmp/b/two; (echo >/tmp/a/x) 2>/dev/null || echo refused",
			steps: []sandbox.Step{&sandbox.Bind{Source: dir + "/a", Dest: "/tmp/a", Writable: true}, &sandbox.Bind{Source: dir + "/b", Dest: "/tmp/b"},
				&sandbox.Mask{Dest: "/tmp/a"}, &sandbox.Mask{Dest: "/tmp/b/two"}, &sandbox.Mask{Dest: "/tmp/nothing/here"}}, want: "0\n0\nrefused\n"},
		{name: "bind", script: "cat /tmp/a/one; (echo >/tmp/a/x) 2>/dev/null || echo refused; echo >/tmp/b/x && echo written; cat /tmp/file",
			steps: []sandbox.Step{&sandbox.Bind{Source: dir + "/a", Dest: "/tmp/a"}, &sandbox.Bind{Source: dir + "/b", Dest: "/tmp/b", Writable: true}, &sandbox.Bind{Source: dir + "/a/one", Dest: "/tmp/file"}}, want: "1refused\nwritten\n1"},
		{name: "bind without devices", script: "(echo >/tmp/d/null) 2>/dev/null || echo refused; echo >/tmp/d/zero && echo written",
			steps: []sandbox.Step{&sandbox.Bind{Source: "/dev/null", Dest: "/tmp/d/null", Writable: true}, &sandbox.Bind{Source: "/dev/zero", Dest: "/tmp/d/zero", Writable: true, Devices: true}}, want: "refused\nwritten\n"},
		{name: "bind of the root elsewhere", script: "test -d /tmp/host/usr && echo there; ls /tmp/host/tmp/f 2>/dev/null; ls -d /../tmp/f",
			steps: []sandbox.Step{&sandbox.Data{Dest: "/tmp/f", Bound: true}, &sandbox.Bind{Source: "/", Dest: "/tmp/host"}}, want: "there\n/../tmp/f\n"},
		{name: "bind of the root by another name", script: "test -d /tmp/host/usr && echo there",
			steps: []sandbox.Step{&sandbox.Bind{Source: "/usr/..", Dest: "/tmp/host"}}, want: "there\n"},
		{name: "mounts", script: "ls /tmp/q | wc -l; stat -f -c %T /tmp/q /tmp/p /tmp/s /tmp/c",
			steps: []sandbox.Step{&sandbox.Mqueue{Dest: "/tmp/q"}, &sandbox.Devpts{Dest: "/tmp/p"}, &sandbox.Sysfs{Dest: "/tmp/s"}, &sandbox.Cgroup2{Dest: "/tmp/c"}}, want: "0\nmqueue\ndevpts\nsysfs\ncgroup2fs\n"},
		{name: "overlay, read-only", script: "cat /tmp/o/both /tmp/o/one /tmp/o/two; (echo >/tmp/o/x) 2>/dev/null || echo refused",
			steps: []sandbox.Step{&sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir + "/a", dir + "/b"}, ReadOnly: true}}, want: "a12refused\n"},
		{name: "overlay, kept", script: "echo new >/tmp/o/one; rm /tmp/o/both; ls /tmp/o",
			steps: []sandbox.Step{&sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir + "/a"}, Upper: dir + "/upper", Work: dir + "/work"}}, want: "one\n"},
		{name: "overlay, in memory", script: "echo new >/tmp/o/x; cat /tmp/o/x", kernel: [2]int{6, 6},
			steps: []sandbox.Step{&sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir + "/mem"}}}, want: "new\n"},
		{name: "overlay, odd names", script: "cat /tmp/o/odd /tmp/o/one", steps: []sandbox.Step{&sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir + `/odd:\,name`, dir + "/a"}, ReadOnly: true}}, want: "odd1", kernel: [2]int{6, 8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			needKernel(t, tt.kernel[0], tt.kernel[1])
			s := shell(tt.script)
			s.Root = append(s.Root, tt.steps...)
			if got, code := output(t, s); got != tt.want {
				t.Errorf("status %d\n got %q\nwant %q", code, got, tt.want)
			}
		})
	}
	if text, _ := os.ReadFile(dir + "/mem/x"); string(text) != "kept" {
		t.Errorf("the lower folder was changed: %q", text)
	}
	if text, _ := os.ReadFile(dir + "/upper/one"); string(text) != "new\n" {
		t.Errorf("the upper folder does not hold what was written: %q", text)
	}
}

func TestBindIdentity(t *testing.T) {
	dir := tree(t, "f", "1", "g", "2")
	os.Symlink("f", dir+"/link")
	var st unix.Stat_t
	unix.Stat(dir+"/f", &st)
	same := &sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}
	for _, tt := range []struct {
		name string
		bind sandbox.Bind
		want string
	}{
		{"the file itself", sandbox.Bind{Source: dir + "/f", Same: same, NoSymlinks: true}, ""},
		{"another file", sandbox.Bind{Source: dir + "/g", Same: same}, `bind "` + dir + `/g": stale file handle (m:1)`},
		{"through a link", sandbox.Bind{Source: dir + "/link", Same: same}, ""},
		{"through a link, forbidden", sandbox.Bind{Source: dir + "/link", NoSymlinks: true}, `bind "` + dir + `/link": too many levels of symbolic links (m:1)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := shell("cat /tmp/x")
			tt.bind.Dest, tt.bind.Origin = "/tmp/x", "m:1"
			s.Root = append(s.Root, &tt.bind)
			if tt.want == "" {
				if got, _ := output(t, s); got != "1" {
					t.Errorf("got %q", got)
				}
				return
			}
			if _, err := sandbox.Run(s); err == nil || err.Error() != tt.want {
				t.Errorf("\n got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// Changes that the kernel would not keep are an error: on FUSE it mounts such an overlay read-only, without a word.
// Where it keeps them, TestSteps has them kept.
func TestOverlayRefused(t *testing.T) {
	dir := tree(t, "low/one", "1", "below/x", "")
	for _, name := range []string{"/up", "/work", "/fuse"} {
		os.Mkdir(dir+name, 0o755)
	}
	words := []string{"-o", "lowerdir=" + dir + "/below,upperdir=" + dir + "/up,workdir=" + dir + "/work", dir + "/fuse"}
	if out, err := exec.Command(need.Program(t, "fuse-overlayfs"), words...).CombinedOutput(); err != nil {
		need.Missingf(t, "wanted a file system by FUSE, got %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("fusermount3", "-u", dir+"/fuse").Run() })
	os.Mkdir(dir+"/fuse/upper", 0o755)
	os.Mkdir(dir+"/fuse/work", 0o755)
	s := shell("echo kept >/tmp/o/one")
	s.Root = append(s.Root, &sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir + "/low"}, Upper: dir + "/fuse/upper", Work: dir + "/fuse/work"})
	_, err := sandbox.Run(s)
	var e *sandbox.Error
	if !errors.As(err, &e) || !errors.Is(err, unix.EROFS) || !strings.Contains(e.Hint, "ext4") {
		t.Errorf("want a refusal that says what to do, got %v", err)
	}
}
