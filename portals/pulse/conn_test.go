package pulse

import (
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The bits of shared memory are cleared both ways, and the cookie is the server's own.
func TestGreeting(t *testing.T) {
	b := newBed(t, Policy{})
	for _, tt := range []struct{ app, host, server, back uint32 }{{35, 35, 35, 35}, {99, 35, 40, 35}, {13, 13, 35, 35}, {35, 35, 20, 20}} {
		b.fake.set(func() {
			b.fake.seen = nil
			b.fake.answer = func(c *net.UnixConn, p *packet) bool {
				c.Write(finish(number(begin(nil, cmdReply, p.tag), tt.server|0xc0000000)))
				return true
			}
		})
		a := b.dial()
		p := a.ask(cmdAuth, auth(tt.app))
		if p == nil || p.command != cmdReply || !p.match("L", 0) || p.u32(0) != tt.back {
			t.Errorf("%+v: got %+v", tt, p)
		}
		want := number(nil, tt.host)
		want = append(binary.BigEndian.AppendUint32(append(want, 'x'), CookieSize), bytes.Repeat([]byte{7}, CookieSize)...)
		if saw := b.fake.saw(cmdAuth); len(saw) != 1 || !bytes.Equal(saw[0], want) {
			t.Errorf("%+v: the server saw %q", tt, saw)
		}
		a.c.Close()
	}
	b.fake.set(func() { b.fake.answer = nil })
	wantError(t, b.dial().ask(cmdAuth, auth(12)), 17)
	for name, frame := range map[string][]byte{
		"another command":     finish(begin(nil, cmdStat, 1)),
		"sound":               sound(0, 10),
		"a short cookie":      finish(append(number(begin(nil, cmdAuth, 1), 35), 'x', 0, 0, 0, 1, 0)),
		"shared memory":       append(binary.BigEndian.AppendUint32(nil, 0), 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0),
		"a packet of 100 KiB": append(binary.BigEndian.AppendUint32(nil, 100<<10), 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	} {
		a := b.dial()
		a.c.Write(frame)
		if p := a.read(); p != nil {
			t.Errorf("%s: got %d", name, p.command)
		}
	}
	a := b.app()
	if p := a.ask(cmdAuth, auth(35)); p != nil {
		t.Errorf("twice: got %d", p.command)
	}
}

// What is a connection's is all connections' of the app: browsers play on one and list on another.
func TestOwnOnAllConnections(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	one, two := b.app(), b.app()
	p := one.ask(cmdCreatePlayback, playback("sink"))
	wantReply(t, p)
	p.walk(body, "LL", 0)
	index := p.u32(1)
	list := two.ask(cmdGetInputInfo+1, nil)
	if want := text(number(nil, index), []byte("own")); !bytes.Equal(list.b[body:], want) {
		t.Errorf("got %q", list.b[body:])
	}
	if list := two.ask(cmdGetClientInfo+1, nil); !bytes.Equal(list.b[body:], append(text(number(nil, 101), []byte("own")), text(number(nil, 102), []byte("own"))...)) {
		t.Errorf("got %q", list.b[body:])
	}
	wantReply(t, two.ask(37, append(number(nil, index), value('v', 0)...)))
	wantError(t, two.ask(37, append(number(nil, foreign), value('v', 0)...)), noEntity)
	wantError(t, two.ask(41, truth(number(nil, 0), true)), noEntity) // a channel is the connection's
	one.c.Close()
	bedWait(t, "the stream is gone", func() bool { return two.ask(37, append(number(nil, index), value('v', 0)...)).command == cmdError })
	if saw := b.fake.saw(37); len(saw) > 100 {
		t.Errorf("%d", len(saw))
	}
}

func bedWait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

// A device is asked for by the server's own name; one that does not exist is none.
func TestDevices(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	a := b.app()
	wantError(t, a.ask(cmdCreatePlayback, playback("another app's recording")), noEntity)
	wantReply(t, a.ask(cmdCreatePlayback, playback("@DEFAULT_SINK@")))
	wantReply(t, a.ask(cmdCreatePlayback, playback("sink")))
	for i, want := range []string{"LNothing", "sink"} {
		saw := packet{b: append(begin(nil, 0, 0), b.fake.saw(cmdCreatePlayback)[i]...)}
		if !saw.match(playbackShape, 35) {
			t.Fatalf("the server saw %q", saw.b)
		}
		if got := saw.text(playName); i == 0 && got != nil || i == 1 && string(got) != want {
			t.Errorf("got device %q", got)
		}
		if saw.raw(playPassthrough, playPassthrough)[0] != '0' {
			t.Error("passthrough")
		}
	}
	encoded := playback("")
	encoded = append(encoded[:len(encoded)-len(value('F', 0))], append([]byte{'B', 1, 'f', 'B', 3}, value('P', 0)...)...)
	wantError(t, a.ask(cmdCreatePlayback, encoded), notSupported)
}

// What tells who the person is, and sources that are hidden.
func TestServerInfoAndSources(t *testing.T) {
	for _, tt := range []struct {
		Policy
		source, want, list string
	}{
		{Policy{Play: true}, "mic", "", ""},
		{Policy{Record: "allow"}, "mic", "mic", "mic"},
		{Policy{Record: "ask"}, "mic", "mic", "mic"},
		{Policy{Record: "allow"}, "sink.monitor", "", "mic"},
		{Policy{System: true}, "sink.monitor", "sink.monitor", "sink.monitor sneaky"},
		{Policy{System: true}, "mic", "", "sink.monitor sneaky"},
	} {
		b := newBed(t, tt.Policy)
		b.fake.set(func() { b.fake.source = tt.source })
		a := b.app()
		p := a.ask(20, nil)
		wantReply(t, p)
		if !p.match(serverShape, 35) || string(p.text(2)) != "-" || string(p.text(3)) != "-" || string(p.text(6)) != tt.want || string(p.text(5)) != "sink" {
			t.Errorf("%+v: got %q", tt, p.b[body:])
		}
		p = a.ask(cmdGetSourceInfo+1, nil)
		wantReply(t, p)
		var list []string
		for at := body; at < len(p.b); {
			s, end, ok := p.readSource(at, 35)
			if !ok {
				t.Fatal("not a source")
			}
			list = append(list, string(s.name))
			at = end
		}
		if got := strings.Join(list, " "); got != tt.list {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

// News of a stream may come before the answer that says whose it is.
func TestEvents(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	one, two := b.app(), b.app()
	wantReply(t, two.ask(cmdSubscribe, number(nil, 0xffff)))
	if saw := b.fake.saw(cmdSubscribe); binary.BigEndian.Uint32(saw[0][1:]) != maskFree {
		t.Errorf("subscribed to %q", saw)
	}
	b.fake.set(func() {
		b.fake.answer = func(c *net.UnixConn, p *packet) bool {
			if p.command != cmdCreatePlayback {
				return false
			}
			for _, e := range []thing{{facilityInput, 103}, {facilityInput, foreign}, {facilitySource, 1}, {4, 1}, {0, 1}} {
				b.fake.say(finish(number(number(begin(nil, cmdChanged, none), e.facility), e.index)))
			}
			time.Sleep(50 * time.Millisecond)
			return false
		}
	})
	p := one.ask(cmdCreatePlayback, playback(""))
	wantReply(t, p)
	events := func(count int) (got []thing) {
		for range count {
			p := two.read()
			if p == nil || p.command != cmdChanged || !p.match("LL", 0) {
				t.Fatalf("got %+v", p)
			}
			got = append(got, thing{p.u32(0), p.u32(1)})
		}
		return got
	}
	if got := events(2); got[0] != (thing{0, 1}) || got[1] != (thing{facilityInput, 103}) {
		t.Errorf("got %v", got)
	}
	b.fake.set(func() { b.fake.answer = nil })
	wantReply(t, one.ask(cmdDeletePlayback, number(nil, 0)))
	for _, index := range []uint32{foreign, 103} {
		b.fake.say(finish(number(number(begin(nil, cmdChanged, none), 0x20|facilityInput), index)))
	}
	if got := events(1); got[0] != (thing{0x20 | facilityInput, 103}) {
		t.Errorf("got %v", got)
	}
}

// A conversation whose every byte comes alone, both ways, is the same.
func TestSplit(t *testing.T) {
	b := newBed(t, Policy{Play: true, Record: "allow"})
	a := b.dial()
	var all []byte
	for i, p := range [][]byte{append(begin(nil, cmdAuth, 1), auth(35)...), append(begin(nil, cmdSetClientName, 2), 'P', 'N'),
		append(begin(nil, cmdCreatePlayback, 3), playback("sink")...), begin(nil, 51, 4), append(begin(nil, cmdCreateRecord, 5), record(none, "")...),
		begin(nil, cmdGetSourceInfo+1, 6), begin(nil, cmdGetInputInfo+1, 7)} {
		for j := range finish(p) {
			a.c.Write(p[j : j+1])
			if j%16 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		got := a.read()
		for got != nil && got.tag == none {
			got = a.read()
		}
		if got == nil || got.tag != uint32(i+1) || (got.command == cmdError) != (i == 3) {
			t.Fatalf("%d: got %+v", i, got)
		}
		all = append(all, got.b...)
	}
	block := sound(0, 1000)
	for i := range block {
		a.c.Write(block[i : i+1])
	}
	wantReply(t, a.ask(cmdStat, nil))
	b.fake.set(func() {
		if b.fake.sound != 1000 {
			t.Errorf("%d bytes of sound", b.fake.sound)
		}
	})
	reply := sound(0, 3000)
	go func() { // a socket holds only some hundred single bytes
		for i := range reply {
			b.fake.say(reply[i : i+1])
		}
	}()
	frame, err := readFrame(a.c)
	if err != nil || !bytes.Equal(frame, reply) {
		t.Errorf("got %d bytes, %v", len(frame), err)
	}
}

// Descriptors end in the filter.
func TestDescriptors(t *testing.T) {
	b := newBed(t, Policy{})
	a := b.app()
	if _, _, err := a.c.WriteMsgUnix(finish(begin(nil, cmdStat, 5)), unix.UnixRights(0, 1, 2), nil); err != nil {
		t.Fatal(err)
	}
	wantReply(t, a.read())
}

// What is refused is told with the grant that would allow it, what is played as well.
func TestLog(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	a := b.app()
	a.ask(51, append(text(nil, []byte("module-pipe-sink")), 'N'))
	a.ask(cmdCreateRecord, record(none, ""))
	a.ask(cmdCreateRecord, record(none, "sink.monitor"))
	a.ask(48, number(nil, foreign))
	a.ask(36, append(text(number(nil, 0), nil), value('v', 0)...))
	a.ask(cmdCreatePlayback, playback(""))
	a.ask(105, nil)
	for _, want := range []string{
		`"command":"LOAD_MODULE","what":"load a module","decision":"refuse","refused":true}`,
		`"what":"record","decision":"refuse","allow":"sound.record=ask","refused":true}`,
		`"what":"record","decision":"refuse","allow":"sound.system=true","refused":true}`,
		`"what":"kill another client","decision":"refuse","refused":true}`,
		`"what":"set the volume of a device","decision":"refuse","allow":"sound.mixer=true","refused":true}`,
		`"what":"play","decision":"pass"}`,
		`"what":"command 105","decision":"refuse","refused":true}`,
	} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("want %s in\n%s", want, b.log)
		}
	}
}

// A server that asks for credentials only after it has accepted, as PulseAudio does, gets those of the greeting.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/host", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := newBed(t, Policy{}, func(b *bed) { b.Server.Socket = dir + "/host" })
	a := b.dial()
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a.send(cmdAuth, auth(35))
	time.Sleep(50 * time.Millisecond)
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		t.Fatal(err)
	}
	text, oob := make([]byte, 1000), make([]byte, 100)
	c.SetDeadline(time.Now().Add(10 * time.Second))
	_, n, _, _, err := c.ReadMsgUnix(text, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages beside the greeting, %v", len(messages), err)
	}
	who, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil || int(who.Pid) != unix.Getpid() || int(who.Uid) != unix.Getuid() {
		t.Errorf("greeted by %+v, %v", who, err)
	}
}
