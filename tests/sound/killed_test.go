package sound_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"snug/tests/bed"
)

// However a sandbox ends while its app waits for the person, the question goes, and what asked it.
func TestEndedWhileAsked(t *testing.T) {
	rooms(t, func(t *testing.T, r *room) {
		if !bed.Exists(r.Socket()) {
			r.Bus()
		}
		inside := r.at(r.server)
		inside.Env = append(inside.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+r.Socket())
		d := desktopOf(r, "nobody presses")
		for i, end := range []func(snug *exec.Cmd){
			func(snug *exec.Cmd) { snug.Process.Kill() },
			func(snug *exec.Cmd) { snug.Process.Signal(syscall.SIGTERM) },
			func(*exec.Cmd) { syscall.Kill(r.running("snug-broker"), syscall.SIGKILL) },
		} {
			snug := inside.Command("snug", "run", "--sound-record", "ask", "--", "timeout", "2", "parec", "--device=vmic", "/dev/null")
			if err := snug.Start(); err != nil {
				t.Fatal(err)
			}
			r.Poll("the person is asked", func() bool { return int(d.asked.Load()) == i+1 && r.running("snug-ask") > 0 })
			end(snug)
			snug.Wait()
			r.Poll("the question has gone", func() bool { return int(d.closed.Load()) == i+1 && r.running("snug-ask") == 0 })
		}
		r.Poll("nothing runs", func() bool { return r.running("parec")+r.running("snug-broker") == 0 })
		inside.Must("snug", "ps")
		if left, _ := filepath.Glob(r.Runtime + "/snug/.*"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}

// running gives a process of the room by the name of its program, or 0.
func (r *room) running(name string) int {
	for _, pid := range r.Processes() {
		if line := bed.CommandLine(pid); strings.HasPrefix(filepath.Base(strings.Fields(line + " -")[0]), name) {
			return pid
		}
	}
	return 0
}
