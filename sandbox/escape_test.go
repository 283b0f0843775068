package sandbox_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// hostile makes a root whose owner planted links that lead out of it (CVE-2026-87766), and a
// victim outside that must stay as it is.
func hostile(t *testing.T) (root, victim string) {
	victim = tree(t, "keep", "precious")
	root = tree(t, "etc/passwd", "x")
	os.MkdirAll(root+"/home", 0o755)
	for name, target := range map[string]string{
		"absolute": victim, "oldroot": "/oldroot" + victim, "up": strings.Repeat("../", 12) + victim[1:],
		"magic": "/proc/self/root" + victim, "cwd": "/proc/self/cwd", "fd": "/proc/self/fd", "loop": "loop",
	} {
		if err := os.Symlink(target, root+"/home/"+name); err != nil {
			t.Fatal(err)
		}
	}
	return root, victim
}

func TestHostileRoot(t *testing.T) {
	root, victim := hostile(t)
	for _, name := range []string{"absolute", "oldroot", "up", "magic", "cwd", "fd", "loop"} {
		dest := "/home/" + name
		for kind, step := range map[string]sandbox.Step{
			"bind":      &sandbox.Bind{Source: "/usr", Dest: dest + "/new"},
			"bind file": &sandbox.Bind{Source: "/etc/passwd", Dest: dest + "/keep"},
			"tmpfs":     &sandbox.Tmpfs{Dest: dest},
			"proc":      &sandbox.Proc{Dest: dest},
			"dev":       &sandbox.Dev{Dest: dest},
			"devpts":    &sandbox.Devpts{Dest: dest + "/pts"},
			"mqueue":    &sandbox.Mqueue{Dest: dest + "/mq"},
			"sysfs":     &sandbox.Sysfs{Dest: dest + "/sys"},
			"cgroup":    &sandbox.Cgroup2{Dest: dest + "/cg"},
			"folder":    &sandbox.Dir{Dest: dest + "/new/folder"},
			"data":      &sandbox.Data{Dest: dest + "/data", Content: []byte("planted")},
			"bound":     &sandbox.Data{Dest: dest + "/keep", Content: []byte("planted"), Bound: true},
			"symlink":   &sandbox.Symlink{Dest: dest + "/l", Target: "x"},
			"chmod":     &sandbox.Chmod{Dest: dest + "/keep", Mode: 0o777},
			"read-only": &sandbox.ReadOnly{Dest: dest},
			"mask":      &sandbox.Mask{Dest: dest + "/keep"},
			"overlay":   &sandbox.Overlay{Dest: dest, Lower: []string{"/usr", "/etc"}, ReadOnly: true},
		} {
			s := plain("/bin/true")
			s.Root = []sandbox.Step{&sandbox.Bind{Source: root, Dest: "/", Writable: true}, &sandbox.Bind{Source: "/usr", Dest: "/usr"}, step}
			if in, err := sandbox.Run(s); err == nil {
				in.Close()
			}
			if got := listing(victim); got != "keep -rw-r--r-- precious\n" {
				t.Fatalf("%s through %s reached the host: %q", kind, name, got)
			}
			for _, dir := range []string{"/oldroot", "/usr/new", "/usr/l"} {
				if _, err := os.Lstat(dir); err == nil {
					t.Fatalf("%s through %s made %s on the host", kind, name, dir)
				}
			}
		}
	}
	// The control: by the path that the links name, from outside, a write succeeds.
	if err := os.WriteFile(root+"/home/absolute/control", nil, 0o644); err != nil || listing(victim) == "keep -rw-r--r-- precious\n" {
		t.Errorf("control: %v", err)
	}
}

// listing shows all that could change in a folder.
func listing(dir string) (s string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, _ := e.Info()
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		s += e.Name() + " " + info.Mode().String() + " " + string(text) + "\n"
	}
	return s
}

// TestSwappedDestination exchanges a folder with a link to the host while sandboxes start.
func TestSwappedDestination(t *testing.T) {
	root, victim := hostile(t)
	os.Mkdir(root+"/home/real", 0o755)
	stop, done := make(chan struct{}), make(chan struct{})
	swaps := 0
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				unix.Renameat2(unix.AT_FDCWD, root+"/home/real", unix.AT_FDCWD, root+"/home/absolute", unix.RENAME_EXCHANGE)
				swaps++
				time.Sleep(20 * time.Microsecond)
			}
		}
	}()
	for range 100 {
		s := plain("/bin/true")
		s.Root = []sandbox.Step{&sandbox.Bind{Source: root, Dest: "/", Writable: true}, &sandbox.Bind{Source: "/usr", Dest: "/usr"},
			&sandbox.Data{Dest: "/home/real/d", Content: []byte("x")}, &sandbox.Dir{Dest: "/home/real/a/b"}}
		if in, err := sandbox.Run(s); err == nil {
			in.Close()
		}
		os.Remove(root + "/home/real/d")
		if got := listing(victim); got != "keep -rw-r--r-- precious\n" {
			t.Fatalf("a write reached the host: %q", got)
		}
	}
	close(stop)
	if <-done; swaps < 100 {
		t.Errorf("control: only %d swaps happened", swaps)
	}
}

