package bwrap_test

import (
	"bufio"
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSignals ends both programs by signals from outside: callers do so, and look at how they end.
func TestSignals(t *testing.T) {
	ours, theirs := programs(t)
	for _, s := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGABRT, unix.SIGUSR1, unix.SIGALRM, unix.SIGKILL, unix.Signal(40)} {
		t.Run(unix.SignalName(s), func(t *testing.T) {
			t.Parallel()
			want, _ := endedBy(t, theirs, "", s)
			got, stderr := endedBy(t, ours, "", s)
			if !want.Signaled() || got.Signal() != want.Signal() {
				t.Errorf("got wait status %#x, want %#x, a signal\n%.300s", got, want, stderr)
			}
		})
	}
	t.Run("ignored", func(t *testing.T) {
		t.Parallel()
		ignore := []unix.Signal{unix.SIGQUIT, unix.SIGUSR1, unix.SIGHUP, unix.SIGTERM}
		want, _ := endedBy(t, theirs, "trap '' QUIT USR1 HUP; ", ignore...)
		got, stderr := endedBy(t, ours, "trap '' QUIT USR1 HUP; ", ignore...)
		if want.Signal() != unix.SIGTERM || got.Signal() != unix.SIGTERM {
			t.Errorf("got wait status %#x, want %#x, SIGTERM\n%.300s", got, want, stderr)
		}
	})
}

// endedBy starts a sandbox from a shell that has run a script, sends it signals, and gives how it ended.
func endedBy(t *testing.T, program, script string, signals ...unix.Signal) (unix.WaitStatus, string) {
	t.Helper()
	// The command must end with it, too, or it would be left over.
	sandbox := words([]string{program}, system, []string{"--unshare-pid", "--die-with-parent", "/bin/sh", "-c", "echo up; exec sleep 60"})
	cmd := exec.Command("/bin/sh", append([]string{"-c", script + `exec "$@"`, "sh"}, sandbox...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer stop.Stop()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		text, _ := io.ReadAll(stderr)
		t.Fatalf("%s: it does not start: %q, %v\n%s", program, line, err, text)
	}
	for _, s := range signals {
		cmd.Process.Signal(s)
	}
	text, _ := io.ReadAll(stderr)
	cmd.Wait()
	return unix.WaitStatus(cmd.ProcessState.Sys().(syscall.WaitStatus)), string(text)
}
