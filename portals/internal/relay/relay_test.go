package relay_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// lines passes on lines. "drop" is left out, "stop" is an error, "fd" takes a descriptor along,
// "nofd" leaves one out, "say" is answered, "big N" takes the N bytes after it unseen.
type lines struct {
	body   int
	closed chan error
}

func (j *lines) Judge(k *relay.Link, from relay.Side, in []byte) (taken int, err error) {
	for taken < len(in) {
		if j.body > 0 && from == relay.App {
			n := min(j.body, len(in)-taken)
			k.Pass(from, in[taken:taken+n], 0)
			j.body -= n
			taken += n
			continue
		}
		end := bytes.IndexByte(in[taken:], '\n')
		if end < 0 {
			return taken, nil
		}
		line := in[taken : taken+end+1]
		taken += len(line)
		switch string(line) {
		case "drop\n":
		case "stop\n":
			return taken, io.ErrUnexpectedEOF
		case "fd\n":
			k.Pass(from, line, k.Waiting(from))
		case "nofd\n":
			k.Discard(from, k.Waiting(from))
		case "say\n":
			k.Write(from, []byte("said\n"))
		case "big\n":
			j.body = 1 << 20
			k.Pass(from, line, 0)
		default:
			k.Pass(from, line, 0)
		}
	}
	return taken, nil
}

func (j *lines) Closed(err error) {
	if j.closed != nil {
		j.closed <- err
	}
}

// bed is a loop between apps and a host that the test plays.
type bed struct {
	t      testing.TB
	app    string
	host   *net.UnixListener
	closed chan error
}

func newBed(t testing.TB) *bed {
	t.Helper()
	dir := t.TempDir()
	b := &bed{t, dir + "/app", listen(t, dir+"/host"), make(chan error, 10000)}
	l, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	f, err := listen(t, b.app).File()
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (int, error) { return relay.Dial(dir + "/host") }
	if err := l.Listen(f, relay.Limits{Links: 10000, Greeting: 10000}, dial, func() relay.Judge { return &lines{closed: b.closed} }); err != nil {
		t.Fatal(err)
	}
	f.Close()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		l.Close()
	})
	return b
}

func listen(t testing.TB, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect gives both ends of a new link, which the end of the test closes.
func (b *bed) connect() (app, host *net.UnixConn) {
	b.t.Helper()
	app, host = b.pair()
	b.t.Cleanup(func() { app.Close(); host.Close() })
	return app, host
}

// pair gives both ends of a new link, which the caller closes.
func (b *bed) pair() (app, host *net.UnixConn) {
	b.t.Helper()
	app, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: b.app, Net: "unix"})
	if err != nil {
		b.t.Fatal(err)
	}
	host, err = b.host.AcceptUnix()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range []*net.UnixConn{app, host} {
		c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return app, host
}

func send(t testing.TB, c *net.UnixConn, text string, fds ...int) {
	t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if _, _, err := c.WriteMsgUnix([]byte(text), oob, nil); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, c *net.UnixConn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("want %q, got %q, %v", text, got[:n], err)
	}
}

func TestLink(t *testing.T) {
	b := newBed(t)
	app, host := b.connect()
	send(t, app, "one\ntwo\ndrop\nthr")
	want(t, host, "one\ntwo\n")
	send(t, app, "ee\nsay\n")
	want(t, host, "three\n")
	want(t, app, "said\n")
	send(t, host, "back\n")
	want(t, app, "back\n")
	send(t, app, "last\nstop\nnever\n")
	want(t, host, "last\n")
	if err := <-b.closed; err != io.ErrUnexpectedEOF {
		t.Errorf("want the judge's error, got %v", err)
	}
	if n, err := host.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("want the end, got %d bytes, %v", n, err)
	}
}

// What an app says before it leaves arrives.
func TestLastWords(t *testing.T) {
	b := newBed(t)
	app, host := b.connect()
	send(t, app, strings.Repeat("goodbye\n", 10000))
	app.Close()
	want(t, host, strings.Repeat("goodbye\n", 10000))
	if err := <-b.closed; err != nil {
		t.Error(err)
	}
}

