package boot

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
	"snug/sandbox/cgroup"
	"snug/systemdimg"
	"snug/tests/need"
)

// small is the folder of a system that is busybox alone.
func small(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		need.Elsewhere(t, "wanted an ordinary user, got root")
	}
	dir := t.TempDir()
	text, err := os.ReadFile(need.Program(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(dir+"/bin", 0o755)
	if err := os.WriteFile(dir+"/bin/busybox", text, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Changes that nobody keeps are in memory, with a served root, too.
func TestServedInMemory(t *testing.T) {
	dir, out := small(t), t.TempDir()
	parent, err := cgroup.Delegated()
	if err != nil {
		need.Missing(t, "wanted a delegated control group, got: "+err.Error())
	}
	m := &Machine{Name: "served-test", Parent: parent, server: need.Program(t, serverName)}
	group, err := cgroup.Make(parent, "snug-"+m.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	defer group.Remove(patience)
	own, err := cgroup.Make(group.Path(), "boot-1")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	set := caps.Union(caps.Profile("system"))
	m.System = systemdimg.System{Root: systemdimg.Stack([]string{dir}, "", ""), UUID: NewID(), BootID: NewID(), Cgroup: own.Dir(), Capabilities: set,
		Binds: []sandbox.Bind{{Source: out, Dest: "/out", Writable: true}},
		Init:  []string{"/bin/busybox", "sh", "-c", "echo mine >/bin/new; /bin/busybox grep ' / ' /proc/self/mountinfo >/out/mount; /bin/busybox cat /bin/new >/out/new"}}
	b, err := m.start(m.System)
	if err != nil {
		t.Fatal(err)
	}
	if ws := b.in.Wait(); ws != 0 {
		t.Errorf("want it ended well, got %v", ws)
	}
	b.end()
	if ws := b.server.in.Wait(); ws != 0 {
		t.Errorf("want its server ended by that, got %v", ws)
	}
	mount, _ := os.ReadFile(out + "/mount")
	text, _ := os.ReadFile(out + "/new")
	if !strings.Contains(string(mount), "fuse.fuse-overlayfs") || string(text) != "mine\n" {
		t.Errorf("want it served and what was written, got %s, %q", mount, text)
	}
	if _, err := os.Lstat(dir + "/bin/new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the system's folder has changed")
	}
}

// Who serves a root sees and may no more than that takes. What it may is the control.
func TestServerConfined(t *testing.T) {
	if h, err := sandbox.Probe(); err != nil || h.Landlock < 2 {
		need.Missingf(t, "wanted Landlock with ABI 2, got %d, %v", h.Landlock, err)
	}
	dir, changes, out := small(t), t.TempDir(), t.TempDir()
	for _, name := range []string{"/upper", "/work"} {
		os.Mkdir(changes+name, 0o755)
	}
	o := &sandbox.Overlay{Dest: "/", Lower: []string{dir}, Upper: changes + "/upper", Work: changes + "/work"}
	s, err := serverSpec(need.Program(t, "sh"), o, sandbox.Users{}, false)
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(out + "/said")
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	s.Process.Argv = []string{"sh", "-c", `exec 2>/changes/work/errors
echo y >/changes/work/y && mv /changes/work/y /changes/upper/y && cat /changes/upper/y && ls /layers/0
for f in /changes/machine /layers/0/x /x /usr/x /proc/sys/kernel/core_pattern; do (echo x >$f) && echo wrote $f; done
mv /changes/upper /changes/other && echo moved
ls -A /home /root /etc/passwd /tmp /var /dev
grep -c : /proc/net/dev; ls -d /proc/[0-9]* | tr '\n' ' '`}
	s.Process.Files = []sandbox.File{{Number: 1, Source: said}}
	in, err := sandbox.Run(s)
	if err != nil {
		t.Fatal(err)
	}
	in.Wait()
	in.Close()
	text, _ := os.ReadFile(out + "/said")
	if !regexp.MustCompile(`^y\nbin\n1\n/proc/1 (/proc/[0-9]+ )*$`).Match(text) {
		t.Errorf("got %s", text)
	}
}

// What says that something is gone becomes what the kernel's overlay understands.
func TestSettle(t *testing.T) {
	dir := t.TempDir()
	c := &Changes{path: dir}
	for _, path := range []string{"/upper/d/e", "/upper/plain", "/upper/x"} {
		if err := os.MkdirAll(dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{".wh.a", "b", ".wh.b", "d/.wh..wh..opq", "d/.wh..opq", "d/e/.wh.f", "plain/wh.x", ".wh.."} {
		if err := os.WriteFile(filepath.Join(dir, "upper", path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	os.Symlink("/", dir+"/upper/link")
	if err := unix.Setxattr(dir+"/upper/x", servedOpaque, []byte("y"), 0); err != nil {
		need.Missingf(t, "wanted a file system with attributes, got %v", err)
	}
	if err := settle(dir); err != nil || exists(dir+"/upper/a") {
		t.Errorf("of changes that are the kernel's: want nothing done, got %v", err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := c.mark(); err != nil {
			t.Fatal(err)
		}
		if err := settle(dir); err != nil {
			t.Fatal(err)
		}
	}
	for path, gone := range map[string]bool{"a": true, "b": false, "d/e/f": true} {
		var st unix.Stat_t
		if err := unix.Lstat(dir+"/upper/"+path, &st); err != nil || (st.Mode&unix.S_IFMT == syscall.S_IFCHR && st.Rdev == 0) != gone {
			t.Errorf("%s: want it gone: %v; got mode %o, %v", path, gone, st.Mode, err)
		}
	}
	for path, want := range map[string]bool{"d": true, "x": true, "d/e": false, "plain": false, ".": false} {
		var value [1]byte
		n, _ := unix.Getxattr(dir+"/upper/"+path, kernelOpaque, value[:])
		if got := n == 1 && value[0] == 'y'; got != want {
			t.Errorf("%s: want it opaque: %v, got %v", path, want, got)
		}
	}
	left, _ := filepath.Glob(dir + "/upper/*/.wh.*")
	if more, _ := filepath.Glob(dir + "/upper/.wh.*"); len(left)+len(more) > 0 || exists(dir+"/"+servedName) || !exists(dir+"/upper/plain/wh.x") {
		t.Errorf("left: %q, %q", left, more)
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

// What a file system must keep is tried, and not guessed. The control is one that does.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	if status := Try([]string{dir, "1"}); os.Getuid() != 0 && status != tryFirst {
		t.Errorf("as who may not give files away: want %d, got %d", tryFirst, status)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	for _, args := range [][]string{nil, {dir}, {dir, "x"}} {
		if status := Try(args); status != 2 {
			t.Errorf("%q: want 2, got %d", args, status)
		}
	}
	if len(lacks()) != 4 {
		t.Error("each thing that is tried has a name")
	}
}
