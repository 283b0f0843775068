package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// A control group of somebody else's is neither used nor ended, whatever it is called.
func TestForeignGroup(t *testing.T) {
	s := newSession(t)
	group := filepath.Join(s.group, "snug-work")
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(group)
	sleep := exec.Command("sleep", "1000")
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { sleep.Process.Kill(); sleep.Wait() }()
	for _, populated := range []bool{false, true} {
		if populated {
			bed.Write(t, group+"/cgroup.procs", strconv.Itoa(sleep.Process.Pid))
		}
		out := s.Outside("snug", "boot", "--name", "work", "--ephemeral", system(t, "bookworm"))
		if !strings.Contains(out, "not left by a system that has ended") || !bed.Alive(sleep.Process.Pid) {
			t.Errorf("want a refusal and the process alive, got %s", out)
		}
	}
	bed.Write(t, s.group+"/init/cgroup.procs", strconv.Itoa(sleep.Process.Pid))
}

// Root inside puts a file of a FUSE server of its own where the terminal of who enters is looked for.
func TestForgedTerminal(t *testing.T) {
	s := newSession(t)
	need.Program(t, "script")
	name := s.boot("--ephemeral", "--name", "pts", system(t, "bookworm"))
	s.want(name, "mount -t tmpfs none /dev/pts && mknod /dev/pts/ptmx p && ls /dev/pts", "ptmx\n")
	cmd := s.Command("script", "-qefc", bed.Built(s, "snug")+" exec --tty pts -- echo entered", "/dev/null")
	out, _ := cmd.CombinedOutput()
	if strings.Contains(string(out), "entered") || !strings.Contains(string(out), "terminal") {
		t.Errorf("want a refusal of what is no terminal, got %s", out)
	}
	s.want(name, "umount /dev/pts && echo again", "again\n")
	s.Must("snug", "stop", name)
}

// What a system has changed is nobody's to remove before the last of it has ended, whatever has been killed.
func TestChangesHeld(t *testing.T) {
	s := newSession(t)
	name := s.boot("--name", "held", system(t, "bookworm"))
	signal := func(match string, sig syscall.Signal) {
		for _, pid := range s.Processes() {
			if strings.Contains(bed.CommandLine(pid), match) {
				syscall.Kill(pid, sig)
				return
			}
		}
		t.Fatalf("control: no process of %q", match)
	}
	signal("__keep", syscall.SIGSTOP)
	signal("boot --ready-fd", syscall.SIGKILL)
	s.ended(name)
	if out := s.Outside("snug", "data", "rm", "--yes", name); !strings.Contains(out, "runs") {
		t.Errorf("want a refusal, as it may still run, got %q", out)
	}
	signal("__keep", syscall.SIGCONT)
	bed.Poll(t, "all of it has ended", 30*time.Second, func() bool { return len(s.Processes()) == 0 })
	s.Must("snug", "data", "rm", "--yes", name)
}

// A system that reboots as soon as it is up is stopped all the same, and does not pile up groups meanwhile.
func TestRebootsForEver(t *testing.T) {
	s := newSession(t)
	dir := s.box("/bin/busybox reboot -f")
	for range 5 {
		s.Must("snug", "boot", "--detach", "--ephemeral", "--name", "loop", dir)
		boots := func() (found []string) {
			found, _ = filepath.Glob(s.group + "/snug-loop/boot-*")
			return found
		}
		s.Poll("some reboots", func() bool {
			list := boots()
			return len(list) > 0 && len(filepath.Base(list[len(list)-1])) >= len("boot-10")
		})
		if list := boots(); len(list) > 3 {
			t.Errorf("want no groups of boots that are over, got %d", len(list))
		}
		s.Must("snug", "stop", "--time", "5", "loop")
		if left := s.Outside("snug", "ps", "-q"); left != "" {
			t.Fatalf("want it ended, got %s", left)
		}
	}
}

// box is a system of busybox alone, whose init is a shell script.
func (s *session) box(script string) (dir string) {
	s.Helper()
	dir = filepath.Join(s.Home, "box")
	for _, d := range []string{"bin", "proc", "sys", "dev", "tmp", "run", "etc", "var"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			s.Fatal(err)
		}
	}
	s.Must("cp", filepath.Join(system(s.TB.(*testing.T), "openrc"), "bin/busybox"), dir+"/bin/busybox")
	if err := os.Symlink("busybox", dir+"/bin/sh"); err != nil {
		s.Fatal(err)
	}
	bed.Write(s, dir+"/sbin/init", "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(dir+"/sbin/init", 0o755); err != nil {
		s.Fatal(err)
	}
	return dir
}
