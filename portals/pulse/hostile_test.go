package pulse

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// What an app does wrong ends the connection that it does it on, and no other.
func TestBreach(t *testing.T) {
	for name, frame := range map[string][]byte{
		"no tag":                 append(binary.BigEndian.AppendUint32(nil, 5), append(begin(nil, 0, 0)[4:headSize], 'L', 0, 0, 0, 13)...),
		"values of another":      finish(text(begin(nil, cmdDeletePlayback, 1), []byte("x"))),
		"more values":            finish(number(begin(nil, cmdStat, 1), 1)),
		"text without end":       finish(append(begin(nil, 10, 1), 't', 'x')),
		"a property too long":    finish(append(begin(nil, cmdSetClientName, 1), "Ptx\x00L\xff\xff\xff\xffx\xff\xff\xff\xff"...)),
		"a server's command":     finish(number(number(begin(nil, 61, 1), 0), 100)),
		"an answer":              finish(begin(nil, cmdReply, 1)),
		"a ring":                 finish(begin(nil, 101, 1)),
		"memory":                 finish(number(begin(nil, 103, 1), 1)),
		"a packet too long":      append(binary.BigEndian.AppendUint32(nil, maxPacket+1), begin(nil, 0, 0)[4:]...),
		"sound too long":         sound(0, maxSound+1)[:100],
		"4 GiB of sound":         append([]byte{255, 255, 255, 255}, sound(0, 1)[4:]...),
		"sound in shared memory": append(append(sound(0, 24)[:16], 0x80, 0, 0, 0), make([]byte, 24)...),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, Policy{Play: true})
			a, other := b.app(), b.app()
			wantReply(t, other.ask(cmdCreatePlayback, playback("")))
			a.c.Write(frame)
			if p := a.read(); p != nil {
				t.Errorf("got %d", p.command)
			}
			wantReply(t, other.ask(cmdStat, nil))
		})
	}
}

// An app has so many streams, on all its connections, and again when they have ended.
func TestManyStreams(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	one, two := b.app(), b.app()
	for i := range maxStreams {
		wantReply(t, []*app{one, two}[i%2].ask(cmdCreatePlayback, playback("")))
	}
	wantError(t, one.ask(cmdCreatePlayback, playback("")), tooLarge)
	wantReply(t, two.ask(cmdDeletePlayback, number(nil, 3)))
	wantReply(t, one.ask(cmdCreatePlayback, playback("sink")))
	wantError(t, one.ask(cmdCreatePlayback, playback("sink")), tooLarge)
	for range 5 {
		wantError(t, one.ask(cmdCreatePlayback, playback("nowhere")), tooLarge)
	}
	two.c.Close()
	bedWait(t, "there is room", func() bool { return one.ask(cmdCreatePlayback, playback("")).command == cmdReply })
}

// So many samples at a time, too.
func TestManySamples(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	a := b.app()
	sample := append(append(text(number(nil, none), nil), value('L', 0)...), append(text(nil, []byte("bell")), 'P', 'N')...)
	for range maxSamples {
		wantReply(t, a.ask(18, sample))
	}
	wantError(t, a.ask(18, sample), tooLarge)
}

// Sound for channels that the app has not is left out, and what is refused among it answered in order.
func TestWrongChannels(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	a := b.app()
	wantReply(t, a.ask(cmdCreatePlayback, playback("")))
	for i := range 50 {
		a.c.Write(sound(uint32(i), 1000+i))
		a.send(51, nil)
	}
	for i := range 50 {
		p := a.read()
		if wantError(t, p, accessDenied); p.tag != a.last-49+uint32(i) {
			t.Fatalf("got tag %d", p.tag)
		}
	}
	wantReply(t, a.ask(cmdStat, nil))
	b.fake.set(func() {
		if b.fake.sound != 1000 {
			t.Errorf("%d bytes of sound", b.fake.sound)
		}
	})
}

