package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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
