package portals_test

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
)

// peer is a program of the host on a bus: it owns names, answers every call, and remembers what
// it got. It stands for what a test machine does not have, such as systemd's user instance.
type peer struct {
	*bus.Conn
	answer func(m bus.Message) string // of a call: the string that it returns
	mu     sync.Mutex
	got    []bus.Message
}

// peer connects one, owning names, that hears all signals of the interface com.example.Host.
func (d *desk) peer(socket string, answer func(bus.Message) string, names ...string) *peer {
	d.Helper()
	p := &peer{Conn: d.Dial(socket), answer: answer}
	p.SetDeadline(time.Time{})
	for _, name := range names {
		if m, err := p.Ask(bus.RequestName(name, 0)); err != nil || m.Type != bus.Return || m.Body[0] != 1 {
			d.Fatalf("own %s: %+v, %v", name, m, err)
		}
	}
	if m, err := p.Ask(bus.ToBus("AddMatch", 0, "type='signal',interface='com.example.Host'")); err != nil || m.Type != bus.Return {
		d.Fatalf("%+v, %v", m, err)
	}
	done := make(chan struct{})
	go func() { p.serve(); close(done) }()
	d.Cleanup(func() { p.Close(); <-done })
	return p
}

func (p *peer) serve() {
	for serial := uint32(1 << 20); ; serial++ {
		m, err := p.Next()
		if err != nil {
			return
		}
		closeAll(m.FDs)
		if m.Sender == bus.Name {
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, m)
		p.mu.Unlock()
		if m.Type == bus.Call && m.Flags&1 == 0 {
			text := "did " + m.Member
			if p.answer != nil {
				text = p.answer(m)
			}
			p.Send(bus.Message{Type: bus.Return, Serial: serial, ReplySerial: m.Serial, Destination: m.Sender, Signature: "s", Body: bus.String(text)})
		}
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// heard reports whether a message with that member came, and forgets all that came so far. What
// was sent before on the same connection as an answered call has come.
func (p *peer) heard(member string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := false
	for _, m := range p.got {
		found = found || m.Member == member
	}
	p.got = nil
	return found
}

// monitor collects all messages of the bus that fit a rule, as only a program outside may.
type monitor struct {
	*bus.Conn
	mu  sync.Mutex
	got []bus.Message
}

func (d *desk) monitor(rule string) *monitor {
	d.Helper()
	m := &monitor{Conn: d.Dial(d.Socket())}
	m.SetDeadline(time.Time{})
	text := bus.String(rule)
	call := bus.ToBus("BecomeMonitor", 0)
	call.Interface, call.Signature = "org.freedesktop.DBus.Monitoring", "asu"
	call.Body = string([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0}) + text + strings.Repeat("\x00", (4-len(text)%4)%4) + "\x00\x00\x00\x00"
	if answer, err := m.Ask(call); err != nil || answer.Type != bus.Return {
		d.Fatalf("monitor: %+v, %v", answer, err)
	}
	done := make(chan struct{})
	go func() { m.collect(); close(done) }()
	d.Cleanup(func() { m.Close(); <-done })
	return m
}

func (m *monitor) collect() {
	for {
		got, err := m.Next()
		if err != nil {
			return
		}
		closeAll(got.FDs)
		m.mu.Lock()
		m.got = append(m.got, got)
		m.mu.Unlock()
	}
}

// saw gives the first message of a member whose body holds all words.
func (m *monitor) saw(member string, words ...string) *bus.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
next:
	for i, got := range m.got {
		if got.Member != member {
			continue
		}
		for _, w := range words {
			if !strings.Contains(got.Body, "\x00"+w+"\x00") && !strings.Contains(got.Body, w) {
				continue next
			}
		}
		return &m.got[i]
	}
	return nil
}
