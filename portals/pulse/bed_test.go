package pulse

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// bed is a filter between clients of the test and a server of the test.
//
//	app ──► filter ──► fake
type bed struct {
	t      *testing.T
	path   string
	loop   *relay.Loop
	fake   *fake
	log    *safeText
	Server Server
}

// safeText collects what several goroutines write.
type safeText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeText) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *safeText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newBed(t *testing.T, p Policy, change ...func(*bed)) *bed {
	t.Helper()
	dir := t.TempDir()
	b := &bed{t: t, path: filepath.Join(dir, "app"), fake: newFake(t, filepath.Join(dir, "host")), log: &safeText{}}
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	b.loop = loop
	b.Server = Server{Socket: filepath.Join(dir, "host"), Policy: p, Log: decisions.New(b.log, nil), Name: "sound", Cookie: bytes.Repeat([]byte{7}, CookieSize)}
	for _, do := range change {
		do(b)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if b.Server.Listener, err = l.File(); err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := b.Server.Listen(loop); err != nil {
		t.Fatal(err)
	}
	b.Server.Listener.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		loop.Close()
		b.fake.close()
	})
	return b
}

// app is a client.
type app struct {
	t    *testing.T
	c    *net.UnixConn
	last uint32
}

// dial connects, and says nothing.
func (b *bed) dial() *app {
	b.t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: b.path, Net: "unix"})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return &app{t: b.t, c: c, last: 1000}
}

// app connects, and is a client of the server.
func (b *bed) app() *app {
	b.t.Helper()
	a := b.dial()
	if got := a.ask(cmdAuth, auth(35)); got.command != cmdReply || !got.match("L", 0) || got.u32(0) != 35 {
		b.t.Fatalf("greeting: %v", got.command)
	}
	if got := a.ask(cmdSetClientName, []byte("PN")); got.command != cmdReply {
		b.t.Fatalf("client name: %v", got.command)
	}
	return a
}

func auth(version uint32) []byte {
	b := number(nil, version|0xc0000000)
	return append(binary.BigEndian.AppendUint32(append(b, 'x'), CookieSize), make([]byte, CookieSize)...)
}

// send sends a packet with a new tag, and gives that.
func (a *app) send(command uint32, values []byte) uint32 {
	a.last++
	a.c.Write(finish(append(begin(nil, command, a.last), values...)))
	return a.last
}

// ask is send, and the answer; what comes before it is left out.
func (a *app) ask(command uint32, values []byte) *packet {
	a.t.Helper()
	tag := a.send(command, values)
	for {
		p := a.read()
		if p == nil || p.tag == tag {
			return p
		}
	}
}

// read gives the next packet; sound is left out. nil is the end of the connection.
func (a *app) read() *packet {
	a.t.Helper()
	a.c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		frame, err := readFrame(a.c)
		if err == io.EOF || strings.Contains(errText(err), "reset") {
			return nil
		}
		if err != nil {
			a.t.Fatal(err)
		}
		p := &packet{}
		if readHead(frame).channel != noChannel {
			continue
		}
		if err := p.read(frame); err != nil {
			a.t.Fatal(err)
		}
		return p
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func readFrame(r io.Reader) ([]byte, error) {
	b := make([]byte, headSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	b = append(b, make([]byte, readHead(b).length)...)
	_, err := io.ReadFull(r, b[headSize:])
	return b, err
}

// sound is a frame of it.
func sound(channel uint32, size int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	b = append(binary.BigEndian.AppendUint32(b, channel), make([]byte, 12)...)
	return append(b, bytes.Repeat([]byte{0x55}, size)...)
}

// wantError checks that an answer is an error.
func wantError(t *testing.T, p *packet, code uint32) {
	t.Helper()
	switch {
	case p == nil:
		t.Error("closed")
	case p.command != cmdError || !p.match("L", 0):
		t.Errorf("want error %d, got command %d", code, p.command)
	case p.u32(0) != code:
		t.Errorf("want error %d, got %d", code, p.u32(0))
	}
}

// wantReply checks that it is none.
func wantReply(t *testing.T, p *packet) {
	t.Helper()
	if p == nil || p.command != cmdReply {
		t.Fatalf("want a reply, got %+v", p)
	}
}
