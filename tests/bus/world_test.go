package bus_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

// world is a bus of its own with services on it, and filters before it.
//
//	raw client ──► filter ──► dbus-daemon ◄── services: See Talk Rules Hidden
//	                              ▲
//	                            tester
type world struct {
	*bed.Bed
	bus      string // the socket before which filters stand
	services map[string]*service
	tester   *bus.Conn
}

// options are the policy that the tests have in mind.
var options = strings.Fields(`--filter --see=com.example.See --talk=com.example.Talk --talk=com.example.Tree.* --own=com.example.Own.*
	--call=com.example.Rules=a.b.Do@/x/* --call=com.example.Rules=a.c.* --broadcast=com.example.Rules=a.b.Changed`)

func newWorld(t testing.TB) *world {
	t.Helper()
	need.Time(t)
	b := bed.New(t)
	b.Bus()
	w := &world{Bed: b, bus: b.Socket(), services: map[string]*service{}}
	for _, name := range []string{"See", "Talk", "Rules", "Hidden"} {
		w.services[name] = w.serve(name)
	}
	w.tester = w.Dial(w.bus)
	return w
}

// serves starts a program, and waits for its socket.
func (w *world) serves(socket string, words ...string) *bed.Part {
	w.Helper()
	p := w.Start(words...)
	w.Poll("a bus at "+socket, func() bool { return bed.Listens(socket) })
	return p
}

// filter starts one before the bus, or before another filter, and gives its socket.
func (w *world) filter(program, before string, options ...string) string {
	w.Helper()
	path := fmt.Sprintf("%s/%d", w.Dir, time.Now().UnixNano())
	w.serves(path, append([]string{program, "unix:path=" + before, path}, options...)...)
	return path
}

// ask fails the test if there is no answer.
func (w *world) ask(c *bus.Conn, m bus.Message) bus.Message {
	w.Helper()
	got, err := c.Ask(m)
	if err != nil {
		w.Fatalf("%s: %v", m.Member, err)
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
	w.Helper()
	s := &service{Conn: w.Dial(w.bus)}
	s.SetDeadline(time.Time{})
	if m := w.ask(s.Conn, bus.RequestName("com.example."+name, 0)); m.Type != bus.Return {
		w.Fatalf("%+v", m)
	}
	w.ask(s.Conn, bus.ToBus("AddMatch", 0, "type='signal',interface='a.b'"))
	go s.answer()
	return s
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
	w.Helper()
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
	w.Helper()
	c, err := bus.Dial(path)
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	var said []string
	c.Serial = m.Serial
	if err := c.Send(m); err != nil {
		w.Fatal(err)
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