// TestDenied runs what must fail inside, each with a control that succeeds.
func TestDenied(t *testing.T) {
	home := tree(t, "file", "")
	for _, tt := range []struct {
		name, script string
		control      func(*sandbox.Spec)
	}{
		{"nested user namespace", "unshare -U true", func(s *sandbox.Spec) { s.Users.Nested = true }},
		{"write a bind that is read-only", "touch " + home + "/new", func(s *sandbox.Spec) {
			s.Root = append(s.Root, &sandbox.Bind{Source: home, Dest: home, Writable: true})
		}},
		{"descriptor that leaked", "test -e /proc/self/fd/20", func(s *sandbox.Spec) { s.Process.AllFiles = true }},
		{"reach the host's abstract sockets and interfaces", "test $(wc -l </proc/net/dev) -gt 3", func(s *sandbox.Spec) {
			s.Net.Shared = true
			s.Process.Argv[2] = "true" // the machine may have no other interface
		}},
		{"see the host's processes", "test -d /proc/" + strconv.Itoa(os.Getpid()), func(s *sandbox.Spec) {
			s.PID.Shared = true
			s.Root[1] = &sandbox.Bind{Source: "/proc", Dest: "/proc"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := os.Open("/etc")
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			if err := unix.Dup2(int(dir.Fd()), 20); err == nil { // not closed on exec
				defer unix.Close(20)
			}
			if got, code := output(t, shell(tt.script)); code == 0 {
				t.Errorf("succeeded: %q", got)
			}
			s := shell(tt.script)
			tt.control(s)
			if got, code := output(t, s); code != 0 {
				t.Errorf("control: status %d, %q", code, got)
			}
		})
	}
	for _, script := range []string{
		"mount -o remount,bind,rw /", "mount -t tmpfs x /mnt", "umount /proc", "cat /proc/sys/kernel/panic >/proc/sys/kernel/panic", "echo x >/proc/sysrq-trigger",
		"chroot / true", "nsenter -t 1 -m true", "nsenter -t 1 -U true", "hostname other", "ip link add dummy0 type dummy", "mknod /tmp/n c 1 3", "swapoff -a",
	} {
		if got, code := output(t, shell(script)); code == 0 {
			t.Errorf("%s: succeeded: %q", script, got)
		}
	}
}

// TestWorkingDirectoryByDescriptor tries all numbers (CVE-2024-21626).
func TestWorkingDirectoryByDescriptor(t *testing.T) {
	dir, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	unix.Dup2(int(dir.Fd()), 30)
	defer unix.Close(30)
	for n := range 64 {
		s := plain("/bin/sh", "-c", "pwd")
		s.Root = append(s.Root, &sandbox.Data{Dest: "/tmp/bound", Bound: true}) // which needs a folder on the way
		s.Process.Dirs = []string{"/proc/self/fd/" + strconv.Itoa(n)}
		in, err := sandbox.Run(s)
		if err == nil {
			in.Close()
			t.Errorf("entered /proc/self/fd/%d", n)
		}
	}
}

// TestOwnProgram opens the program that made the sandbox for writing (CVE-2019-5736).
func TestOwnProgram(t *testing.T) {
	got, _ := output(t, plain("/bin/sh", "-c", `for p in /proc/[0-9]*; do (echo x >>$p/exe) 2>/dev/null && echo written $p; done; readlink /proc/1/exe; printf '#!/proc/self/exe\n' >/tmp/x; chmod +x /tmp/x; /tmp/x 2>/dev/null; true`))
	if got != "" {
		t.Errorf("got %q", got)
	}
}

// TestJoinerIsClosed traces what enters from inside while it does (CVE-2016-8649).
func TestJoinerIsClosed(t *testing.T) {
	const look = `while :; do for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in sh|cat|sleep|'') ;; *)
 readlink $p/cwd >/dev/null 2>&1 && echo "open $p $(cat $p/comm)"; cat $p/environ 2>/dev/null | grep -q SNUG_TEST && echo secret; esac; done; done`
	os.Setenv("SNUG_TEST_SECRET", "hunter2")
	defer os.Unsetenv("SNUG_TEST_SECRET")
	s := shell(look)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Process.Files = []sandbox.File{{Number: 1, Source: w}}
	in := start(t, s)
	w.Close()
	for range 30 {
		if _, code := entered(t, in, sandbox.Process{Argv: []string{"/bin/sleep", "0.001"}}); code != 0 {
			t.Fatalf("status %d", code)
		}
	}
	in.Kill()
	got, _ := collect(t, in, r)
	for line := range strings.Lines(got) {
		if !strings.HasSuffix(line, " sleep\n") { // that one was executed between two looks
			t.Errorf("seen from inside while entering: %q", line)
		}
	}
}
