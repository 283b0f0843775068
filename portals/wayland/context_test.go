package wayland

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// context plays a compositor with security contexts up to commit, and gives what it was handed.
func (p *peer) context() (listener, hold *os.File, said []string) {
	p.t.Helper()
	p.globals("wl_shm", contextManager)
	room := make([]byte, 4096)
	n, fds := p.received(room)
	b := room[:n]
	for len(b) > 0 {
		h := parse(b)
		switch m := b[:h.size]; {
		case h.object == askedRegistry && string(m) == string(binds(askedRegistry, 2, contextManager, 1, askedManager)):
			said = append(said, "bind")
		case h.object == askedContext && h.size > headerSize:
			s, _, _ := text(m[headerSize:])
			said = append(said, string(s))
		case h.object == askedContext && h.opcode == 4:
			said = append(said, "commit")
		}
		b = b[h.size:]
	}
	if len(fds) != 2 {
		p.t.Fatalf("%d descriptors", len(fds))
	}
	return fds[0], fds[1], said
}

func TestContext(t *testing.T) {
	var listener, hold *os.File
	b := newBed(t, Policy{App: "org.example.App", Instance: "42"}, func(c *peer) {
		var said []string
		listener, hold, said = c.context()
		if got := strings.Join(said, " "); got != "bind snug org.example.App 42 commit" {
			t.Error(got)
		}
		c.say(newMessage(askedCommit, 0, 0).done())
	})
	defer listener.Close()
	defer hold.Close()
	l, err := net.FileListener(listener)
	if err != nil {
		t.Fatal(err)
	}
	app := b.dial()
	defer app.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	host := &peer{t, c.(*net.UnixConn)}
	defer host.Close()
	app.passes(host, asksRegistry(reg))
	poll := []unix.PollFd{{Fd: int32(hold.Fd())}}
	if n, _ := unix.Poll(poll, 0); n != 0 {
		t.Error("the context has ended already")
	}

	// The compositor ends, and the next one has no contexts.
	l.Close()
	listener.Close()
	go func() {
		if c, err := b.host.AcceptUnix(); err == nil {
			(&peer{t, c}).globals()
			c.Close()
		}
	}()
	app, host = b.connect()
	app.passes(host, asksRegistry(reg))
	if n, _ := unix.Poll(poll, 1000); n != 1 {
		t.Error("the old context is still held")
	}
}

// A context that cannot be made is the end of all connections.
func TestContextFails(t *testing.T) {
	for name, answer := range map[string]func(*peer){
		"refused": func(c *peer) {
			l, hold, _ := c.context()
			l.Close()
			hold.Close()
			c.say(newMessage(theDisplay, displayError, askedManager, 1).text("not for you").done())
		},
		"hangs up": func(c *peer) {
			l, hold, _ := c.context()
			l.Close()
			hold.Close()
		},
		"silent":   func(c *peer) { time.Sleep(patience + patience/4) },
		"nonsense": func(c *peer) { c.say(make([]byte, 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t, Policy{}, answer)
			go func() { // what does not answer is left alone for a while, all others are asked again
				for {
					c, err := b.host.AcceptUnix()
					if err != nil {
						return
					}
					answer(&peer{t, c})
					c.Close()
				}
			}()
			for range 2 {
				app := b.dial()
				app.hangs()
				app.Close()
			}
			if log := b.said.String(); !strings.Contains(log, `"what":"connect: `) || !strings.Contains(log, `"decision":"refuse"`) {
				t.Error(log)
			}
		})
	}
}
