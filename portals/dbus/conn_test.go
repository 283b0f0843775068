package dbus

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
	"snug/tests/bus"
)

// play lets an app, and then a bus, say something to a filter between them, and gives what each has
// heard when the last one to speak has hung up.
func play(t testing.TB, p Policy, app, host string) (toApp, toBus string) {
	t.Helper()
	c, err := compile(p)
	if err != nil {
		t.Fatal(err)
	}
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	a, h := pair(t), pair(t)
	defer a[1].Close()
	defer h[1].Close()
	closed := make(chan struct{})
	judge := &watched{conn: &conn{state: newState(c, newFamily(nil), nil)}, closed: closed}
	if _, err := loop.Join(detach(t, a[0]), detach(t, h[0]), judge); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
	a[1].WriteString(app)
	answered := make(chan string, 1)
	if host == "" {
		go func() { answered <- acceptAll(h[1]) }()
		unix.Shutdown(int(a[1].Fd()), unix.SHUT_WR)
	} else {
		heard := make([]byte, len(greeted))
		io.ReadFull(h[1], heard)
		toBus = string(heard)
		h[1].WriteString(host)
		unix.Shutdown(int(h[1].Fd()), unix.SHUT_WR)
	}
	select {
	case <-closed:
	case <-ctx.Done():
		t.Error("the link does not end")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	one, _ := io.ReadAll(a[1])
	if host == "" {
		return string(one), <-answered
	}
	two, _ := io.ReadAll(h[1])
	return string(one), toBus + string(two)
}

// acceptAll says OK to every line before BEGIN, and gives what it has heard in the end.
func acceptAll(h *os.File) string {
	var heard []byte
	room := make([]byte, 4096)
	for said := 0; ; {
		n, err := h.Read(room)
		heard = append(heard, room[:n]...)
		if err != nil {
			return string(heard)
		}
		lines, _, _ := strings.Cut(string(heard), "BEGIN")
		for ; said < strings.Count(lines, "\r\n"); said++ {
			h.WriteString("OK\r\n")
		}
	}
}

// watched tells when its link has ended.
type watched struct {
	*conn
	closed chan struct{}
}

func (w *watched) Closed(err error) {
	w.conn.Closed(err)
	close(w.closed)
}

func pair(t testing.TB) [2]*os.File {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return [2]*os.File{os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")}
}

// detach gives a descriptor of its own, non-blocking.
func detach(t testing.TB, f *os.File) int {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return fd
}

const greeted = "\x00AUTH\r\nBEGIN\r\n"

// A peer's odd message is left out, and what comes after it arrives.
func TestOddPeer(t *testing.T) {
	odd := bus.Message{Type: bus.Call, Serial: 1, Path: "/" + strings.Repeat("x", 100<<10), Member: "M", Sender: ":1.2", Destination: ":1.1", Signature: "s", Body: bus.String("body")}
	unknown := odd
	unknown.Path, unknown.Type = "/", 9
	good := unknown
	good.Type = bus.Call
	host := "OK\r\n" + string(odd.Bytes()) + string(unknown.Bytes()) + string(good.Bytes())
	toApp, _ := play(t, Policy{}, greeted+"l\x01\x00\x01", host) // the rest of a header never comes
	if want := "OK\r\n" + string(good.Bytes()); toApp != want {
		t.Errorf("want %d bytes, got %d: %.100q", len(want), len(toApp), toApp)
	}
}

// Whatever an app says, nothing reaches the bus but what a policy without grants lets through.
func FuzzApp(f *testing.F) {
	for _, m := range []bus.Message{
		bus.ToBus("Hello", 1), bus.ToBus("AddMatch", 2, "eavesdrop=true"), bus.ToBus("ListNames", 3),
		{Type: bus.Call, Serial: 4, ReplySerial: 1, Path: "/", Member: "M", Destination: "com.hidden"},
		{Type: bus.Signal, Serial: 5, Path: "/", Interface: "a.b", Member: "C"},
		{Big: true, Type: bus.Return, Serial: 6, ReplySerial: 9, Destination: ":1.9"},
	} {
		f.Add(greeted + string(m.Bytes()))
		f.Add(greeted + string(bus.ToBus("Hello", 1).Bytes()) + string(m.Bytes()))
	}
	f.Fuzz(func(t *testing.T, app string) {
		_, toBus := play(t, Policy{Emit: []string{"a.b.C"}}, app, "")
		_, rest, begun := strings.Cut(toBus, "BEGIN")
		if !begun {
			return
		}
		_, rest, _ = strings.Cut(rest, "\r\n")
		for len(rest) > 0 {
			var h header
			whole, err := h.parse([]byte(rest))
			if err != nil {
				t.Fatalf("not a message: %q", rest)
			}
			if !whole || len(rest) < h.size+h.body {
				return
			}
			body := []byte(rest[h.size : h.size+h.body])
			ping := string(h.destination()) == busName && string(h.iface()) == "org.freedesktop.DBus.Peer" && string(h.member()) == "Ping"
			if s := newState(&policy{emit: []rule{{iface: "a.b", member: "C"}}}, newFamily(nil), nil); !ping && s.outgoing(&h, body).action != pass {
				t.Fatalf("reached the bus: %q", rest)
			}
			rest = rest[h.size+h.body:]
		}
	})
}

// A call and its answer on their whole way cost no memory.
func TestNoAllocationOnTheWay(t *testing.T) {
	c, err := compile(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	a, h := pair(t), pair(t)
	defer a[1].Close()
	defer h[1].Close()
	if _, err := loop.Join(detach(t, a[0]), detach(t, h[0]), &conn{state: newState(c, newFamily(nil), nil)}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
	app, host := int(a[1].Fd()), int(h[1].Fd())
	room := make([]byte, 4096)
	say := func(from, to int, b []byte) {
		unix.Write(from, b)
		for n := 0; n < len(b); {
			got, err := unix.Read(to, room)
			if got <= 0 || err != nil {
				t.Fatal(got, err)
			}
			n += got
		}
	}
	say(app, host, []byte(greeted))
	say(host, app, []byte("OK\r\n"))
	call := bus.ToBus("GetId", 1).Bytes()
	answer := bus.Message{Type: bus.Return, Serial: 1, ReplySerial: 1, Sender: bus.Name, Signature: "s", Body: bus.String("id")}.Bytes()
	if n := testing.AllocsPerRun(2000, func() {
		say(app, host, call)
		say(host, app, answer)
	}); n > 0 {
		t.Errorf("%v allocations a call", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
