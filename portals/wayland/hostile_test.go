package wayland

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// What a hostile client does hurts its own connection.

// A thousand connections, in turns and at once, leave nothing behind.
func TestManyConnections(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	fds, routines := count(t), runtime.NumGoroutine()
	for i := range 1000 {
		a, h := b.pair()
		switch i % 4 {
		case 0:
			a.say(asksRegistry(reg)[:i%12+1], 2, 2)
		case 1:
			a.say(join(asksRegistry(reg), binds(reg, 1, capture, 1, 3)), 2)
		case 2:
			h.say(announced(reg, 1, "wl_shm", 1)[:5], 2)
		}
		a.Close()
		if _, err := io.Copy(io.Discard, h); err != nil && !errors.Is(err, unix.ECONNRESET) { // it had not read all
			t.Fatal(err)
		}
		h.Close()
	}
	app.passes(host, other(7, 1))
	if now := count(t); now != fds {
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
	if now := runtime.NumGoroutine(); now > routines {
		t.Errorf("%d goroutines before, %d after", routines, now)
	}

	var crowd []*peer
	for range 1000 {
		crowd = append(crowd, b.dial())
	}
	app.passes(host, other(7, 2))
	in := 0
	for {
		b.host.SetDeadline(time.Now().Add(200 * time.Millisecond))
		h, err := b.host.AcceptUnix()
		if err != nil {
			break
		}
		defer h.Close()
		in++
	}
	if in != maxConnections-1 {
		t.Errorf("%d got in beside the first", in)
	}
	for _, a := range crowd {
		a.Close()
	}
}

// A client that does not read is not read for: the compositor notices by its own full socket, and the
// filter's memory does not grow.
func TestNeverReads(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	_ = app
	event := newMessage(7, 3, make([]uint32, 1000)...).done()
	before, sent := heap(), 0
	host.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	for {
		n, err := host.Write(event)
		sent += n
		if err != nil {
			break
		}
	}
	if sent > 2<<20 {
		t.Errorf("%d bytes went to an app that does not read", sent)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	other, host2 := b.begun()
	other.passes(host2, asksRegistry(50))
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A flood of descriptors ends the connection that it came by, and all of them are closed.
func TestDescriptorFlood(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	fds := count(t)
	flood := make([]int, 253)
	for i := range flood {
		flood[i] = 2
	}
	for name, say := range map[string][]byte{
		"more than bytes":    newMessage(7, 3).done(),
		"with half a header": newMessage(7, 3).done()[:1],
	} {
		app, host := b.pair()
		for range 6 {
			if _, _, err := app.WriteMsgUnix(say, unix.UnixRights(flood...), nil); err != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		go io.Copy(io.Discard, app)
		room := make([]byte, 4096)
		for {
			host.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, _, _, _, err := host.ReadMsgUnix(room, nil)
			if err == io.EOF || n == 0 {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		app.Close()
		host.Close()
	}
	app, host := b.begun()
	app.Close()
	host.Close()
	time.Sleep(20 * time.Millisecond)
	if now := count(t); now > fds {
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
}

// Messages on their way cost no memory.
func TestNoAllocationOnTheWay(t *testing.T) {
	v, err := compile(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	var ends [2][2]int
	for i := range ends {
		if ends[i], err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		unix.SetNonblock(ends[i][0], true)
		defer unix.Close(ends[i][1])
	}
	if _, err := loop.Join(ends[0][0], ends[1][0], newConn(v, log{}, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
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
	up, down := join(other(9, 1), newMessage(theDisplay, 0, 11).done()), join(newMessage(11, 0, 1).done(), freed(11))
	say(ends[0][1], ends[1][1], asksRegistry(reg))
	if n := testing.AllocsPerRun(2000, func() {
		say(ends[0][1], ends[1][1], up)
		say(ends[1][1], ends[0][1], down)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An app makes as many registries as it likes, on as many connections: what is kept of them is bounded.
func TestRegistryFlood(t *testing.T) {
	v, err := compile(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	r := &run{link: &relay.Link{}, from: relay.App}
	var crowd []*conn
	for range maxConnections {
		c := newConn(v, log{}, 1)
		c.flows[relay.Host] = flow{1, true} // so that its end waits
		crowd = append(crowd, c)
		for id := uint32(2); id < maxObjects && c.follow(r, id, registry) == nil && c.fault == nil; id++ {
		}
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, c := range crowd {
		c.Closed(nil)
	}
	if c := newConn(v, log{}, 1); c.follow(r, 2, registry) != nil || c.fault != nil {
		t.Error("those that have gone count")
	}
}
