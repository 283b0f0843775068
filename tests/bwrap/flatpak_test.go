package bwrap_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fromHost runs a program of the host in an app that may read /run/host.
const fromHost = `host() { /run/host/usr/lib/*/ld-linux-*.so.* --library-path "$(echo /run/host/usr/lib/*-linux-gnu)" "$@"; }
spawn() { host /run/host/usr/libexec/flatpak-xdg-utils/flatpak-spawn "$@"; }
`

// flatpakCase is a script in the app, with options of flatpak run.
type flatpakCase struct {
	name    string
	options string
	script  string
	stdin   string
	bus     bool // with a session bus, and so with xdg-dbus-proxy in a sandbox of its own
	status  int  // what bubblewrap has to end with, or the case shows nothing
	stdout  string
}

func flatpakCases(dir, port string) []flatpakCase {
	fetch := "nc -w 5 127.0.0.1 " + port + " 2>/dev/null </dev/null || echo no network"
	change := "cat " + dir + "/file; f=$(mktemp -p " + dir + " 2>/dev/null) && rm $f && echo changed"
	bus := fromHost + "host /run/host/usr/bin/gdbus call --session --dest org.freedesktop.DBus --object-path / --method "
	return []flatpakCase{
		{name: "exit status", script: "exit 9", status: 9},
		{name: "killed", script: "kill -KILL $$", status: 137},
		{name: "standard input", script: "cat; echo err >&2", stdin: "in\n", stdout: "in\n"},
		{name: "posture", script: strings.ReplaceAll(probe, "readlink /proc/self/ns/$n", "readlink /proc/self/ns/$n || true") + "ls -lna / /dev /run /run/host /etc | grep -v -E ' (proc|pts|shm)$'; cat /etc/passwd; umask"},
		{name: "devel", options: "--devel", script: "grep -E 'Seccomp|NoNewPrivs' /proc/self/status"},
		{name: "all system calls of 32 bits", options: "--allow=multiarch", script: "grep -E 'Seccomp|NoNewPrivs' /proc/self/status"},
		{name: "environment", options: "--env=A=b --unset-env=USER --env=PATH=/usr/bin:/x", script: "env | sort"},
		{name: "no network", script: fetch + "; ls /sys/class/net; tail -n +3 /proc/net/dev | cut -d: -f1", stdout: "no network\n"},
		{name: "network", options: "--share=network", script: fetch, stdout: "served\n"},
		{name: "no files", script: change, status: 1},
		{name: "read-only files", options: "--filesystem=" + dir + ":ro", script: change, status: 1, stdout: "text\n"},
		{name: "files", options: "--filesystem=" + dir, script: change, stdout: "text\nchanged\n"},
		{name: "all files", options: "--filesystem=host", script: change, stdout: "text\nchanged\n"},
		{name: "all files but", options: "--filesystem=host --nofilesystem=" + dir, script: change, stdout: "changed\n"},
		{name: "host's system", options: "--filesystem=host-os --filesystem=host-etc", script: "ls /run/host; head -1 /run/host/etc/passwd"},
		{name: "persistent folder", options: "--persist=.kept", script: "echo kept >~/.kept/f; cat ~/.kept/f; ls -a ~"},
		{name: "all devices", options: "--device=all", script: "ls /dev | grep -x -e null -e full -e shm; stat -c %F /dev/null"},
		{name: "shared memory", options: "--device=shm --allow=per-app-dev-shm", script: "echo x >/dev/shm/snug-$$; rm /dev/shm/snug-$$; echo $?"},
		{name: "no namespaces shared", options: "--unshare=ipc --sandbox", script: "ls -a / ~; readlink /proc/self/ns/ipc | cut -c1-3"},
		{name: "working folder", options: "--cwd=/usr/bin", script: "pwd"},
		{name: "ends with its parent", options: "--die-with-parent", script: "echo here"},
		{name: "another user namespace", script: "unshare -U true; echo $?"},
		{name: "bus", bus: true, options: "--filesystem=host-os", script: bus + "org.freedesktop.DBus.GetId >/dev/null && echo reached; ls /run/flatpak", stdout: "reached\n"},
		{name: "bus names", bus: true, options: "--filesystem=host-os --own-name=org.example.Mine", script: bus + "org.freedesktop.DBus.RequestName org.example.Mine 0; host /run/host/usr/bin/gdbus call --session --dest org.freedesktop.DBus --object-path / --method org.freedesktop.DBus.RequestName org.example.Other 0", status: 1, stdout: "(uint32 1,)\n"},
		{name: "whole bus", bus: true, options: "--filesystem=host-os --socket=session-bus", script: bus + "org.freedesktop.DBus.RequestName org.example.Other 0"},
		{name: "spawned", bus: true, options: "--filesystem=host-os", stdin: "in\n", script: fromHost + "spawn --env=A=b sh -c 'cat; echo $A; exit 4'", status: 4, stdout: "in\nb\n"},
		{name: "spawned with less", bus: true, options: "--filesystem=host-os --share=network", script: fromHost + "spawn --sandbox --no-network sh -c 'ls -a ~; ls /sys/class/net; grep -c . /.flatpak-info; " + fetch + "'"},
		{name: "spawned in the background", bus: true, options: "--filesystem=host-os", script: fromHost + "spawn --watch-bus sh -c 'echo first; kill -TERM $$'", status: 143, stdout: "first\n"},
		{name: "spawned outside", bus: true, options: "--filesystem=host-os --talk-name=org.freedesktop.Flatpak", script: fromHost + "spawn --host sh -c 'test -e /.flatpak-info || echo outside; exit 6'", status: 6, stdout: "outside\n"},
	}
}

