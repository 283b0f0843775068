package portals_test

import (
	"bufio"
	"context"
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
)

// How brokers live and end.

// session is an app that runs, with its standard streams at hand.
type session struct {
	*part
	in  io.WriteCloser
	out *bufio.Reader
}

// app starts a program in a sandbox and waits for its first line.
func (b *bed) app(first, flags string, words ...string) *session {
	b.t.Helper()
	cmd := b.command(context.Background(), run(flags, words...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	log, err := os.CreateTemp(b.dir, "app-")
	if err != nil {
		b.t.Fatal(err)
	}
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	s := &session{&part{cmd, log}, in, bufio.NewReader(out)}
	b.t.Cleanup(func() { in.Close(); s.end(b) })
	if line, err := s.out.ReadString('\n'); line != first+"\n" {
		b.t.Fatalf("want %q, got %q, %v, %s", first, line, err, read(b.t, log.Name()))
	}
	return s
}

// broker is the one of the session.
func (b *bed) broker() int {
	b.t.Helper()
	var list []int
	b.poll("there is a broker", func() bool { list = b.brokers(); return len(list) > 0 })
	if len(list) != 1 {
		b.t.Fatalf("want one broker, got %v", list)
	}
	return list[0]
}

// left lists what brokers have in the runtime folder.
func (b *bed) left() (names []string) {
	for _, pattern := range []string{"snug/*", ".flatpak/*"} {
		list, _ := filepath.Glob(filepath.Join(b.run, pattern))
		names = append(names, list...)
	}
	return names
}

// Who kills the supervisor kills the app and the broker; what lies in the runtime folder is gone
// when the next app has run.
func TestKilledSupervisor(t *testing.T) {
	b := newBed(t)
	b.screen()
	b.portals()
	before := len(b.processes())
	s := b.app("held 3", app+"Settings "+canRead(t), probe(t), "hold", "3")
	broker := b.broker()
	if len(b.left()) == 0 {
		t.Error("control: want the instance in the runtime folder")
	}
	s.Process.Kill()
	s.Wait()
	b.poll("the broker and the app have ended", func() bool { return !alive(broker) && len(b.processes()) == before })
	if out := b.inside(app+"Settings", settingsRead...); !strings.Contains(out, "uint32") {
		t.Errorf("the next app: %s", out)
	}
	for _, path := range b.left() {
		if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() || strings.Contains(path, "/.") {
			t.Errorf("left after the next app: %s", path)
		}
	}
	b.outside("snug", "ps")
	if left := b.left(); len(left) > 0 {
		t.Errorf("left after snug ps: %v", left)
	}
}

// Killed at any moment of its start or life, snug leaves no process, and what it leaves in the
// runtime folder is gone when the next app has run.
func TestKilledAtAnyMoment(t *testing.T) {
	b := newBed(t)
	before := len(b.processes())
	random := rand.New(rand.NewPCG(3, 4))
	brokers, cards := 0, 0
	for range 60 {
		cmd := b.command(context.Background(), run("--id org.example.App --portals-allow Settings "+granted, "sleep", "1000")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(20000)) * time.Microsecond) // the moment is the point
		brokers += len(b.brokers())
		list, _ := filepath.Glob(filepath.Join(b.run, ".flatpak/*"))
		cards += len(list)
		cmd.Process.Kill()
		cmd.Wait()
		b.poll("all processes have ended", func() bool { return len(b.processes()) == before })
	}
	if brokers == 0 || brokers == 60 || cards == 0 {
		t.Errorf("control: want kills before and after the broker's start, got %d brokers and %d cards", brokers, cards)
	}
	if out := b.inside("--id org.example.App --portals-allow Settings", "true"); strings.Contains(out, "exit status") {
		t.Error(out)
	}
	if cards, _ := filepath.Glob(filepath.Join(b.run, ".flatpak/*")); len(cards) > 0 {
		t.Errorf("left after the next app: %s", b.outside("find", filepath.Join(b.run, ".flatpak"), "-ls"))
	}
	b.outside("snug", "ps")
	if sockets := strings.Fields(b.outside("find", b.run+"/snug", "-type", "s")); len(sockets) > 0 {
		t.Errorf("left after the next app and snug ps: %d sockets, such as %s", len(sockets), sockets[0])
	}
	if left := b.left(); len(left) > 0 {
		t.Errorf("left after snug ps: %d files, such as %s", len(left), left[0])
	}
}

// Who kills the broker ends the app's bus, not the app.
func TestKilledBroker(t *testing.T) {
	b := newBed(t)
	s := b.app("held 3", granted+" "+canRead(t), probe(t), "hold", "3")
	if err := syscall.Kill(b.broker(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.poll("the broker has ended", func() bool { return len(b.brokers()) == 0 })
	b.poll("the person is told", func() bool { return strings.Contains(read(t, s.log.Name()), "no message bus any more") })
	io.WriteString(s.in, "go on\n")
	rest, _ := io.ReadAll(s.out)
	if err := s.Wait(); err != nil || string(rest) != "closed\nclosed\nclosed\n" {
		t.Errorf("want three closed connections and the app's good end, got %q, %v", rest, err)
	}
}

// Control for both: nobody is killed, nothing is closed, nothing is left.
func TestOrdinaryEnd(t *testing.T) {
	b := newBed(t)
	s := b.app("held 3", granted+" "+canRead(t), probe(t), "hold", "3")
	io.WriteString(s.in, "go on\n")
	rest, _ := io.ReadAll(s.out)
	if err := s.Wait(); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	if left, brokers := b.left(), b.brokers(); len(left)+len(brokers) > 0 {
		t.Errorf("left: %v, brokers %v", left, brokers)
	}
}

// Twenty apps at once, each the first thing that it does: connect. None waits for its broker, none
// fails, each is another connection.
func TestManyAtOnce(t *testing.T) {
	const many = 20
	b := newBed(t)
	flags := granted + " " + canRead(t)
	out := make([]string, many)
	var wait sync.WaitGroup
	start := time.Now()
	for i := range many {
		wait.Go(func() { out[i] = b.outside(run(flags, probe(t), "hello")...) })
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
	if left, brokers := b.left(), b.brokers(); len(left)+len(brokers) > 0 {
		t.Errorf("left: %v, brokers %v", left, brokers)
	}
}

// Ten thousand connections through one sandbox, and ten thousand messages with descriptors, leave
// the broker as large as it was.
func TestNothingLeaks(t *testing.T) {
	const many = 10000
	b := newBed(t)
	b.peer(b.socket(), nil, "com.example.Talk")
	dir := filepath.Dir(probe(t))
	script := "read go; while [ -n \"$go\" ]; do " + probe(t) + " $go || exit 1; read go; done"
	s := b.app("hello", granted+" --read "+dir, "sh", "-c", "echo hello; "+script)
	broker := b.broker()
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
		return b.size(broker)
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
func (b *bed) size(pid int) (s size) {
	b.t.Helper()
	b.poll("all connections have ended", func() bool { return b.connections() <= 2 })
	for range 50 { // it closes its own ends after that
		now := size{descriptors(pid), resident(pid)}
		if now == s {
			break
		}
		s = now
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

// connections counts the clients of the bus, the one that asks included.
func (b *bed) connections() int {
	b.t.Helper()
	return strings.Count(b.outside(gdbus("org.freedesktop.DBus", "/", "org.freedesktop.DBus.ListNames")...), "':")
}
