package bwrap_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// flatpak is an installation of Flatpak in a folder of its own: a runtime that is one static busybox, and
// an app that is a script. Nothing in it comes from a network.
type flatpak struct {
	dir string
	bus string // configuration of a session bus without the machine's services but Flatpak's
}

const appID = "org.example.App"

// newFlatpak makes it with the installed bubblewrap.
func newFlatpak(t *testing.T) *flatpak {
	t.Helper()
	for _, name := range []string{"flatpak", "dbus-run-session", "xdg-dbus-proxy", "busybox"} {
		need.Program(t, name)
	}
	dir := bed.Folder(t)
	f := &flatpak{dir: dir, bus: dir + "/bus.conf"}
	_, theirs := programs(t)
	bed.Write(t, f.bus, `<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><servicedir>`+f.dir+`/services</servicedir>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`)
	f.must(t, theirs, "/bin/sh", "-ec", "mkdir services; cd /usr/share/dbus-1/services; cp org.freedesktop.Flatpak.service org.freedesktop.portal.Flatpak.service "+f.dir+"/services")
	f.must(t, theirs, "/bin/sh", script(t), "runtime")
	return f
}

// command is a command in the bed whose Flatpak starts program for bubblewrap. Each has a run-time
// folder of its own, so it sees no instances but its own.
func (f *flatpak) command(t testing.TB, program string, words ...string) *exec.Cmd {
	t.Helper()
	run, err := os.MkdirTemp(f.dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), largeLimit)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.WaitDelay = f.dir, time.Second
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + f.dir + "/home", "XDG_RUNTIME_DIR=" + run, "LC_ALL=C.UTF-8",
		"FLATPAK_SYSTEM_HELPER_ON_SESSION=1", "FLATPAK_BWRAP=" + program}
	return cmd
}

// must runs a command that has to succeed.
func (f *flatpak) must(t testing.TB, program string, words ...string) string {
	t.Helper()
	cmd := f.command(t, program, words...)
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if e := (*exec.ExitError)(nil); errors.As(err, &e) {
			stderr = e.Stderr
		}
		t.Fatalf("%.300q under %s: %v\n%s%s", words, program, err, out, stderr)
	}
	return string(out)
}

// do gives what can be seen of a command.
func (f *flatpak) do(t testing.TB, program, stdin string, words ...string) result {
	t.Helper()
	cmd := f.command(t, program, words...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%.300q under %s: %v\n%s", words, program, err, stderr.String())
	}
	return result{status: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// buildApp makes the app, by one program from its build to its installation.
func (f *flatpak) buildApp(t testing.TB, program string) string {
	t.Helper()
	return f.must(t, program, "/bin/sh", script(t), "app")
}

func script(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../flatpak.sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
