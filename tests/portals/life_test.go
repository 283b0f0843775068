package portals_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"snug/tests/bed"
)

// How brokers live and end.

// session is an app that runs, with its standard streams at hand.
type session struct {
	*bed.Part
	in  io.WriteCloser
	out *bufio.Reader
}

// app starts a program in a sandbox and waits for its first line.
func (d *desk) app(first, flags string, words ...string) *session {
	d.Helper()
	cmd := d.Command(run(flags, words...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		d.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.Fatal(err)
	}
	s := &session{d.Launch(cmd), in, bufio.NewReader(out)}
	d.Cleanup(func() { in.Close() })
	if line, err := s.out.ReadString('\n'); line != first+"\n" {
		d.Fatalf("want %q, got %q, %v, %s", first, line, err, s.Said())
	}
	return s
}

// broker is the one of the session.
func (d *desk) broker() int {
	d.Helper()
	var list []int
	d.Poll("there is a broker", func() bool { list = d.brokers(); return len(list) > 0 })
	if len(list) != 1 {
		d.Fatalf("want one broker, got %v", list)
	}
	return list[0]
}

// left lists what brokers have in the runtime folder.
func (d *desk) left() (names []string) {
	for _, pattern := range []string{"snug/*", ".flatpak/*"} {
		list, _ := filepath.Glob(filepath.Join(d.Runtime, pattern))
		names = append(names, list...)
	}
	return names
}

// Who kills the supervisor kills the app and the broker; what lies in the runtime folder is gone
// when the next app has run.
func TestKilledSupervisor(t *testing.T) {
	d := newDesk(t)
	d.Sway()
	d.portals()
	before := len(d.Processes())
	s := d.app("held 3", app+"Settings "+canRead(t), probe(t), "hold", "3")
	broker := d.broker()
	if len(d.left()) == 0 {
		t.Error("control: want the instance in the runtime folder")
	}
	s.Process.Kill()
	s.Wait()
	d.Poll("the broker and the app have ended", func() bool { return !bed.Alive(broker) && len(d.Processes()) == before })
	if out := d.inside(app+"Settings", settingsRead...); !strings.Contains(out, "uint32") {
		t.Errorf("the next app: %s", out)
	}
	for _, path := range d.left() {
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() || strings.Contains(path, "/.") {
			t.Errorf("left after the next app: %s", path)
		}
	}
	d.Outside("snug", "ps")
	if left := d.left(); len(left) > 0 {
		t.Errorf("left after snug ps: %v", left)
	}
}

// Killed at any moment of its start or life, snug leaves no process, and what it leaves in the
// runtime folder is gone when the next app has run.
func TestKilledAtAnyMoment(t *testing.T) {
	d := newDesk(t)
	before := len(d.Processes())
	random := rand.New(rand.NewPCG(3, 4))
	brokers, cards := 0, 0
	for range 60 {
		cmd := d.Command(run("--id org.example.App --portals-allow Settings "+granted, "sleep", "1000")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(20000)) * time.Microsecond) // the moment is the point
		brokers += len(d.brokers())
		list, _ := filepath.Glob(filepath.Join(d.Runtime, ".flatpak/*"))
		cards += len(list)
		cmd.Process.Kill()
		cmd.Wait()
		d.Poll("all processes have ended", func() bool { return len(d.Processes()) == before })
	}
	if brokers == 0 || brokers == 60 || cards == 0 {
		t.Errorf("control: want kills before and after the broker's start, got %d brokers and %d cards", brokers, cards)
	}
	if out := d.inside("--id org.example.App --portals-allow Settings", "true"); strings.Contains(out, "exit status") {
		t.Error(out)
	}
	if cards, _ := filepath.Glob(filepath.Join(d.Runtime, ".flatpak/*")); len(cards) > 0 {
		t.Errorf("left after the next app: %s", d.Outside("find", filepath.Join(d.Runtime, ".flatpak"), "-ls"))
	}
	d.Outside("snug", "ps")
	if sockets := strings.Fields(d.Outside("find", d.Runtime+"/snug", "-type", "s")); len(sockets) > 0 {
		t.Errorf("left after the next app and snug ps: %d sockets, such as %s", len(sockets), sockets[0])
	}
	if left := d.left(); len(left) > 0 {
		t.Errorf("left after snug ps: %d files, such as %s", len(left), left[0])
	}
}