func TestDescriptors(t *testing.T) {
	b := newBed(t)
	app, host := b.connect()
	before := descriptors(t)
	for _, fds := range []int{1, 16, 253} {
		list := make([]int, fds)
		for i := range list {
			list[i] = 2
		}
		send(t, app, "before\n")
		send(t, app, "fd\n", list...)
		want(t, host, "before\n")
		text, oob := make([]byte, 10), make([]byte, 4096)
		n, oobn, _, _, err := host.ReadMsgUnix(text, oob)
		if err != nil || string(text[:n]) != "fd\n" {
			t.Fatalf("got %q, %v", text[:n], err)
		}
		m, _ := unix.ParseSocketControlMessage(oob[:oobn])
		got, err := unix.ParseUnixRights(&m[0])
		if err != nil || len(got) != fds {
			t.Fatalf("want %d descriptors, got %d, %v", fds, len(got), err)
		}
		for _, fd := range got {
			unix.Close(fd)
		}
	}
	send(t, app, "nofd\n", 2, 2)
	send(t, app, "one\n")
	want(t, host, "one\n")
	if now := descriptors(t); now != before {
		t.Errorf("%d descriptors before, %d after", before, now)
	}
	send(t, app, "plain\n", 2)
	if err := <-b.closed; err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("want an unclaimed descriptor to end the link, got %v", err)
	}
}

// A host that does not read: the writer is stopped, and the memory does not grow.
func TestBackPressure(t *testing.T) {
	b := newBed(t)
	app, host := b.connect()
	before := heap()
	sent := 0
	app.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	message := append([]byte("big\n"), make([]byte, 1<<20)...)
	for {
		n, err := app.Write(message)
		sent += n
		if err != nil {
			break
		}
	}
	if sent > 4<<20 {
		t.Errorf("%d bytes went to a host that does not read", sent)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if n, err := io.CopyN(io.Discard, host, int64(sent)); err != nil {
		t.Errorf("%d of %d bytes arrived, %v", n, sent, err)
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func descriptors(t testing.TB) int {
	t.Helper()
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A thousand links in turn leave nothing behind, neither do those that die with things queued.
func TestNothingIsLeft(t *testing.T) {
	b := newBed(t)
	app, host := b.connect()
	send(t, app, "one\n")
	want(t, host, "one\n")
	fds, routines, memory := descriptors(t), runtime.NumGoroutine(), heap()
	for i := range 1000 {
		app, host := b.pair()
		send(t, app, "fd\n", 2)
		if i%2 == 0 {
			send(t, app, "half a line", 2)
			want(t, host, "fd\n")
		}
		app.Close()
		<-b.closed
		host.Close()
	}
	if now := descriptors(t); now != fds {
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
	if now := runtime.NumGoroutine(); now != routines {
		t.Errorf("%d goroutines before, %d after", routines, now)
	}
	if now := heap(); now > memory+1<<20 {
		t.Errorf("%d bytes before, %d after", memory, now)
	}
}

// A host whose queue is full is asked again, and one that is not there ends the app's connection.
func TestHostIsAway(t *testing.T) {
	dir := t.TempDir()
	l, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := listen(t, dir+"/app").File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tries := 0
	dial := func() (int, error) {
		if tries++; tries < 3 {
			return -1, unix.EAGAIN
		}
		return relay.Dial(dir + "/nobody")
	}
	if err := l.Listen(f, relay.Limits{Links: 10000, Greeting: 10000}, dial, func() relay.Judge { return &lines{} }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	app, err := net.Dial("unix", dir+"/app")
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	app.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := app.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("want the end, got %d bytes, %v", n, err)
	}
	stop()
	if err := <-ended; err != nil || tries != 3 {
		t.Errorf("want three tries, got %d, %v", tries, err)
	}
	if _, err := os.Stat(dir + "/app"); err != nil {
		t.Error(err)
	}
}
