package bus_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
	"snug/tests/bus"
)

// broker starts snug-broker before the bus, and gives the socket that it serves.
func (w *world) broker(options ...string) string {
	w.Helper()
	return w.brokerWith(func(*exec.Cmd) {}, options...)
}

// brokerWith is broker with a word on how it is started.
func (w *world) brokerWith(change func(*exec.Cmd), options ...string) string {
	w.Helper()
	path := fmt.Sprintf("%s/%d", w.Dir, time.Now().UnixNano())
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.Fatal(err)
	}
	listener := os.NewFile(uintptr(fd), path)
	defer listener.Close()
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		w.Fatal(err)
	}
	if err := unix.Listen(fd, 100); err != nil {
		w.Fatal(err)
	}
	cmd := w.Command(append([]string{bed.Built(w, "snug-broker"), "--bus=session", "--listen=3", "--socket=" + w.bus}, options...)...)
	cmd.ExtraFiles = []*os.File{listener}
	change(cmd)
	w.Launch(cmd)
	return path
}

// uint is the body of an answer with a number.
func uint(n byte) string { return "return u " + fmt.Sprintf("%02x000000", n) }

// TestPrivate plays a desktop program and its second start behind one broker, while a program of the
// same name runs outside.
func TestPrivate(t *testing.T) {
	w := newWorld(t)
	path := w.broker("--private=com.example.App.*", "--own=com.example.App.Public")
	twin := w.serve("App") // outside, and before the others
	first, second, stranger := w.Dial(path), w.Dial(path), w.Dial(w.broker("--private=com.example.App.*"))

	ask := func(who string, c *bus.Conn, m bus.Message, want string) {
		t.Helper()
		if got := words(w.ask(c, m), nil); got != want {
			t.Errorf("%s, %s%q: %s, want %s", who, m.Member, m.Strings(), got, want)
		}
	}
	about := func(member string) bus.Message { return bus.ToBus(member, 0, "com.example.App") }
	call := bus.Message{Type: bus.Call, Path: "/x", Interface: "a.b", Member: "Do", Destination: "com.example.App"}

	// The twin outside is not there.
	ask("first", first, about("NameHasOwner"), "return b 00000000")
	ask("first", first, about("GetNameOwner"), "error NameHasNoOwner")
	ask("first", first, call, "error ServiceUnknown")
	// Control: without the filter it is.
	ask("tester", w.tester, about("NameHasOwner"), "return b 01000000")

	ask("first", first, bus.RequestName("com.example.App", 0), uint(1))
	ask("first", first, bus.RequestName("com.example.App", 0), uint(4))
	ask("second", second, bus.RequestName("com.example.App", 0), uint(3))
	ask("second", second, about("NameHasOwner"), "return b 01000000")
	ask("second", second, about("GetNameOwner"), "return "+first.Unique)
	ask("second", second, about("ReleaseName"), uint(3))
	ask("second", second, bus.Message{Type: bus.Call, Path: "/org/freedesktop/DBus", Interface: bus.Name, Member: "StartServiceByName",
		Destination: bus.Name, Signature: "su", Body: bus.RequestName("com.example.App", 0).Body}, uint(2))
	ask("tester", w.tester, about("GetNameOwner"), "return "+twin.Unique)

	// A message to the name arrives at its owner, with its descriptors, and is answered.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	open := call
	open.Signature, open.Body, open.FDs, open.Count, open.Serial = "hs", "\x00\x00\x00\x00"+bus.String("a file"), []int{int(write.Fd())}, 1, 900
	for _, big := range []bool{false, true} {
		open.Big = big
		open.Serial++
		if big {
			open.Signature, open.Body = "h", "\x00\x00\x00\x00"
		}
		if err := second.Send(open); err != nil {
			t.Fatal(err)
		}
		got := nextCall(t, first)
		if got.Sender != second.Unique || got.Destination != first.Unique || got.Member != "Do" || len(got.FDs) != 1 || got.Body != open.Body {
			t.Errorf("big %v: the owner got %+v", big, got)
		}
		for _, fd := range got.FDs {
			unix.Close(fd)
		}
		first.Send(bus.Message{Type: bus.Return, Serial: 500 + open.Serial, ReplySerial: got.Serial, Destination: got.Sender, Signature: "s", Body: bus.String("done")})
		if m, err := second.Answer(open.Serial); words(m, err) != "return done" {
			t.Errorf("big %v: %s", big, words(m, err))
		}
	}
	if len(twin.got) != 0 {
		t.Errorf("the twin outside heard %+v", twin.got)
	}

	// Those of another sandbox are strangers; so is its name.
	ask("stranger", stranger, bus.RequestName("com.example.App", 0), uint(1))
	toFirst := call
	toFirst.Destination = first.Unique
	ask("stranger", stranger, toFirst, "error NameHasNoOwner")

	// What may be owned on the bus is owned there.
	ask("first", first, bus.RequestName("com.example.App.Public", 0), uint(1))
	ask("tester", w.tester, bus.ToBus("GetNameOwner", 0, "com.example.App.Public"), "return "+first.Unique)

	// The name goes with its owner.
	ask("first", first, about("ReleaseName"), uint(1))
	ask("first", first, about("ReleaseName"), uint(2))
	ask("second", second, bus.RequestName("com.example.App", 0), uint(1))
	second.Close()
	for range 500 {
		if words(w.ask(first, about("NameHasOwner")), nil) == "return b 00000000" {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the name of a connection that has ended has an owner")
}

// nextCall waits for a call, and leaves out news of names.
func nextCall(t *testing.T, c *bus.Conn) bus.Message {
	t.Helper()
	for {
		m, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == bus.Call {
			return m
		}
	}
}