// Who kills the broker ends the app's bus, not the app.
func TestKilledBroker(t *testing.T) {
	d := newDesk(t)
	s := d.app("held 3", granted+" "+canRead(t), probe(t), "hold", "3")
	if err := syscall.Kill(d.broker(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.Poll("the broker has ended", func() bool { return len(d.brokers()) == 0 })
	d.Poll("the person is told", func() bool { return strings.Contains(s.Said(), "what the app reached by it") })
	io.WriteString(s.in, "go on\n")
	rest, _ := io.ReadAll(s.out)
	if err := s.Wait(); err != nil || string(rest) != "closed\nclosed\nclosed\n" {
		t.Errorf("want three closed connections and the app's good end, got %q, %v", rest, err)
	}
}

// Control for both: nobody is killed, nothing is closed, nothing is left.
func TestOrdinaryEnd(t *testing.T) {
	d := newDesk(t)
	s := d.app("held 3", granted+" "+canRead(t), probe(t), "hold", "3")
	io.WriteString(s.in, "go on\n")
	rest, _ := io.ReadAll(s.out)
	if err := s.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	if left, brokers := d.left(), d.brokers(); len(left)+len(brokers) > 0 {
		t.Errorf("left: %v, brokers %v", left, brokers)
	}
}

// Twenty apps at once, each the first thing that it does: connect. None waits for its broker, none
// fails, each is another connection.
func TestManyAtOnce(t *testing.T) {
	const many = 20
	d := newDesk(t)
	flags := granted + " " + canRead(t)
	out := make([]string, many)
	var wait sync.WaitGroup
	start := time.Now()
	for i := range many {
		wait.Go(func() { out[i] = d.Outside(run(flags, probe(t), "hello")...) })
	}
	wait.Wait()
	seen := map[string]bool{}
	for _, o := range out {
		if !strings.HasPrefix(o, "hello :1.") || seen[o] {
			t.Errorf("got %q", o)
		}
		seen[o] = true
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("%d apps took %v", many, took)
	}
	if left, brokers := d.left(), d.brokers(); len(left)+len(brokers) > 0 {
		t.Errorf("left: %v, brokers %v", left, brokers)
	}
}

// Ten thousand connections through one sandbox, and ten thousand messages with descriptors, leave
// the broker as large as it was.
func TestNothingLeaks(t *testing.T) {
	const many = 10000
	d := newDesk(t)
	d.peer(d.Socket(), nil, "com.example.Talk")
	dir := filepath.Dir(probe(t))
	script := "read go; while [ -n \"$go\" ]; do " + probe(t) + " $go || exit 1; read go; done"
	s := d.app("hello", granted+" --read "+dir, "sh", "-c", "echo hello; "+script)
	broker := d.broker()
	do := func(words, want string) {
		t.Helper()
		io.WriteString(s.in, words+"\n")
		if line, err := s.out.ReadString('\n'); line != want+"\n" {
			t.Fatalf("%s: got %q, %v", words, line, err)
		}
	}
	rounds := func(n int) size {
		do(fmt.Sprint("connect ", n), fmt.Sprint("connected ", n))
		do(fmt.Sprint("flood ", n), fmt.Sprint("flooded ", n))
		return d.size(broker)
	}
	before := rounds(many / 5) // until the heap is as large as it wants to be
	after := rounds(many)
	t.Logf("broker: %+v, then %+v", before, after)
	if after.fds != before.fds || after.kib > before.kib+1024 || before.kib == 0 || before.fds == 0 {
		t.Errorf("%+v, then %+v", before, after)
	}
}

type size struct{ fds, kib int }

// size of a broker whose clients have all gone.
func (d *desk) size(pid int) (s size) {
	d.Helper()
	d.Poll("all connections have ended", func() bool { return d.connections() <= 2 })
	for range 50 { // it closes its own ends after that
		now := size{descriptors(pid), bed.Resident(pid)}
		if now == s {
			break
		}
		s = now
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

// connections counts the clients of the bus, the one that asks included.
func (d *desk) connections() int {
	d.Helper()
	return strings.Count(d.Outside(gdbus("org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")...), "':")
}
