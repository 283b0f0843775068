package sandbox_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// lasting is a shell that leaves a process behind, which makes a file half a second later.
func lasting(dir string) *sandbox.Spec {
	s := shell("(sleep 0.5; : >" + dir + "/late) </dev/null >/dev/null 2>&1 & exit 3")
	s.Root = append(s.Root, &sandbox.Bind{Source: dir, Dest: dir, Writable: true})
	return s
}

// exists waits up to two seconds for a file.
func exists(name string) bool {
	for range 200 {
		if _, err := os.Stat(name); err == nil {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestLinger(t *testing.T) {
	for _, c := range []struct {
		name        string
		linger, pid bool // a PID namespace of its own
		want        bool
	}{
		{"with its app", false, true, false},
		{"until the last process", true, true, true},
		{"without a PID namespace", true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := lasting(dir)
			if s.Process.Linger = c.linger; !c.pid {
				s.PID.Shared = true
				s.Root = slices.Delete(s.Root, 1, 2) // a /proc is refused without
			}
			in := start(t, s)
			if ws := wait(t, in); ws.ExitStatus() != 3 {
				t.Errorf("got %v, want exit status 3", ws)
			}
			if _, err := os.Stat(dir + "/late"); err == nil {
				t.Error("Wait came after what the app left behind had ended")
			}
			if got := exists(dir + "/late"); got != c.want {
				t.Errorf("what the app left behind went on: %v, want %v", got, c.want)
			}
		})
	}
}

// TestHeld lends PID 1 one end of a pipe: it ends when the sandbox does, and the app has none of it.
func TestHeld(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := shell("ls /proc/self/fd; exec sleep 0.3")
	s.Process.Held = []*os.File{w}
	began := time.Now()
	in := start(t, s)
	w.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("the pipe ended after %v, before the sandbox", took)
	}
	if ws := wait(t, in); ws.ExitStatus() != 0 {
		t.Errorf("got %v", ws)
	}

	if r, w, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	s = shell("readlink /proc/self/fd/*")
	s.Process.Held = []*os.File{w}
	if out, _ := output(t, s); strings.Count(out, "pipe:") != 2 { // its standard output and error
		t.Errorf("the app has the held file, or not its own:\n%s", out)
	}
}

// lockable reports whether this process could lock a file for writing (F_GETLK).
func lockable(t *testing.T, name string) bool {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &l); err != nil {
		t.Fatal(err)
	}
	return l.Type == unix.F_UNLCK
}

func TestLocks(t *testing.T) {
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	for _, name := range names {
		os.WriteFile(name, nil, 0o600)
	}
	s := shell("read x")
	s.Root = append(s.Root, &sandbox.Bind{Source: dir, Dest: dir})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	unix.SetNonblock(int(r.Fd()), false) // as os.Pipe makes it, "read" would end at once
	s.Process.Files = []sandbox.File{{Number: 0, Source: r}}
	s.Process.Locks = names
	in := start(t, s)
	r.Close()
	for _, name := range names {
		if lockable(t, name) {
			t.Errorf("%s is not locked while the sandbox runs", name)
		}
	}
	w.Close()
	wait(t, in)
	in.Close()
	for _, name := range names {
		if !lockable(t, name) {
			t.Errorf("%s is locked when the sandbox has ended", name)
		}
	}

	f, err := os.OpenFile(names[1], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	s.Process.Files = nil
	for _, shared := range []bool{false, true} { // the app waits for who fails to lock
		if s.PID.Shared = shared; shared {
			s.Root = slices.Delete(s.Root, 1, 2)
		}
		if in, err := sandbox.Run(s); err == nil {
			in.Close()
			t.Error("started without a lock")
		} else if !strings.Contains(err.Error(), `lock "`+names[1]+`"`) {
			t.Errorf("got %v, want it to name the file that is locked", err)
		}
	}
}