// TestFlatpak lets Flatpak start snug-bwrap where it starts bubblewrap.
func TestFlatpak(t *testing.T) {
	ours, theirs := programs(t)
	f := newFlatpak(t)
	if want, got := f.buildApp(t, theirs), f.buildApp(t, ours); got != want || got == "" {
		t.Fatalf("building the app: got %q, want %q", got, want)
	}
	for _, program := range []string{theirs, ours} {
		if got := f.do(t, program, "", "flatpak", "run", "--user", appID, "a", "b c"); got.stdout != "the app a b c\n" || got.status != 0 {
			t.Fatalf("%s: the app's own command: exit status %d, %q\n%s", program, got.status, got.stdout, got.stderr)
		}
	}
	t.Run("ps, enter, kill", func(t *testing.T) { f.manage(t, ours, theirs) })
	t.Run("background", func(t *testing.T) { f.background(t, ours, theirs) })
	dir := folder(t, "file", "text\n")
	for _, c := range flatpakCases(dir, serve(t)) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f.same(t, c, ours, theirs)
		})
	}
}

// same compares a case under both programs.
func (f *flatpak) same(t *testing.T, c flatpakCase, ours, theirs string) {
	line := []string{"flatpak", "run", "--user", "--no-a11y-bus", "--command=sh"}
	line = words(line, strings.Fields(c.options), []string{appID, "-c", c.script})
	if c.bus {
		line = append([]string{"dbus-run-session", "--config-file=" + f.bus, "--"}, line...)
	}
	want, got := f.do(t, theirs, c.stdin, line...), f.do(t, ours, c.stdin, line...)
	if want.status != c.status || !strings.HasPrefix(want.stdout, c.stdout) {
		t.Fatalf("bubblewrap does not do this: exit status %d, want %d\n%s%s", want.status, c.status, want.stdout, want.stderr)
	}
	if got.status != want.status {
		t.Errorf("exit status: got %d, want %d", got.status, want.status)
	}
	clean := func(s, program string) string {
		s = known(normal(t, strings.ReplaceAll(s, program, "PROGRAM")))
		s = regexp.MustCompile(`run\d{5,}`).ReplaceAllString(s, "RUN")
		s = regexp.MustCompile(`\d{6,}`).ReplaceAllString(s, "N")
		// What --ro-bind-data makes has no name in bubblewrap and one in ours; its size counts digits of ids.
		return regexp.MustCompile(`(?m)^(-\S+) +[01] +(\d+ +\d+) +\d+ `).ReplaceAllString(s, "$1 N $2 SIZE ")
	}
	if diff := cmp.Diff(clean(want.stdout, theirs), clean(got.stdout, ours)); diff != "" {
		t.Errorf("standard output (-bubblewrap +snug):\n%s", diff)
	}
	if diff := cmp.Diff(messagesOfApp(want.stderr), messagesOfApp(got.stderr)); diff != "" {
		t.Errorf("messages (-bubblewrap +snug):\n%s", diff)
	}
}