// The same tag for all.
func TestTags(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	a := b.app()
	for _, tag := range []uint32{0, 1, none, 1 << 31} {
		a.last = tag - 1
		first := a.send(cmdGetClientInfo+1, nil)
		a.last = tag - 1
		a.send(51, nil)
		a.last = tag - 1
		a.send(20, nil)
		errors, replies := 0, 0
		for range 3 {
			p := a.read()
			if p == nil || p.tag != first {
				t.Fatalf("got %+v", p)
			}
			if p.command == cmdError {
				errors++
			} else {
				replies++
			}
		}
		if errors != 1 || replies != 2 {
			t.Errorf("%d errors, %d replies", errors, replies)
		}
	}
}

// An app that asks and asks, and never reads: it is not read any more, and what is kept is little.
func TestNeverReading(t *testing.T) {
	for name, request := range map[string][]byte{
		"refused":  finish(begin(nil, 51, 1)),
		"passed":   finish(begin(nil, cmdGetSourceInfo+1, 1)),
		"lists":    finish(begin(nil, cmdGetClientInfo+1, 1)),
		"property": finish(append(property(append(begin(nil, cmdSetClientName, 1), 'P'), "media.name", make([]byte, 1000)), 'N')),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, Policy{Play: true, Record: "allow"})
			a, other := b.app(), b.app()
			before := heap()
			a.c.SetWriteDeadline(time.Now().Add(time.Second))
			flood, sent := bytes.Repeat(request, 1000), 0
			for {
				n, err := a.c.Write(flood)
				if sent += n; err != nil {
					break
				}
			}
			b.fake.set(func() { b.fake.seen = nil })
			if grown := heap() - before; grown > 4<<20 {
				t.Errorf("%d bytes were taken, and the heap grew by %d", sent, grown)
			}
			wantReply(t, other.ask(cmdStat, nil))
		})
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A thousand connections: eight are served, others wait until one of them has ended.
func TestManyConnections(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	var conns []*net.UnixConn
	for range 1000 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: b.path})
		f := os.NewFile(uintptr(fd), "app")
		c, failed := net.FileConn(f)
		f.Close()
		if failed == nil && err == nil {
			conns = append(conns, c.(*net.UnixConn))
			c.Write(finish(append(begin(nil, cmdAuth, 1), auth(35)...)))
		}
	}
	time.Sleep(100 * time.Millisecond)
	b.fake.set(func() {
		if len(b.fake.conns) != maxConnections {
			t.Errorf("the server has %d connections", len(b.fake.conns))
		}
	})
	for _, c := range conns {
		c.Close()
	}
	wantReply(t, b.app().ask(cmdStat, nil))
}

