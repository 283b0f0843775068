package sandbox_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/sandbox"
	"snug/tests/need"
)

// plain is a sandbox with the host's files, read-only, and everything else its own.
func plain(argv ...string) *sandbox.Spec {
	return &sandbox.Spec{
		Users: sandbox.Users{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())},
		Root: []sandbox.Step{
			&sandbox.Bind{Source: "/", Dest: "/", Origin: "test"},
			&sandbox.Proc{Dest: "/proc"},
			&sandbox.Dev{Dest: "/dev"},
			&sandbox.Tmpfs{Dest: "/tmp", Mode: 0o1777},
		},
		Process: sandbox.Process{Argv: argv, Env: []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}},
	}
}

// shell is a plain sandbox that runs a script.
func shell(script string) *sandbox.Spec { return plain("/bin/sh", "-c", script) }

// limit is how long one sandbox may take.
const limit = 20 * time.Second

// start starts a sandbox that ends with the test.
func start(t *testing.T, s *sandbox.Spec) *sandbox.Instance {
	t.Helper()
	in, err := sandbox.Run(s)
	if err != nil {
		needUsers(t)
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// wait waits for the end of a sandbox, but not for ever.
func wait(t *testing.T, in *sandbox.Instance) unix.WaitStatus {
	t.Helper()
	select {
	case <-in.Done():
	case <-time.After(limit):
		in.Kill()
		t.Fatalf("the sandbox has not ended after %v", limit)
	}
	return in.Wait()
}

// output runs a sandbox and gives what it wrote to 1 and 2, and its exit status.
func output(t *testing.T, s *sandbox.Spec) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.Process.Files = append(s.Process.Files, sandbox.File{Number: 1, Source: w}, sandbox.File{Number: 2, Source: w})
	in := start(t, s)
	w.Close()
	return collect(t, in, r)
}

func collect(t *testing.T, in *sandbox.Instance, r *os.File) (string, int) {
	t.Helper()
	var out bytes.Buffer
	r.SetReadDeadline(time.Now().Add(limit))
	io.Copy(&out, r)
	ws := wait(t, in)
	if ws.Signaled() {
		return out.String(), 128 + int(ws.Signal())
	}
	return out.String(), ws.ExitStatus()
}

// entered runs a process in a running sandbox and gives what it wrote, and its exit status.
func entered(t *testing.T, in *sandbox.Instance, p sandbox.Process) (string, int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p.Files = append(p.Files, sandbox.File{Number: 1, Source: w}, sandbox.File{Number: 2, Source: w})
	p.Env = []string{"PATH=/usr/bin:/bin"}
	joined, err := in.Exec(p)
	w.Close()
	if err != nil {
		t.Fatalf("enter: %v", err)
	}
	defer joined.Close()
	return collect(t, joined, r)
}

// needUsers skips a test on machines without user namespaces.
func needUsers(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 {
		return
	}
	for _, name := range []string{"/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_user_namespaces"} {
		if text, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(text)) == "0" {
			need.Missingf(t, "this machine forbids user namespaces: wanted %s above 0, got 0", name)
		}
	}
	if text, err := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); err == nil && strings.TrimSpace(string(text)) == "1" {
		need.Missing(t, "AppArmor restricts user namespaces here: wanted kernel.apparmor_restrict_unprivileged_userns = 0, got 1")
	}
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         int
	}{
		{"code", "exit 7", 7},
		{"code that looks like a signal", "exit 137", 137},
		{"killed", "kill -9 $$", 128 + 9},
		{"terminated", "kill -15 $$", 128 + 15},
		{"orphans are reaped first", "sleep 0.05 & exec sh -c 'exit 3'", 3},
	} {
		for _, init := range []bool{false, true} {
			if init && tt.want > 128+1 && tt.want != 137 || init && tt.name == "killed" {
				continue // PID 1 cannot kill itself
			}
			t.Run(tt.name, func(t *testing.T) {
				s := shell(tt.script)
				s.Process.Init = init
				if _, got := output(t, s); got != tt.want {
					t.Errorf("PID 1 %v: got status %d, want %d", init, got, tt.want)
				}
			})
		}
	}
	in := start(t, shell("kill -9 $$"))
	if ws := wait(t, in); !ws.Signaled() || ws.Signal() != unix.SIGKILL {
		t.Errorf("got %#x, want the status of SIGKILL and not of exit 137", ws)
	}
}

func TestExec(t *testing.T) {
	in := start(t, shell("sleep 100"))
	out, code := entered(t, in, sandbox.Process{Argv: []string{"/bin/sh", "-c", "echo hello; readlink /proc/self/ns/pid; ls /proc | grep -c '^[0-9]'; exit 5"}})
	if code != 5 || !strings.HasPrefix(out, "hello\n") {
		t.Errorf("got status %d and %q", code, out)
	}
}