// messagesOfApp leaves out what the session bus tells of its services.
func messagesOfApp(s string) string {
	return regexp.MustCompile(`(?m)^dbus-daemon\[.*\n`).ReplaceAllString(s, "")
}

// serve answers on the loopback interface of the host.
func serve(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			io.WriteString(c, "served\n")
			c.Close()
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// manage looks at a running app from outside, goes in, and ends it.
func (f *flatpak) manage(t *testing.T, ours, theirs string) {
	var seen []string
	for _, program := range []string{theirs, ours} {
		cmd := f.command(t, program, "flatpak", "run", "--user", "--env=A=b", "--command=sh", appID, "-c", "echo up; exec sleep 100")
		wait := start(t, cmd)
		inside := func(words ...string) string {
			c := f.command(t, program, words...)
			c.Env = cmd.Env
			out, err := c.CombinedOutput()
			if err != nil {
				return string(out) + err.Error() + "\n"
			}
			return string(out)
		}
		account := inside("flatpak", "ps", "--columns=application,runtime,active")
		instance := strings.TrimSpace(inside("flatpak", "ps", "--columns=instance"))
		// Ours starts in "/", as PID 1 does, and bubblewrap's in the working folder of the app.
		account += inside("flatpak", "enter", instance, "sh", "-c", "cd /; id; env | grep -v ^OLDPWD= | sort; ls -a; cat /proc/1/comm; ls -d /proc/1 /proc/self")
		account += inside("flatpak", "kill", appID)
		if ws := wait(); !ws.Exited() {
			account += ws.Signal().String()
		} else {
			account += "exit status " + strconv.Itoa(ws.ExitStatus())
		}
		run, _ := filepath.Rel(f.dir, strings.TrimPrefix(cmd.Env[2], "XDG_RUNTIME_DIR="))
		account = strings.ReplaceAll(strings.ReplaceAll(account, run, "RUN"), program, "PROGRAM")
		seen = append(seen, strings.ReplaceAll(account, instance, "INSTANCE"))
	}
	if !strings.Contains(seen[0], appID) || !strings.Contains(seen[0], "uid=") {
		t.Fatalf("bubblewrap does not do this:\n%s", seen[0])
	}
	if diff := cmp.Diff(seen[0], seen[1]); diff != "" {
		t.Errorf("(-bubblewrap +snug):\n%s", diff)
	}
}

// start starts a command that says "up", and gives how to wait for it.
func start(t *testing.T, cmd *exec.Cmd) (wait func() syscall.WaitStatus) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("%q does not start: %q, %v", cmd.Args, line, err)
	}
	return func() syscall.WaitStatus {
		cmd.Wait()
		return cmd.ProcessState.Sys().(syscall.WaitStatus)
	}
}

// background leaves a process behind: the app's status is told at once, and what is left lives on.
func (f *flatpak) background(t *testing.T, ours, theirs string) {
	dir := folder(t)
	for name, program := range map[string]string{"theirs": theirs, "ours": ours} {
		mark := filepath.Join(dir, name)
		cmd := f.command(t, program, "flatpak", "run", "--user", "--filesystem="+dir, "--command=sh", appID, "-c", "(sleep 2; echo late >"+mark+") & exit 3")
		err := cmd.Run() // without pipes: bubblewrap's PID 1 keeps the app's standard output
		if _, early := os.Stat(mark); cmd.ProcessState.ExitCode() != 3 || early == nil {
			t.Errorf("%s: got %v, want exit status 3; the process behind it has ended: %t", program, err, early == nil)
		}
		for deadline := time.Now().Add(largeLimit); ; time.Sleep(50 * time.Millisecond) { // the file is written by a process that nobody waits for
			if _, err := os.Stat(mark); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Errorf("%s: the process behind the app did not live on", program)
				break
			}
		}
	}
}
