package sandbox_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/caps/landlock"
	"snug/sandbox"
	"snug/tests/need"
)

// notify is a filter that asks about one call and allows all others.
func notify(nr uint32) []byte {
	var code []byte
	for _, i := range []struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}{{0x20, 0, 0, 0}, {0x15, 0, 1, nr}, {0x06, 0, 0, unix.SECCOMP_RET_USER_NOTIF}, {0x06, 0, 0, unix.SECCOMP_RET_ALLOW}} {
		code = binary.NativeEndian.AppendUint16(code, i.code)
		code = append(code, i.jt, i.jf)
		code = binary.NativeEndian.AppendUint32(code, i.k)
	}
	return code
}

func TestListener(t *testing.T) {
	s := shell("mkdir /tmp/x 2>&1; ls /tmp")
	s.Process.Filters = []sandbox.Filter{{Name: "ask", Code: notify(unix.SYS_MKDIR), Listen: true}}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Process.Files = []sandbox.File{{Number: 1, Source: w}}
	in := start(t, s)
	w.Close()
	if in.Listener() == nil {
		t.Fatal("no listener was handed over")
	}
	nr, err := answer(in.Listener(), unix.EDQUOT)
	if err != nil || nr != unix.SYS_MKDIR {
		t.Fatalf("asked about call %d, %v; want mkdir", nr, err)
	}
	if got, _ := collect(t, in, r); got != "mkdir: cannot create directory '/tmp/x': Disk quota exceeded\n" {
		t.Errorf("got %q, want the errno that the listener answered", got)
	}
}

// ruleset makes what the engine takes of a Landlock ruleset, for this machine.
func ruleset(t *testing.T, r landlock.Ruleset) *sandbox.Landlock {
	t.Helper()
	h, err := sandbox.Probe()
	if err != nil {
		t.Fatal(err)
	}
	if h.Landlock == 0 {
		need.Missing(t, "wanted a kernel with Landlock, got none")
	}
	r, _ = landlock.Downgrade(r, h.Landlock)
	attr, err := r.Attr(h.Landlock)
	if err != nil {
		t.Fatal(err)
	}
	l := &sandbox.Landlock{Attr: attr, Origin: "test"}
	for _, p := range r.Paths {
		l.Rules = append(l.Rules, sandbox.LandlockRule{Type: landlock.RulePathBeneath, Attr: p.Bytes(), Path: p.Path, FDAt: landlock.ParentFDOffset})
	}
	return l
}

func TestLandlock(t *testing.T) {
	const script = "echo >/tmp/x && echo written; cat /etc/passwd >/dev/null && echo read"
	if got, _ := output(t, shell(script)); got != "written\nread\n" { // the control
		t.Fatalf("without Landlock got %q", got)
	}
	s := shell("exec 2>/dev/null; " + script)
	s.Process.Landlock = ruleset(t, landlock.Ruleset{
		FS: landlock.ReadFile | landlock.WriteFile | landlock.MakeReg,
		Paths: []landlock.PathRule{
			{Path: "/usr", Allowed: landlock.ReadFile},
			{Path: "/lib", Allowed: landlock.ReadFile},
			{Path: "/tmp", Allowed: landlock.ReadFile | landlock.WriteFile | landlock.MakeReg},
			{Path: "/dev", Allowed: landlock.ReadFile | landlock.WriteFile},
			{Path: "/etc/ld.so.cache", Allowed: landlock.ReadFile},
		},
	})
	if got, _ := output(t, s); got != "written\n" {
		t.Errorf("with Landlock got %q, want the write to /tmp alone", got)
	}
	in := start(t, func() *sandbox.Spec { z := shell("sleep 30"); z.Process.Landlock = s.Process.Landlock; return z }())
	if got, _ := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", "exec 2>/dev/null; " + script}}); got != "written\n" {
		t.Errorf("a process that entered got %q, want what the app gets", got)
	}
}

