package wayland

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// bed is a filter between apps and a compositor that the test plays.
type bed struct {
	t    testing.TB
	app  string
	host *net.UnixListener
	said *said
}

// said is a log that is read while it is written.
type said struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// newBed starts a filter. The compositor has no security contexts, unless answer plays one that has.
func newBed(t testing.TB, p Policy, answer func(*peer)) *bed {
	t.Helper()
	dir := t.TempDir()
	b := &bed{t, dir + "/app", listenAt(t, dir+"/host"), &said{}}
	if answer == nil {
		answer = func(c *peer) { c.globals() }
	}
	first := make(chan struct{})
	go func() {
		defer close(first)
		if c, err := b.host.AcceptUnix(); err == nil {
			answer(&peer{t, c})
			c.Close()
		}
	}()
	b.serve(Display{Socket: dir + "/host", First: -1, Policy: p, Name: "wayland", Log: decisions.New(b.said, nil)})
	<-first
	return b
}

// serve lets a display be served until the test ends.
func (b *bed) serve(d Display) {
	b.t.Helper()
	loop, err := relay.NewLoop()
	if err != nil {
		b.t.Fatal(err)
	}
	f, err := listenAt(b.t, b.app).File()
	if err != nil {
		b.t.Fatal(err)
	}
	d.Listener = f
	if err := d.Listen(loop); err != nil {
		b.t.Fatal(err)
	}
	f.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
		loop.Close()
	})
}

func listenAt(t testing.TB, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect gives both ends of a new connection, until the test ends.
func (b *bed) connect() (app, host *peer) {
	b.t.Helper()
	app, host = b.pair()
	b.t.Cleanup(func() { app.Close(); host.Close() })
	return app, host
}

func (b *bed) pair() (app, host *peer) {
	b.t.Helper()
	app = b.dial()
	c, err := b.host.AcceptUnix()
	if err != nil {
		b.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return app, &peer{b.t, c}
}

func (b *bed) dial() *peer {
	b.t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: b.app, Net: "unix"})
	if err != nil {
		b.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{b.t, c}
}

// peer is an app or a compositor.
type peer struct {
	t testing.TB
	*net.UnixConn
}

func (p *peer) say(b []byte, fds ...int) {
	p.t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, _, err := p.WriteMsgUnix(b, oob, nil); err != nil {
		p.t.Fatal(err)
	}
}

// hears wants those bytes next.
func (p *peer) hears(want []byte) {
	p.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(p, got); err != nil || string(got) != string(want) {
		p.t.Fatalf("want %q, got %q, %v", want, got[:n], err)
	}
}

// next reads a message.
func (p *peer) next() []byte {
	p.t.Helper()
	b := make([]byte, headerSize, 64<<10)
	if _, err := io.ReadFull(p, b); err != nil {
		p.t.Fatal(err)
	}
	h := parse(b)
	if _, err := io.ReadFull(p, b[headerSize:h.size]); err != nil {
		p.t.Fatal(err)
	}
	return b[:h.size]
}

// ends wants an error of the protocol with some words, and then the end.
func (p *peer) ends(object, code uint32, words string) {
	p.t.Helper()
	b := p.next()
	h := parse(b)
	s, _, ok := text(b[headerSize+8:])
	if h.object != theDisplay || h.opcode != displayError || word(b[8:]) != object || word(b[12:]) != code || !ok || !strings.Contains(string(s), words) {
		p.t.Errorf("want the error %d of %d with %q, got %q", code, object, words, b)
	}
	p.hangs()
}

func (p *peer) hangs() {
	p.t.Helper()
	if n, err := p.Read(make([]byte, 1)); err != io.EOF && !errors.Is(err, unix.ECONNRESET) {
		p.t.Errorf("want the end, got %d bytes, %v", n, err)
	}
}

// globals plays a compositor that is asked for its globals, and has those interfaces.
func (p *peer) globals(names ...string) {
	p.t.Helper()
	p.next() // get_registry
	for i, name := range names {
		p.say(announced(askedRegistry, uint32(i+1), name, 1))
	}
	p.next() // sync
	p.say(newMessage(askedSync, 0, 0).done())
}

// Messages.

func asksRegistry(id uint32) []byte { return newMessage(theDisplay, getRegistry, id).done() }

func announced(registry, number uint32, name string, version uint32) []byte {
	return newMessage(registry, announce, number).text(name).words(version).done()
}

func withdrawn(registry, number uint32) []byte { return newMessage(registry, withdraw, number).done() }

func binds(registry, number uint32, name string, version, id uint32) []byte {
	return newMessage(registry, bind, number).text(name).words(version, id).done()
}

func join(list ...[]byte) (all []byte) {
	for _, b := range list {
		all = append(all, b...)
	}
	return all
}

// received reads once, and gives the descriptors that came along.
func (p *peer) received(room []byte) (n int, fds []*os.File) {
	p.t.Helper()
	oob := make([]byte, 4096)
	n, oobn, _, _, err := p.ReadMsgUnix(room, oob)
	if err != nil {
		p.t.Fatal(err)
	}
	messages, _ := unix.ParseSocketControlMessage(oob[:oobn])
	for i := range messages {
		list, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			p.t.Fatal(err)
		}
		for _, fd := range list {
			fds = append(fds, os.NewFile(uintptr(fd), "received"))
		}
	}
	return n, fds
}
