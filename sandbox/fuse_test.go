package sandbox_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"snug/sandbox"
	"snug/tests/need"
)

// A file system that somebody else serves is the sandbox's own: its descriptor is nobody's in there, set-user-ID bits
// count if that was granted, and it ends with who serves it.
func TestFuse(t *testing.T) {
	serve := need.Program(t, "fuse-overlayfs")
	if fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		need.Missingf(t, "wanted /dev/fuse, got %v", err)
	} else {
		unix.Close(fd)
	}
	dir := tree(t, "low/one", "1")
	for _, name := range []string{"/up", "/work"} {
		os.Mkdir(dir+name, 0o755)
	}
	var served *exec.Cmd
	start := func(device *os.File) error {
		defer device.Close()
		served = exec.Command(serve, "-f", "-o", "lowerdir="+dir+"/low,upperdir="+dir+"/up,workdir="+dir+"/work", "/dev/fd/3")
		served.ExtraFiles = []*os.File{device}
		return served.Start()
	}
	for _, tt := range []struct {
		name   string
		setuid bool
		want   string
	}{{"without set-user-ID", false, " nosuid,nodev"}, {"with it", true, " rw,nodev"}} {
		t.Run(tt.name, func(t *testing.T) {
			s := shell("cat /tmp/o/one; echo >>/tmp/o/two; ls /tmp/o | tr '\\n' ' '; grep /tmp/o /proc/self/mountinfo; ls -l /proc/self/fd /proc/1/fd 2>&1 | grep -c fuse")
			s.Root = append(s.Root, &sandbox.Fuse{Dest: "/tmp/o", Name: "served", Setuid: tt.setuid})
			s.Handover.Serve = start
			out, _ := output(t, s)
			if !strings.HasPrefix(out, "1one two ") || !strings.Contains(out, "fuse.served served") || !strings.HasSuffix(out, "\n0\n") ||
				strings.Contains(out, "nosuid") == tt.setuid {
				t.Errorf("got %s", out)
			}
			if err := served.Wait(); err != nil {
				t.Errorf("want who served ended by the end of the sandbox, got %v", err)
			}
		})
	}
	t.Run("nobody answers", func(t *testing.T) {
		s := shell("ls /tmp/o")
		s.Root = append(s.Root, &sandbox.Fuse{Dest: "/tmp/o/below", Name: "served"}, &sandbox.Dir{Dest: "/tmp/o/below/x"})
		s.Handover.Serve = func(device *os.File) error { return device.Close() }
		_, err := sandbox.Run(s)
		var e *sandbox.Error
		if !errors.As(err, &e) || !errors.Is(err, unix.ENOTCONN) {
			t.Errorf("want it to fail, got %v", err)
		}
	})
	t.Run("nobody can serve", func(t *testing.T) {
		s := shell("ls /tmp/o")
		s.Root = append(s.Root, &sandbox.Fuse{Dest: "/tmp/o", Name: "served"})
		s.Handover.Serve = func(device *os.File) error { device.Close(); return os.ErrInvalid }
		if _, err := sandbox.Run(s); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("want the reason, got %v", err)
		}
	})
}

// What could not be served is refused before anything is made.
func TestFuseRefused(t *testing.T) {
	serve := func(f *os.File) error { return f.Close() }
	h := machine()
	for _, tt := range []struct {
		name  string
		steps []sandbox.Step
		serve func(*os.File) error
		want  string
	}{
		{"nobody", []sandbox.Step{&sandbox.Fuse{Dest: "/o", Name: "x"}}, nil, `mount a served file system on "/o": one file system can be served, by Handover.Serve`},
		{"two", []sandbox.Step{&sandbox.Fuse{Dest: "/o", Name: "x"}, &sandbox.Fuse{Dest: "/p", Name: "x"}}, serve, `mount a served file system on "/o": one file system can be served, by Handover.Serve`},
		{"no name", []sandbox.Step{&sandbox.Fuse{Dest: "/o"}}, serve, `mount a served file system on "/o": it has no name`},
		{"nothing", nil, serve, "there is no file system that could be served"},
	} {
		s := shell("true")
		s.Root, s.Handover.Serve = append(s.Root, tt.steps...), tt.serve
		if _, err := sandbox.Compile(s, &h, sandbox.Look(s)); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
	}
}