// The root of the mount namespace, where whoever enters it arrives, is the sandbox's, whatever was
// mounted on the way there.
func TestEnteredRoot(t *testing.T) {
	dir := t.TempDir()
	for name, steps := range map[string][]sandbox.Step{
		"plain":   nil,
		"scratch": {&sandbox.Data{Dest: "/tmp/f", Bound: true}, &sandbox.Mask{Dest: "/etc"}},
		"overlay": {&sandbox.Overlay{Dest: "/tmp/o", Lower: []string{dir, "/etc"}, ReadOnly: true}},
		"stacked": {&sandbox.Tmpfs{Dest: "/"}, &sandbox.Bind{Source: "/", Dest: "/", Writable: true}, &sandbox.Proc{Dest: "/proc"}, &sandbox.Tmpfs{Dest: "/tmp"}},
	} {
		t.Run(name, func(t *testing.T) {
			const look = "grep -c . /proc/self/mountinfo; stat -c %i:%d / /.. /tmp"
			s := shell("exec 3<&0; " + look + "; exec sleep 30")
			s.Root = append(s.Root, steps...)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			s.Process.Files = []sandbox.File{{Number: 1, Source: w}}
			in := start(t, s)
			w.Close()
			var want []byte
			for strings.Count(string(want), "\n") < 4 {
				buf := make([]byte, 256)
				n, err := r.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, buf[:n]...)
			}
			if got, _ := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", look}}); got != string(want) {
				t.Errorf("entered: got %q, want what the app sees, %q", got, want)
			}
			lines := strings.Fields(string(want))
			if lines[1] != lines[2] {
				t.Errorf("/.. is %s and / is %s: something lies on the root", lines[2], lines[1])
			}
		})
	}
}

// The sandbox ends with the thread that started it, unless it may outlive that.
func TestOutlive(t *testing.T) {
	for _, outlive := range []bool{true, false} {
		s := shell("exec sleep 30")
		s.Process.Outlive = outlive
		h, err := sandbox.Probe()
		if err != nil {
			t.Fatal(err)
		}
		p, err := sandbox.Compile(s, &h, sandbox.Look(s))
		if err != nil {
			t.Fatal(err)
		}
		if got := !strings.Contains(p.String(), "PR_SET_PDEATHSIG"); got != outlive {
			t.Errorf("Outlive %v: there is no parent-death signal is %v", outlive, got)
		}
		in := start(t, s)
		in.Close()
	}
}

// A mount that the host makes later appears in a slave bind and in no other.
func TestSlave(t *testing.T) {
	if os.Getuid() != 0 {
		need.Elsewhere(t, "wanted root, to mount on the host; got an ordinary user")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		need.Elsewhere(t, "wanted to mount, got: "+err.Error())
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := shell("exec sleep 30")
	s.Root = append(s.Root, &sandbox.Bind{Source: dir, Dest: "/tmp/slave", Slave: true}, &sandbox.Bind{Source: dir, Dest: "/tmp/private"})
	in := start(t, s)
	if err := unix.Mount("tmpfs", filepath.Join(dir, "later"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(filepath.Join(dir, "later"), unix.MNT_DETACH)
	got, _ := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", "grep -o '/tmp/.*/later' /proc/self/mountinfo"}})
	if got != "/tmp/slave/later\n" {
		t.Errorf("got %q, want the mount in the slave alone", got)
	}
}

// Nothing in the sandbox's own cgroup outlives Close, PID namespace or not, and who enters is in it.
func TestCgroup(t *testing.T) {
	group := cgroup(t)
	s := shell("sleep 100 & exec sleep 100")
	s.PID = sandbox.Namespace{Shared: true}
	s.Root = []sandbox.Step{s.Root[0], s.Root[2]} // there is no new procfs without a PID namespace
	dir, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	s.CgroupDir = dir
	in := start(t, s)
	joined, err := in.Exec(sandbox.Process{Argv: []string{"/bin/sleep", "100"}})
	if err != nil {
		t.Fatal(err)
	}
	defer joined.Close()
	members := func() string {
		text, err := os.ReadFile(group + "/cgroup.procs")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for deadline := time.Now().Add(5 * time.Second); strings.Count(members(), "\n") != 3; {
		if time.Now().After(deadline) {
			t.Fatalf("in the cgroup are %q, want three processes", members())
		}
		time.Sleep(10 * time.Millisecond)
	}
	in.Close()
	for deadline := time.Now().Add(5 * time.Second); members() != ""; {
		if time.Now().After(deadline) {
			t.Fatalf("after Close the cgroup still holds %q", members())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// cgroup makes a cgroup v2 folder that the caller may move processes into.
func cgroup(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		dir, err := os.MkdirTemp(root, "snug-test-")
		if err != nil {
			continue
		}
		if _, err := os.Stat(dir + "/cgroup.kill"); err == nil {
			t.Cleanup(func() { unix.Rmdir(dir) })
			return dir
		}
		unix.Rmdir(dir)
	}
	need.Elsewhere(t, "wanted a cgroup v2 folder to make a group in, as root has; got none")
	return ""
}
