package bus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
	"snug/tests/need"
)

// world is a bus of its own with services on it, and filters before it.
//
//	raw client ──► filter ──► dbus-daemon ◄── services: See Talk Rules Hidden
//	                              ▲
//	                            tester
type world struct {
	t        testing.TB
	dir      string
	bus      string // the daemon's socket
	services map[string]*service
	tester   *bus.Conn
}

// options are the policy that the tests have in mind.
var options = strings.Fields(`--filter --see=com.example.See --talk=com.example.Talk --talk=com.example.Tree.* --own=com.example.Own.*
	--call=com.example.Rules=a.b.Do@/x/* --call=com.example.Rules=a.c.* --broadcast=com.example.Rules=a.b.Changed`)

func newWorld(t testing.TB) *world {
	t.Helper()
	need.Time(t)
	need.Program(t, "dbus-daemon")
	dir, err := os.MkdirTemp("", "bus-test-") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &world{t: t, dir: dir, bus: dir + "/bus", services: map[string]*service{}}
	w.start(w.bus, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path="+w.bus)
	for _, name := range []string{"See", "Talk", "Rules", "Hidden"} {
		w.services[name] = w.serve(name)
	}
	w.tester = w.dial(w.bus)
	return w
}

// start runs a program until the end of the test, and waits for its socket.
func (w *world) start(socket string, words ...string) *exec.Cmd {
	w.t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stderr = os.Stderr
	if words[0] == "dbus-daemon" {
		cmd.Stderr = nil // it tells that it may not raise a limit
	}
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for range 500 {
		if c, err := bus.Connect(socket); err == nil {
			c.Close()
			return cmd
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%s does not listen at %s", words[0], socket)
	return nil
}

// ours is the path of our program.
func ours(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/snug-dbus-proxy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("build it first: make build (%v)", err)
	}
	return path
}

// filter starts one before the bus, or before another filter, and gives its socket.
func (w *world) filter(program, before string, options ...string) string {
	w.t.Helper()
	path := fmt.Sprintf("%s/%d", w.dir, time.Now().UnixNano())
	w.start(path, append([]string{program, "unix:path=" + before, path}, options...)...)
	return path
}

func (w *world) dial(path string) *bus.Conn {
	w.t.Helper()
	c, err := bus.Dial(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// ask fails the test if there is no answer.
func (w *world) ask(c *bus.Conn, m bus.Message) bus.Message {
	w.t.Helper()
	got, err := c.Ask(m)
	if err != nil {
		w.t.Fatalf("%s: %v", m.Member, err)
	}
	return got
}

// service owns com.example.NAME, answers every call, and remembers what it got.
type service struct {
	*bus.Conn
	mutex sync.Mutex
	got   []bus.Message
}

func (w *world) serve(name string) *service {
	w.t.Helper()
	s := &service{Conn: w.dial(w.bus)}
	s.SetDeadline(time.Time{})
	if m := w.ask(s.Conn, requestName("com.example."+name)); m.Type != bus.Return {
		w.t.Fatalf("%+v", m)
	}
	w.ask(s.Conn, bus.ToBus("AddMatch", 0, "type='signal',interface='a.b'"))
	go s.answer()
	return s
}

func requestName(name string) bus.Message {
	m := bus.ToBus("RequestName", 0, name)
	m.Signature = "su"
	m.Body += strings.Repeat("\x00", (4-len(m.Body)%4)%4) + "\x00\x00\x00\x00"
	return m
}

func (s *service) answer() {
	for serial := uint32(1000); ; serial++ {
		m, err := s.Next()
		if err != nil {
			return
		}
		s.mutex.Lock()
		s.got = append(s.got, m)
		s.mutex.Unlock()
		if m.Type == bus.Call && m.Flags&1 == 0 {
			s.Send(bus.Message{Type: bus.Return, Serial: serial, ReplySerial: m.Serial, Destination: m.Sender,
				Signature: "s", Body: bus.String("did " + m.Member), FDs: m.FDs, Count: uint32(len(m.FDs))})
		}
		for _, fd := range m.FDs {
			unix.Close(fd)
		}
	}
}

// heard gives what a service got, once everything that was sent before has arrived, and forgets it.
func (w *world) heard(name string) (list []string) {
	w.t.Helper()
	w.ask(w.tester, bus.Message{Type: bus.Call, Path: "/", Member: "Flush", Destination: "com.example." + name})
	s := w.services[name]
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, m := range s.got {
		if m.Member == "Flush" || m.Sender == bus.Name {
			continue
		}
		kind := [...]string{"", "call", "return", "error", "signal"}[m.Type]
		list = append(list, fmt.Sprintf("%s heard %s %s.%s", name, kind, m.Interface, m.Member))
	}
	s.got = nil
	return list
}

// outcome sends a message through a filter on a connection of its own, and tells in words what came
// of it: the answer, and who heard it.
func (w *world) outcome(path string, m bus.Message) string {
	w.t.Helper()
	c, err := bus.Dial(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	var said []string
	c.Serial = m.Serial
	if err := c.Send(m); err != nil {
		w.t.Fatal(err)
	}
	if m.Type == bus.Call && m.Flags&1 == 0 {
		got, err := c.Answer(m.Serial)
		said = append(said, words(got, err))
	}
	c.Serial += 100
	if _, err := c.Ask(bus.ToBus("GetId", 0)); err != nil {
		said = append(said, "then closed")
	}
	for _, name := range []string{"See", "Talk", "Rules", "Hidden"} {
		said = append(said, w.heard(name)...)
	}
	text := strings.Join(said, "; ")
	text = strings.ReplaceAll(text, c.Unique, "US")
	for name, s := range w.services {
		text = strings.ReplaceAll(text, s.Unique, strings.ToUpper(name))
	}
	return text
}

// words spells an answer.
func words(m bus.Message, err error) string {
	switch {
	case err != nil:
		return "closed"
	case m.Type == bus.Error:
		return "error " + strings.TrimPrefix(m.Error, "org.freedesktop.DBus.Error.")
	case m.Signature == "s" || m.Signature == "as":
		list := m.Strings()
		slices.Sort(list)
		return "return " + strings.Join(list, " ")
	}
	return fmt.Sprintf("return %s %x", m.Signature, m.Body)
}
