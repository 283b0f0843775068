package bus_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals"
	"snug/tests/bus"
)

const (
	desktop     = "org.freedesktop.portal.Desktop"
	desktopPath = "/org/freedesktop/portal/desktop"
)

// TestBackground asks the portal Background through a broker: the portal never hears of it, who
// started the broker does, and the app gets its answer as from the portal.
func TestBackground(t *testing.T) {
	w := newWorld(t)
	portal := w.Dial(w.bus)
	portal.SetDeadline(time.Time{})
	if m := w.ask(portal, bus.RequestName(desktop, 0)); m.Type != bus.Return {
		t.Fatalf("%+v", m)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, its := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "its")
	defer ours.Close()
	path := w.brokerWith(func(cmd *exec.Cmd) { cmd.ExtraFiles = append(cmd.ExtraFiles, its) },
		"--background=4", "--call="+desktop+"=org.freedesktop.portal.Settings.*@"+desktopPath)
	its.Close()
	app := w.Dial(path)

	asked := make(chan string, 1)
	grant := func(answer string) {
		packet := make([]byte, 1000)
		n, err := ours.Read(packet)
		asked <- string(packet[:max(n, 0)])
		if err == nil && answer != "" {
			ours.Write([]byte(answer))
		}
	}
	for _, tt := range []struct {
		name, to, answer, command string
		on                        bool
		want                      string
	}{
		{"by name", desktop, "1", "app\x00--hidden", true, "0 true"},
		{"by the owner's unique name", portal.Unique, "1", "", true, "0 true"},
		{"refused", desktop, "0", "", true, "2 false"},
		{"off", desktop, "1", "", false, "0 false"},
		{"no answer", desktop, "", "", true, "2 false"},
	} {
		go grant(tt.answer)
		call := background(tt.to, tt.on, tt.command)
		call.Serial = app.Serial + 1
		app.Serial++
		if err := app.Send(call); err != nil {
			t.Fatal(err)
		}
		reply, err := app.Answer(call.Serial)
		handle := desktopPath + "/request/" + strings.ReplaceAll(app.Unique[1:], ".", "_") + "/tok"
		if err != nil || reply.Type != bus.Return || reply.Sender != portal.Unique || reply.Signature != "o" || reply.Body != bus.String(handle) {
			t.Fatalf("%s: %+v, %v", tt.name, reply, err)
		}
		response, err := app.Next()
		if err != nil || response.Type != bus.Signal || response.Member != "Response" || response.Path != handle || response.Sender != portal.Unique {
			t.Fatalf("%s: %+v, %v", tt.name, response, err)
		}
		if got := outcomeOf(response.Body); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		a, err := portals.ParseAutostart([]byte(<-asked))
		if err != nil || a.On != tt.on || strings.Join(a.Command, "\x00") != tt.command {
			t.Errorf("%s: asked for %v, %v", tt.name, a, err)
		}
	}
	bad := background(desktop, true, "")
	bad.Body = bad.Body[:len(bad.Body)-4]
	if m := w.ask(app, bad); words(m, nil) != "error InvalidArgs" {
		t.Errorf("a body that is cut off: %s", words(m, nil))
	}
	if m := w.ask(app, bus.Message{Type: bus.Call, Path: desktopPath, Interface: "org.freedesktop.portal.Background", Member: "SetStatus", Destination: desktop}); words(m, nil) != "error AccessDenied" {
		t.Errorf("another call: %s", words(m, nil))
	}
}

// background is a call of RequestBackground.
func background(to string, on bool, command string) bus.Message {
	b := body{}
	b.string("")
	length := b.array(8)
	b.align(8)
	b.string("handle_token")
	b.raw("\x01s\x00")
	b.string("tok")
	b.align(8)
	b.string("autostart")
	b.raw("\x01b\x00")
	truth := byte(0)
	if on {
		truth = 1
	}
	b.align(4)
	b.raw(string([]byte{truth, 0, 0, 0}))
	if command != "" {
		b.align(8)
		b.string("commandline")
		b.raw("\x02as\x00")
		inner := b.array(4)
		for word := range strings.SplitSeq(command, "\x00") {
			b.string(word)
		}
		b.end(inner)
	}
	b.end(length)
	return bus.Message{Type: bus.Call, Path: desktopPath, Interface: "org.freedesktop.portal.Background", Member: "RequestBackground",
		Destination: to, Signature: "sa{sv}", Body: string(b.b)}
}

// body is a little-endian body that is being written.
type body struct{ b []byte }

func (b *body) raw(s string) { b.b = append(b.b, s...) }

func (b *body) align(to int) {
	for len(b.b)%to != 0 {
		b.b = append(b.b, 0)
	}
}

func (b *body) string(s string) {
	b.align(4)
	b.raw(bus.String(s))
}

// array begins an array, and gives where it begins.
func (b *body) array(alignment int) (start int) {
	b.align(4)
	b.raw("\x00\x00\x00\x00")
	at := len(b.b)
	b.align(alignment)
	return at<<16 | len(b.b)
}

func (b *body) end(start int) {
	n := len(b.b) - start&0xffff
	copy(b.b[start>>16-4:], []byte{byte(n), byte(n >> 8), 0, 0})
}

// outcomeOf reads the response and the value of autostart from a signal's body.
func outcomeOf(b string) string {
	at := strings.Index(b, "autostart\x00\x01b\x00")
	if at < 0 {
		return "no autostart"
	}
	end := (at + len("autostart\x00\x01b\x00") + 3) &^ 3
	return string('0'+b[0]) + " " + map[byte]string{0: "false", 1: "true"}[b[end]]
}
