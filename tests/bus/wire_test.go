package bus_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/dbus"
	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

var talkPolicy = dbus.Policy{Talk: []string{"com.example.Talk"}, See: []string{"com.example.See"}}

// Answers come in the order and with the serials of the calls, refused ones among others.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	c := w.Dial(w.serveOurs(talkPolicy))
	var want []string
	var all []byte
	for i, serial := range []uint32{1<<32 - 1, 1<<32 - 65536, 500, 400, 300, 2} { // also decreasing, also the last
		for j, call := range []bus.Message{
			bus.ToBus("GetNameOwner", 0, "com.example.Talk"), bus.ToBus("GetNameOwner", 0, "com.example.Hidden"),
			bus.ToBus("NameHasOwner", 0, "com.example.Hidden"), bus.ToBus("ListNames", 0), bus.ToBus("Nonsense", 0),
			{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Hidden"},
		} {
			call.Serial = serial - uint32(j*7)
			call.Big = call.Body == "" && i%2 == 1
			if call.Serial == 0 || call.Serial > serial {
				continue
			}
			all = append(all, call.Bytes()...)
			want = append(want, strconv.FormatUint(uint64(call.Serial), 10))
		}
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < len(want) {
		m, err := c.Next()
		if err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		if m.ReplySerial > 0 {
			got = append(got, strconv.FormatUint(uint64(m.ReplySerial), 10))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("want %v\ngot  %v", want, got)
	}
}

// sd-bus and zbus say everything at once.
func TestPipelined(t *testing.T) {
	w := newWorld(t)
	for _, p := range []dbus.Policy{talkPolicy, {Talk: []string{"com.example.*"}}, {}, {Everything: true}} {
		behind := append(bus.ToBus("Hello", 1).Bytes(), bus.ToBus("GetId", 2).Bytes()...)
		behind = append(behind, bus.Message{Type: bus.Call, Serial: 3, Path: "/", Member: "Do", Destination: w.services["Talk"].Unique}.Bytes()...)
		c, err := bus.Pipeline(w.serveOurs(p), behind)
		if err != nil {
			t.Fatal(err)
		}
		for serial := uint32(1); serial <= 3; serial++ {
			m, err := c.Answer(serial)
			denied := serial == 3 && p.Talk == nil && !p.Everything
			if err != nil || (m.Type == bus.Error) != denied {
				t.Errorf("%+v: %d: %+v, %v", p, serial, m, err)
			}
		}
		c.Close()
	}
}

// A filter before a filter before a filter, each with less.
func TestNesting(t *testing.T) {
	w := newWorld(t)
	path := w.bus
	for _, name := range []string{"com.example.*", "com.example.Talk", "com.example.Talk"} {
		path = w.filter(bed.Built(t, "snug-dbus-proxy"), path, "--filter", "--talk="+name)
	}
	c := w.Dial(path)
	if m := w.ask(c, bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Talk"}); m.Type != bus.Return {
		t.Errorf("%+v", m)
	}
	if m := w.ask(c, bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: w.services["Talk"].Unique}); m.Type != bus.Return {
		t.Errorf("%+v", m)
	}
	if m := w.ask(c, bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Rules"}); m.Type != bus.Error {
		t.Errorf("%+v", m)
	}
	if m := w.ask(c, bus.ToBus("ListNames", 0)); !slices.Contains(m.Strings(), "com.example.Talk") || slices.Contains(m.Strings(), "com.example.Rules") {
		t.Errorf("%q", m.Strings())
	}
	if m := w.ask(c, bus.ToBus("NameHasOwner", 0, "com.example.Rules")); m.Signature != "b" || m.Body != "\x00\x00\x00\x00" {
		t.Errorf("%+v", m)
	}
}

// Descriptors go with their message, both ways, and nothing of them stays here.
func TestDescriptors(t *testing.T) {
	w := newWorld(t)
	c := w.Dial(w.serveOurs(talkPolicy))
	w.ask(c, bus.ToBus("GetId", 0))
	before := files(t)
	for _, many := range []int{0, 1, 16} { // 16 is what the session bus's own limit allows
		call := bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Talk", Count: uint32(many), FDs: slices.Repeat([]int{2}, many)}
		m := w.ask(c, call)
		if m.Type != bus.Return || len(m.FDs) != many {
			t.Errorf("%d descriptors: %d back, %+v", many, len(m.FDs), m)
		}
		for _, fd := range m.FDs {
			unix.Close(fd)
		}
		call.Destination = "com.example.Hidden"
		if m := w.ask(c, call); m.Type != bus.Error {
			t.Errorf("%+v", m)
		}
	}
	if after := files(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	c.Serial++
	m := bus.ToBus("GetId", c.Serial)
	m.FDs = []int{2} // none is claimed
	if err := c.Send(m); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Answer(c.Serial + 1); err == nil {
		t.Errorf("a descriptor that no message claims does not end the connection: %+v", m)
	}
}

// files counts the descriptors of this process that are sockets or pipes or whatever: all.
func files(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// 253 descriptors pass where the bus allows them.
func TestManyDescriptors(t *testing.T) {
	w := newWorld(t)
	config := w.Dir + "/config"
	path := w.Dir + "/large"
	text := `<busconfig><type>session</type><listen>unix:path=` + path + `</listen><auth>EXTERNAL</auth>
	<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
	<limit name="max_message_unix_fds">253</limit><limit name="max_incoming_unix_fds">1000</limit><limit name="max_outgoing_unix_fds">1000</limit></busconfig>`
	bed.Write(t, config, text)
	w.serves(path, "dbus-daemon", "--nofork", "--nopidfile", "--config-file="+config)
	w.bus = path
	w.services["Talk"] = w.serve("Talk")
	c := w.Dial(w.serveOurs(talkPolicy))
	m := w.ask(c, bus.Message{Type: bus.Call, Path: "/", Member: "Do", Destination: "com.example.Talk", Count: 253, FDs: slices.Repeat([]int{2}, 253)})
	if m.Type != bus.Return || len(m.FDs) != 253 {
		t.Errorf("%d descriptors back, %+v", len(m.FDs), m)
	}
	for _, fd := range m.FDs {
		unix.Close(fd)
	}
}

// A reply passes once, and to who has called.
func TestRepliesOnce(t *testing.T) {
	w := newWorld(t)
	c := w.Dial(w.serveOurs(talkPolicy))
	peer := w.Dial(w.bus)
	peer.Serial++
	if err := peer.Send(bus.Message{Type: bus.Call, Serial: peer.Serial, Path: "/", Interface: "a.b", Member: "Ask", Destination: c.Unique}); err != nil {
		t.Fatal(err)
	}
	var call bus.Message
	for call.Member != "Ask" {
		var err error
		if call, err = c.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		reply := bus.Message{Type: bus.Return, Serial: uint32(50 + i), ReplySerial: call.Serial, Destination: peer.Unique, Signature: "s", Body: bus.String(fmt.Sprint(i))}
		if i == 0 {
			reply.Destination = w.services["Talk"].Unique
		}
		if err := c.Send(reply); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := peer.Answer(peer.Serial); err != nil || m.Body != bus.String("1") {
		t.Errorf("want the reply 1, got %+v, %v", m, err)
	}
	w.ask(c, bus.ToBus("GetId", 0))
	if m, err := peer.Ask(bus.ToBus("GetId", 0)); err != nil || m.Type != bus.Return {
		t.Errorf("%+v, %v", m, err)
	}
}

// A second call with a serial that waits for an answer could have its answer taken for the first's.
func TestSerialTwice(t *testing.T) {
	w := newWorld(t)
	c := w.Dial(w.serveOurs(talkPolicy))
	both := append(bus.ToBus("ListNames", 9).Bytes(), bus.ToBus("GetId", 9).Bytes()...)
	if _, err := c.Write(both); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := c.Next()
		if err != nil {
			break
		}
		if slices.Contains(m.Strings(), "com.example.Hidden") {
			t.Error("a list of names came through as another call's answer")
		}
	}
}

// A flood against a bus that does not read: the filter does not grow.
func TestFlood(t *testing.T) {
	need.Time(t)
	w := &world{Bed: bed.New(t)}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.Socket(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stop := make(chan struct{})
	go stalled(l, stop)
	defer close(stop)
	path := w.Dir + "/filter"
	filter := w.serves(path, bed.Built(t, "snug-dbus-proxy"), "unix:path="+w.Socket(), path, "--filter", "--talk=com.example.Talk")
	message := bus.Message{Type: bus.Signal, Serial: 1, Path: "/", Interface: "a.b", Member: "M", Destination: "com.example.Talk",
		Signature: "ay", Body: "\x00\x00\x10\x00" + strings.Repeat("x", 1<<20)}.Bytes()
	for range 8 {
		c, err := bus.Connect(path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		sent := 0
		for err == nil {
			var n int
			n, err = c.Write(message)
			sent += n
		}
		if sent > 4<<20 {
			t.Errorf("%d bytes were taken for a bus that does not read", sent)
		}
	}
	if kib := bed.Resident(filter.Process.Pid); kib > 16<<10 {
		t.Errorf("%d KiB are resident", kib)
	}
}

// stalled plays a bus that authenticates and then reads no more.
func stalled(l *net.UnixListener, stop chan struct{}) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			b := make([]byte, 200)
			for _, answer := range []string{"OK 00\r\n", "AGREE_UNIX_FD\r\n"} {
				if _, err := c.Read(b); err != nil {
					return
				}
				io.WriteString(c, answer)
			}
			<-stop
		}()
	}
}

// Connections leave nothing behind, however they end. LEAKRUNS says how many, 1,000 by default.
func TestNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	runs := 1000
	if n, err := strconv.Atoi(os.Getenv("LEAKRUNS")); err == nil {
		runs = n
	}
	path := w.serveOurs(talkPolicy)
	c := w.Dial(path)
	connection := func(i int) {
		c, err := bus.Dial(path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		switch i % 4 {
		case 0: // in the middle of a message, with descriptors
			c.WriteMsgUnix([]byte("l\x01\x00"), unix.UnixRights(2, 2), nil)
		case 1: // with an answer under way
			c.Send(bus.ToBus("ListNames", 5))
		case 2: // with nonsense
			c.Write([]byte("nonsense, and more of it than a header"))
		}
	}
	for i := range 100 {
		connection(i)
	}
	settle := func() (int, int, uint64) {
		time.Sleep(100 * time.Millisecond)
		w.ask(c, bus.ToBus("GetId", 0))
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return files(t), runtime.NumGoroutine(), m.HeapAlloc
	}
	fds, routines, heap := settle()
	for i := range runs {
		connection(i)
	}
	fdsNow, routinesNow, heapNow := settle()
	if fdsNow != fds || routinesNow != routines || heapNow > heap+512<<10 {
		t.Errorf("descriptors %d, then %d; goroutines %d, then %d; heap %d, then %d", fds, fdsNow, routines, routinesNow, heap, heapNow)
	}
}

// Real clients and their libraries: libdbus, GDBus, Python's binding of libdbus, sd-bus.
func TestClients(t *testing.T) {
	w := newWorld(t)
	path := w.filter(bed.Built(t, "snug-dbus-proxy"), w.bus, options...)
	address := "unix:path=" + path
	for _, c := range []struct{ program, words, want string }{
		{"dbus-send", "--bus=" + address + " --print-reply --dest=com.example.Talk /x a.b.Do", `string "did Do"`},
		{"dbus-send", "--bus=" + address + " --print-reply --dest=com.example.Hidden /x a.b.Do", "ServiceUnknown"},
		{"gdbus", "call -a " + address + " -d com.example.Talk -o /x -m a.b.Do", "('did Do',)"},
		{"gdbus", "call -a " + address + " -d com.example.See -o /x -m a.b.Do", "AccessDenied"},
		{"gdbus", "call -a " + address + " -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.ListNames", "com.example.Talk"},
		{"busctl", "--address=" + address + " call com.example.Talk /x a.b Do", `s "did Do"`},
		{"busctl", "--address=" + address + " call com.example.Hidden /x a.b Do", "not provided"},
	} {
		t.Run(c.program, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil && c.program == "busctl" {
				return // of systemd, which not every machine has
			}
			out, _ := exec.Command(need.Program(t, c.program), strings.Fields(c.words)...).CombinedOutput()
			if !strings.Contains(string(out), c.want) || strings.Contains(string(out), "com.example.Hidden'") {
				t.Errorf("%s %s: want %q, got\n%s", c.program, c.words, c.want, out)
			}
		})
	}
}
