package portals_test

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"snug/tests/bed"
)

// The broker parses hostile bytes, so it holds nothing that is worth taking: no right, no file of
// the person's, no stream of the app's or of the terminal, no network.
func TestBrokerHoldsLittle(t *testing.T) {
	d := newDesk(t)
	s := d.app("held 1", app+"Settings "+granted+" "+canRead(t), probe(t), "hold", "1")
	pid := d.broker()
	dir := "/proc/" + strconv.Itoa(pid)
	status := bed.Read(t, dir+"/status")
	for _, want := range []string{"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("want %q in\n%s", want, status)
		}
	}
	for _, ns := range []string{"user", "mnt", "pid", "net", "ipc", "uts"} {
		ours, _ := os.Readlink("/proc/self/ns/" + ns)
		if its, err := os.Readlink(dir + "/ns/" + ns); err == nil && its == ours {
			t.Errorf("the broker shares the host's %s namespace", ns)
		}
	}
	for _, fd := range []string{"0", "1"} {
		to, err := os.Readlink(dir + "/fd/" + fd)
		if err == nil && to != "/dev/null" {
			t.Errorf("the broker holds the app's stream %s: %s", fd, to)
		}
	}
	if out := d.Outside("sh", "-c", "cd "+dir+"/root && find . | sort | tr '\\n' ' '"); out != ". ./.flatpak-info ./run ./run/session ./snug-broker " {
		t.Errorf("want the broker to see its program, its identity and the socket of the bus, got %s", out)
	}
	if env, err := os.ReadFile(dir + "/environ"); err == nil && strings.Contains(string(env), "HOME=") {
		t.Errorf("the broker has the person's environment: %q", env)
	}
	io.WriteString(s.in, "go on\n")
}

// What enters a running app has its bus, and what is detached keeps it until it is stopped.
func TestDetached(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk", "com.example.Hidden")
	d.Must("snug", "run", "--detach", "--name", "box", "--bus-session-talk", "com.example.Talk", "--", "sleep", "1000")
	broker := d.broker()
	enter := func(name string) string {
		return d.Outside(append([]string{"snug", "exec", "box", "--"}, gdbus(name, "/x", "com.example.Host.Do")...)...)
	}
	if out := enter("com.example.Talk"); out != "('did Do',)\n" {
		t.Errorf("got %s", out)
	}
	if out := enter("com.example.Hidden"); !refused.MatchString(out) {
		t.Errorf("want a refusal, got %s", out)
	}
	if !bed.Alive(broker) {
		t.Error("control: want the same broker all the time")
	}
	d.Must("snug", "stop", "box")
	d.Poll("the broker has ended", func() bool { return !bed.Alive(broker) })
	if left := d.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// A bus that ends takes the connections along, not the broker, and not the app.
func TestBusEnds(t *testing.T) {
	d := newDesk(t)
	socket := d.SystemBus()
	s := d.app("held 2", "--bus-session-talk com.example.Talk --bus-system-talk com.example.Talk "+canRead(t), probe(t), "hold", "2")
	for _, pid := range d.Processes() {
		if strings.HasSuffix(bed.CommandLine(pid), "bus.conf --nofork --nopidfile") {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	d.Poll("control: the session's bus is gone, the system's is there", func() bool { return !bed.Listens(d.Socket()) && bed.Listens(socket) })
	broker := d.broker()
	io.WriteString(s.in, "go on\n")
	rest, _ := io.ReadAll(s.out)
	if err := s.Wait(); err != nil || string(rest) != "closed\nclosed\n" {
		t.Errorf("want two closed connections and the app's good end, got %q, %v, %s", rest, err, s.Said())
	}
	d.Poll("the broker has ended with the app", func() bool { return !bed.Alive(broker) })
}

// The address of a bus in all its spellings, and no bus at all.
func TestAddresses(t *testing.T) {
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk")
	abstract := "snug-test-" + strconv.Itoa(os.Getpid())
	d.Start("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:abstract="+abstract)
	d.Poll("the abstract bus listens", func() bool { return bed.Listens("@" + abstract) })
	d.peer("@"+abstract, nil, "com.example.Talk")
	path := "unix:path=" + d.Socket()
	for name, c := range map[string]struct {
		address string
		works   bool
	}{
		"plain":        {path, true},
		"with a guid":  {path + ",guid=00000000000000000000000000000000", true},
		"escaped":      {strings.ReplaceAll(path, "/home", "%2fhome"), true},
		"second":       {"unix:path=/nowhere;" + path, true},
		"by default":   {"", true},
		"abstract":     {"unix:abstract=" + abstract, true},
		"nowhere":      {"unix:path=/nowhere", false},
		"a program":    {"unixexec:path=/bin/true", false},
		"not readable": {"nonsense", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := d.with(t)
			d.Env = append(slices.Clip(d.Env), "DBUS_SESSION_BUS_ADDRESS="+c.address)
			out := d.inside(granted, "sh", "-c", "gdbus call --session -d com.example.Talk -o /x -m com.example.Host.Do; echo it runs")
			if strings.Contains(out, "did Do") != c.works || !strings.Contains(out, "it runs") {
				t.Errorf("want a bus: %v, got %s", c.works, out)
			}
			if told := strings.Contains(out, "snug: "); told == c.works {
				t.Errorf("want a warning only where there is no bus, got %s", out)
			}
		})
	}
}
