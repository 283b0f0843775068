package portals_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// desk is a session with a message bus and as much of a desktop as a test asks for. What a test does
// inside goes the upper way, its control the lower one.
//
//	app ──► snug-broker ──► dbus-daemon ◄── portals, dunst, dconf, peers of the test
//	same program, outside ─────▲
type desk struct {
	*bed.Bed
	doc string // where the documents are mounted
}

// newDesk starts a session bus and nothing else.
func newDesk(t testing.TB) *desk {
	t.Helper()
	d := bare(t)
	d.Bus()
	return d
}

// newBrokerDesk starts dbus-broker instead, which wants its socket as systemd hands it over, and a
// journal to write to. It starts no services.
func newBrokerDesk(t testing.TB) *desk {
	t.Helper()
	d := bare(t)
	need.Program(t, "dbus-broker")
	journal, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(d.journal(), "socket"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.Socket(), Net: "unix"})
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
	broker := d.Command("bwrap", "--dev-bind", "/", "/", "--tmpfs", "/run", "--bind", d.journal(), "/run/systemd/journal",
		"--die-with-parent", "--", "sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec dbus-broker-launch --scope user")
	broker.ExtraFiles = []*os.File{f}
	d.Launch(broker)
	d.Env = append(d.Env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+d.Socket())
	d.Dial(d.Socket()).Close()
	return d
}

// bare has no bus yet.
func bare(t testing.TB) *desk {
	t.Helper()
	need.Time(t)
	d := &desk{Bed: bed.New(t)}
	for _, dir := range []string{d.journal(), d.Home + "/.local/share/applications"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.Env = append(d.Env, "XDG_CURRENT_DESKTOP=GNOME", "XDG_CACHE_HOME="+d.Home+"/.cache")
	t.Cleanup(func() { // what the bus has started is no part of the test's
		for _, pid := range d.Processes() {
			syscall.Kill(pid, syscall.SIGTERM)
		}
	})
	return d
}

func (d *desk) journal() string { return d.Dir + "/journal" }

// with is the desk for a part of the test: what it starts ends with that.
func (d *desk) with(t testing.TB) *desk { return &desk{d.With(t), d.doc} }

// mounted reports whether something is mounted at a path.
func mounted(path string) bool {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	return strings.Contains(string(text), " "+path+" ")
}

// inside runs a program in a sandbox. Flags are those of snug run, with spaces in between. That
// the program is refused something is the app's affair, that snug does not start is the test's.
func (d *desk) inside(flags string, words ...string) string {
	d.Helper()
	out := d.Outside(run(flags, words...)...)
	if strings.HasSuffix(out, "(exit status 125)") {
		d.Fatalf("snug run %s: %s", flags, out)
	}
	return out
}

// run is the line of snug for a command.
func run(flags string, words ...string) []string {
	line := append([]string{"snug", "run"}, strings.Fields(flags)...)
	return append(append(line, "--"), words...)
}

// manifest writes one of the person's own.
func (d *desk) manifest(id, keys, tables string) {
	d.Helper()
	bed.Write(d, filepath.Join(d.Home, ".config/snug/apps", id+".toml"), "schema = 1\nid = \""+id+"\"\n"+keys+tables)
}