// Half a frame, and then nothing: others go on, and nothing is left when it ends.
func TestHalfFrames(t *testing.T) {
	b := newBed(t, Policy{Play: true})
	other := b.app()
	files := descriptors(t)
	for i := range 200 {
		a := b.app()
		wantReply(t, a.ask(cmdCreatePlayback, playback("")))
		block := sound(0, 5000)
		a.c.Write(block[:25*i])
		if i%2 == 0 {
			wantReply(t, other.ask(cmdGetInputInfo+1, nil))
		}
		a.c.Close()
		bedWait(t, "the connection has ended", func() (ended bool) {
			b.fake.set(func() { ended = b.fake.alive == 1 })
			return ended
		})
	}
	b.fake.set(func() {
		for _, c := range b.fake.conns[1:] {
			c.Close()
		}
	})
	if now := descriptors(t); now > files {
		t.Errorf("%d descriptors before, %d after", files, now)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A server's answer that is too long is an error, and what comes behind it is read well.
func TestLongAnswer(t *testing.T) {
	b := newBed(t, Policy{})
	b.fake.set(func() {
		b.fake.answer = func(c *net.UnixConn, p *packet) bool {
			if p.command == 22 {
				c.Write(finish(append(begin(nil, cmdReply, p.tag), make([]byte, 1<<20)...)))
			}
			return p.command == 22
		}
	})
	a := b.app()
	wantError(t, a.ask(22, nil), tooLarge)
	wantReply(t, a.ask(cmdStat, nil))
}

// FuzzJudge: whatever an app says, a server hears only what the policy allows, in whole frames; and whatever
// the server says, the app hears whole frames.
func FuzzJudge(f *testing.F) {
	frames := func(list ...[]byte) (b []byte) {
		for _, l := range list {
			b = append(b, finish(l)...)
		}
		return b
	}
	f.Add(frames(begin(nil, 51, 2), append(begin(nil, cmdCreatePlayback, 3), playback("")...)), frames(number(number(begin(nil, cmdReply, 3), 0), 7)))
	f.Add(frames(append(begin(nil, cmdCreateRecord, 2), record(none, "mic")...)), frames(begin(nil, cmdError, 2)))
	f.Add(append(frames(append(begin(nil, cmdCreatePlayback, 2), playback("")...)), sound(0, 40)...), append(frames(number(number(begin(nil, cmdReply, 2), 0), 7)), sound(0, 5)...))
	f.Add(frames(begin(nil, 24, 1), begin(nil, 20, 1), append(begin(nil, 23, 1), 'L', 0, 0, 0, 1, 'N')), frames(begin(nil, cmdReply, 2), begin(nil, cmdReply, 3)))
	f.Fuzz(func(t *testing.T, app, host []byte) {
		if len(app) > 32<<10 || len(host) > 32<<10 {
			return
		}
		toHost, toApp := play(t, app, host)
		for side, text := range map[string][]byte{"server": toHost, "app": toApp} {
			for len(text) >= headSize {
				h := readHead(text)
				if err := h.check(16 << 20); err != nil {
					t.Fatalf("the %s hears %q: %v", side, text, err)
				}
				size := headSize + int(h.length)
				if len(text) < size {
					break // the connection has ended there
				}
				if h.channel == noChannel {
					var p packet
					if err := p.read(text[:size]); err != nil {
						t.Fatalf("the %s hears %q", side, text[:size])
					}
					if r := ruleOf(p.command); side == "server" && p.command != cmdAuth && (r == nil || r.kind != ask || r.need == never || r.need == mixing) {
						t.Fatalf("the server hears command %d", p.command)
					}
				}
				text = text[size:]
			}
		}
	})
}

// play lets an app that has been greeted and its server say something, and gives what each has heard.
func play(t *testing.T, app, host []byte) (toHost, toApp []byte) {
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	var ends [2][2]int
	for i := range ends {
		if ends[i], err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(ends[i][1])
	}
	c := newConn(newFamily(Server{Policy: Policy{Play: true, Record: "ask"}}, loop), 1, -1)
	if _, err := loop.Join(ends[0][0], ends[1][0], c); err != nil {
		t.Fatal(err)
	}
	run := func() {
		ctx, stop := context.WithCancel(context.Background())
		loop.After(0, func() { loop.After(0, stop) })
		if err := loop.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
	room := make([]byte, 256<<10)
	heard := func(fd int) []byte {
		n, _ := unix.Read(fd, room)
		return bytes.Clone(room[:max(n, 0)])
	}
	unix.Write(ends[0][1], finish(append(begin(nil, cmdAuth, 1), auth(35)...)))
	run()
	heard(ends[1][1])
	unix.Write(ends[1][1], finish(number(begin(nil, cmdReply, 1), 35)))
	run()
	heard(ends[0][1])
	if c.version != 35 {
		t.Fatal("no greeting")
	}
	unix.Write(ends[0][1], app)
	run()
	toHost = heard(ends[1][1])
	unix.Write(ends[1][1], host)
	run()
	toApp = heard(ends[0][1])
	run()
	return append(toHost, heard(ends[1][1])...), append(toApp, heard(ends[0][1])...)
}
