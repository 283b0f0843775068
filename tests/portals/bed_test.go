package portals_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/tests/bus"
	"snug/tests/need"
)

// bed is a session of its own: a home, a runtime folder, a message bus, and as much of a desktop
// as a test asks for. What a test does inside goes the upper way, its control the lower one.
//
//	app ──► snug-broker ──► dbus-daemon ◄── portals, dunst, dconf, peers of the test
//	same program, outside ─────▲
type bed struct {
	t              testing.TB
	dir, home, run string
	env            []string
	inherit        []*os.File // by the next part
	doc            string     // where the documents are mounted
}

// part is a program that runs until the end of the test.
type part struct {
	*exec.Cmd
	log *os.File
}

// newBed starts a session bus and nothing else.
func newBed(t testing.TB) *bed {
	t.Helper()
	b := folders(t)
	config := filepath.Join(b.dir, "bus.conf")
	write(t, config, fmt.Sprintf(sessionBus, b.socket(), filepath.Join(b.dir, "services")))
	b.start("dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile")
	b.poll("the bus listens", func() bool { return b.listens(b.socket()) })
	return b
}

// newBrokerBed starts dbus-broker instead, which wants its socket as systemd hands it over, and a
// journal to write to. It starts no services.
func newBrokerBed(t testing.TB) *bed {
	t.Helper()
	b := folders(t)
	need.Program(t, "dbus-broker")
	journal, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(b.dir, "services", "socket"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.socket(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b.inherit = []*os.File{f}
	b.start("bwrap", "--dev-bind", "/", "/", "--tmpfs", "/run", "--bind", filepath.Join(b.dir, "services"), "/run/systemd/journal",
		"--die-with-parent", "--", "sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec dbus-broker-launch --scope user")
	b.inherit = nil
	b.dial(b.socket()).Close()
	return b
}

// folders makes the places of a session, and arranges that nothing is left of it.
func folders(t testing.TB) *bed {
	t.Helper()
	need.Time(t)
	above, err := os.UserHomeDir() // below /tmp a sandbox sees nothing
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(above, "p-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, dir: dir, home: filepath.Join(dir, "home"), run: filepath.Join(dir, "run")}
	for _, d := range []string{b.home, b.run, dir + "/services", b.home + "/.config/snug/apps", b.home + "/.local/share/applications", b.home + "/letters"} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	b.env = []string{"HOME=" + b.home, "XDG_RUNTIME_DIR=" + b.run, "USER=" + os.Getenv("USER"), "LANG=C.UTF-8", "SHELL=/bin/sh",
		"PATH=" + filepath.Dir(snug(t)) + ":/usr/bin:/bin", "DBUS_SESSION_BUS_ADDRESS=unix:path=" + b.socket(),
		"XDG_CURRENT_DESKTOP=GNOME", "GSK_RENDERER=cairo", "XDG_CACHE_HOME=" + b.home + "/.cache"}
	t.Cleanup(b.end)
	return b
}

// with is the bed for a part of the test: what it starts ends with that.
func (b *bed) with(t testing.TB) *bed {
	part := *b
	part.t = t
	return &part
}

// sessionBus is the policy of an ordinary session bus, which starts only the services of the bed.
const sessionBus = `<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><servicedir>%s</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
<limit name="max_incoming_bytes">1000000000</limit><limit name="max_completed_connections">100000</limit>
<limit name="max_connections_per_user">100000</limit><limit name="max_match_rules_per_connection">50000</limit>
<limit name="service_start_timeout">120000</limit></busconfig>`

func (b *bed) socket() string { return filepath.Join(b.run, "bus") }

func (b *bed) listens(path string) bool {
	c, err := bus.Connect(path)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// start runs a program until the end of the test; what it says is shown if the test fails. A name
// without a folder is looked for in /usr/libexec, too, where portals live.
func (b *bed) start(name string, words ...string) *part {
	b.t.Helper()
	path := name
	if libexec := filepath.Join("/usr/libexec", name); exists(libexec) {
		path = libexec
	}
	cmd := exec.Command(need.Program(b.t, path), words...)
	p := &part{Cmd: cmd}
	log, err := os.CreateTemp(b.dir, filepath.Base(name)+"-")
	if err != nil {
		b.t.Fatal(err)
	}
	p.log = log
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = b.env, b.home, log, log, b.inherit
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.end(b) })
	return p
}

// service lets the bus start a program when somebody calls its name.
func (b *bed) service(name, command string) {
	b.t.Helper()
	write(b.t, filepath.Join(b.dir, "services", name+".service"), "[D-BUS Service]\nName="+name+"\nExec="+command+"\n")
}

// end stops, by its pid, whatever the parts have started; then nothing may be left.
func (b *bed) end() {
	for _, pid := range b.processes() {
		syscall.Kill(pid, syscall.SIGTERM)
	}
	end := time.Now().Add(5 * time.Second)
	for len(b.processes()) > 0 && time.Now().Before(end) {
		time.Sleep(10 * time.Millisecond)
	}
	for _, pid := range b.processes() {
		b.t.Errorf("process %d is left: %s", pid, commandLine(pid))
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Error(err)
	}
}

// end of a part comes with the end of its test, the last one's first.
func (p *part) end(b *bed) {
	p.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(5*time.Second, func() { p.Process.Kill() })
	p.Wait()
	late.Stop()
	if text := read(b.t, p.log.Name()); b.t.Failed() && text != "" {
		b.t.Logf("%s:\n%s", strings.Join(p.Args, " "), text[max(0, len(text)-4000):])
	}
	p.log.Close()
}

// mounted reports whether something is mounted at a path.
func mounted(path string) bool {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	return strings.Contains(string(text), " "+path+" ")
}

// outside runs a program in the session, as any program of the person's. It gives all that is
// printed, and how it ended if not well.
func (b *bed) outside(words ...string) string {
	b.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 40*time.Second)
	defer stop()
	out, err := b.command(ctx, words...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s(%v)", out, err)
	}
	return string(out)
}

// inside runs a program in a sandbox. Flags are those of snug run, with spaces in between. That
// the program is refused something is the app's affair, that snug does not start is the test's.
func (b *bed) inside(flags string, words ...string) string {
	b.t.Helper()
	out := b.outside(run(flags, words...)...)
	if strings.HasSuffix(out, "(exit status 125)") {
		b.t.Fatalf("snug run %s: %s", flags, out)
	}
	return out
}

// run is the line of snug for a command.
func run(flags string, words ...string) []string {
	line := append([]string{"snug", "run"}, strings.Fields(flags)...)
	return append(append(line, "--"), words...)
}

func (b *bed) command(ctx context.Context, words ...string) *exec.Cmd {
	b.t.Helper()
	path := words[0]
	if path == "snug" {
		path = snug(b.t)
	} else if !strings.Contains(path, "/") && exists("/usr/bin/"+path) {
		path = "/usr/bin/" + path // as in the session's PATH, not in the tester's
	}
	cmd := exec.CommandContext(ctx, path, words[1:]...)
	cmd.Args[0] = words[0]
	cmd.Env, cmd.Dir = b.env, b.home
	cmd.WaitDelay = time.Second
	return cmd
}

// manifest writes one of the person's own.
func (b *bed) manifest(id, keys, tables string) {
	b.t.Helper()
	write(b.t, filepath.Join(b.home, ".config/snug/apps", id+".toml"), "schema = 1\nid = \""+id+"\"\n"+keys+tables)
}

// snug is the program under test: the built one, as a user gets it.
func snug(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/snug")
	if err != nil {
		t.Fatal(err)
	}
	if !exists(path) {
		t.Fatal("build it first: make build")
	}
	return path
}

func (b *bed) poll(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("after 30 seconds still not: %s", what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read gives what is in a file, or "" if there is none.
func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
