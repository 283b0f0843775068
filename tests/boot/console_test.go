package boot_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// console is a system that boots on a terminal.
type console struct {
	*bed.Part
	keys io.WriteCloser
}

// sit boots a system on a terminal that script(1) makes.
func (s *session) sit(words ...string) *console {
	s.Helper()
	cmd := s.Command("script", "-qefc", strings.Join(append([]string{bed.Built(s, "snug"), "boot"}, words...), " "), "/dev/null")
	cmd.Env = append(cmd.Env, "TERM=vt100")
	keys, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	return &console{s.Launch(cmd), keys}
}

func (s *session) sees(c *console, what string) {
	s.Helper()
	bed.Poll(s, "the console shows "+what, 30*time.Second, func() bool { return strings.Contains(c.Said(), what) })
}

// At a terminal the console is the person's, until three times Ctrl-].
func TestConsole(t *testing.T) {
	s := newSession(t)
	c := s.sit("/")
	s.sees(c, "root@own")
	io.WriteString(c.keys, "echo $((6*7))$((1)) at $(tty)\r")
	s.sees(c, "421 at /dev/console")
	io.WriteString(c.keys, "\x1d\x1d ")
	time.Sleep(300 * time.Millisecond)
	s.want("own", "echo goes on", "goes on\n")
	io.WriteString(c.keys, "\x1d\x1d\x1d")
	if err := c.Wait(); err != nil {
		t.Errorf("want it powered off, got %v\n%s", err, c.Said())
	}
	s.ended("own")
}

// A terminal that is closed in the middle of a boot ends the system, and soon: it is not to wait for a console on which
// nothing can be printed any more.
func TestConsoleClosed(t *testing.T) {
	s := newSession(t)
	c := s.sit("--name", "closed", "--ephemeral", system(t, "bookworm"))
	s.sees(c, "three times Ctrl-] within a second end it")
	s.sees(c, "Starting")
	began := time.Now()
	c.Process.Kill() // script(1), and the terminal with it
	c.Wait()
	s.ended("closed")
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v to end", took)
	}
}

// After a reboot the terminal is the person's again.
func TestConsoleReboots(t *testing.T) {
	s := newSession(t)
	c := s.sit("/")
	s.sees(c, "root@own")
	for n := 1; n <= 2; n++ {
		shells := strings.Count(c.Said(), "root@own:")
		s.Must("snug", "stop", "--reboot", "own")
		bed.Poll(s, "a shell after the reboot", 30*time.Second, func() bool { return strings.Count(c.Said(), "root@own:") > shells })
		fmt.Fprintf(c.keys, "for i in $(seq 40); do printf $((i%%10)); done; echo /%d\r", n)
		s.sees(c, strings.Repeat("1234567890", 4)+fmt.Sprintf("/%d", n))
	}
	io.WriteString(c.keys, "\x1d\x1d\x1d")
	if err := c.Wait(); err != nil {
		t.Errorf("want it powered off, got %v\n%s", err, c.Said())
	}
}

// A signal to snug powers the system off in order.
func TestSignal(t *testing.T) {
	s := newSession(t)
	name := s.boot("--name", "sig", system(t, "bookworm"))
	s.want(name, "systemd-run -q --unit=last -p ExecStop='/bin/sh -c \"echo orderly >/root/last\"' -p RemainAfterExit=yes true", "")
	for _, pid := range s.Processes() {
		if strings.Contains(bed.CommandLine(pid), "boot --ready-fd") {
			p, _ := os.FindProcess(pid)
			p.Signal(os.Interrupt)
		}
	}
	s.ended(name)
	if got := bed.Read(t, filepath.Join(s.Home, ".local/share/snug/machines/sig/upper/root/last")); got != "orderly\n" {
		t.Errorf("want the services stopped in order, got %q", got)
	}
}

// Inits that are not systemd boot, and power off by what each of them knows.
func TestOtherInits(t *testing.T) {
	s := newSession(t)
	dir := system(t, "openrc")
	name := strings.TrimSpace(s.Must("snug", "boot", "--detach", "--ephemeral", "--name", "rc", dir))
	s.Poll("the second runlevel", func() bool { return strings.Contains(s.inside(name, "runlevel"), "N 2") })
	s.Must("snug", "stop", "--time", "40", name)

	box := filepath.Join(s.Home, "box")
	bed.Write(t, box+"/etc/inittab", "::sysinit:/bin/echo up\n::respawn:/bin/sleep 1000\n::shutdown:/bin/busybox touch /down\n")
	for _, d := range []string{"bin", "sbin", "proc", "sys", "dev", "tmp", "run"} {
		os.MkdirAll(filepath.Join(box, d), 0o755)
	}
	s.Must("cp", filepath.Join(dir, "bin/busybox"), box+"/bin/busybox")
	for _, link := range []string{"/bin/sh", "/bin/echo", "/bin/sleep", "/bin/touch", "/sbin/init"} {
		os.Symlink("/bin/busybox", box+link)
	}
	name = strings.TrimSpace(s.Must("snug", "boot", "--detach", box))
	s.want(name, "echo inside $$", "inside .*\n")
	s.Must("snug", "stop", "--time", "40", name)
	if !bed.Exists(filepath.Join(s.Home, ".local/share/snug/machines/box/upper/down")) {
		t.Error("want it shut down in order")
	}
}

// With a service manager of the user's, the control group is a scope of that.
func TestScope(t *testing.T) {
	s := newSession(t)
	if !bed.Exists("/lib/systemd/systemd") || !bed.Exists("/run/systemd/system") {
		need.Missing(t, "wanted systemd, and /run/systemd/system as tests/run.sh makes it")
	}
	manager := s.Start("/lib/systemd/systemd", "--user")
	bed.Poll(t, "the service manager", 20*time.Second, func() bool { return bed.Exists(s.Runtime + "/systemd/private") })
	name := s.boot("--ephemeral", "--name", "scoped", system(t, "bookworm"))
	units := s.Outside("systemctl", "--user", "list-units", "--type=scope", "--no-legend")
	if !strings.Contains(units, "snug boot scoped") {
		t.Errorf("want a scope, got %s", units)
	}
	s.want(name, "systemctl is-system-running; tail -n1 /proc/self/cgroup", "running\n0::/init.scope\n")
	s.Must("snug", "stop", name)
	bed.Poll(t, "the scope is gone", 20*time.Second, func() bool {
		return !strings.Contains(s.Outside("systemctl", "--user", "list-units", "--type=scope", "--no-legend"), "snug boot")
	})
	manager.Stop()
}
