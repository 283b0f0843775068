package wayland

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	capture = "zwlr_screencopy_manager_v1"
	reg     = 2 // the app's registry
)

// begun is a connection whose app knows three globals: 1 wl_compositor 6, 3 wl_seat 7, and not 2.
func (b *bed) begun() (app, host *peer) {
	b.t.Helper()
	app, host = b.connect()
	app.say(asksRegistry(reg))
	host.hears(asksRegistry(reg))
	host.say(join(announced(reg, 1, "wl_compositor", 9), announced(reg, 2, capture, 3), announced(reg, 3, "wl_seat", 7)))
	app.hears(join(announced(reg, 1, "wl_compositor", 6), announced(reg, 3, "wl_seat", 7)))
	return app, host
}

func TestGlobals(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	for _, ok := range [][]byte{binds(reg, 1, "wl_compositor", 6, 3), binds(reg, 1, "wl_compositor", 1, 4), binds(reg, 3, "wl_seat", 7, 5)} {
		app.say(ok)
		host.hears(ok)
	}
	host.say(join(withdrawn(reg, 2), withdrawn(reg, 3), withdrawn(reg, 77)))
	app.hears(withdrawn(reg, 3))
	app.say(binds(reg, 3, "wl_seat", 7, 6)) // crosses its removal
	host.hears(binds(reg, 3, "wl_seat", 7, 6))
	if log := b.said.String(); !strings.Contains(log, `"what":"global `+capture+`","decision":"hide","allow":"display.allow=screencopy"`) ||
		!strings.Contains(log, `"what":"bind wl_seat 7","decision":"pass"`) {
		t.Error(log)
	}
}

// What an app may not bind ends its connection by the protocol's own error, and only that.
func TestRefusedBinds(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	other, host2 := b.begun()
	for name, bad := range map[string]struct {
		message []byte
		words   string
	}{
		"hidden":                    {binds(reg, 2, capture, 1, 3), "display.allow=screencopy shows it"},
		"never announced":           {binds(reg, 9, "wl_shm", 1, 3), `invalid global "wl_shm" (9)`},
		"right name, another's":     {binds(reg, 1, "wl_seat", 1, 3), `invalid global "wl_seat" (1)`},
		"hidden behind a good name": {binds(reg, 1, capture, 1, 3), "invalid global"},
		"good behind a hidden name": {binds(reg, 2, "wl_compositor", 1, 3), "invalid global"},
		"a zero byte in it":         {binds(reg, 1, "wl_compositor\x00x", 1, 3), "invalid global"},
		"too new":                   {binds(reg, 1, "wl_compositor", 7, 3), "there is 6"},
		"version 0":                 {binds(reg, 1, "wl_compositor", 0, 3), "invalid version 0"},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t = t
			app, host := b.begun()
			app.say(join(newMessage(9, 9).done(), bad.message, newMessage(8, 8).done()))
			host.hears(newMessage(9, 9).done())
			host.hangs()
			app.ends(reg, invalidObject, bad.words)
		})
	}
	other.say(binds(reg, 1, "wl_compositor", 6, 3))
	host2.hears(binds(reg, 1, "wl_compositor", 6, 3))
	if log := b.said.String(); !strings.Contains(log, `"what":"bind `+capture+` 1","decision":"refuse","allow":"display.allow=screencopy"`) {
		t.Error(log)
	}
}

// Every registry of a connection is one.
func TestSecondRegistry(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	app.say(asksRegistry(30))
	host.hears(asksRegistry(30))
	host.say(join(announced(30, 1, "wl_compositor", 9), announced(30, 2, capture, 3)))
	app.hears(announced(30, 1, "wl_compositor", 6))
	app.say(binds(30, 2, capture, 3, 31))
	app.ends(30, invalidObject, "hidden")
}

func TestMalformed(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	header := func(size uint32) []byte { return message{}.words(5, size<<16|3) }
	for name, bad := range map[string][]byte{
		"too short":          header(4),
		"nothing":            header(0),
		"odd":                append(header(10), 0, 0),
		"get_registry bare":  newMessage(theDisplay, getRegistry).done(),
		"get_registry of 0":  asksRegistry(0),
		"get_registry of 1":  asksRegistry(1),
		"the same again":     asksRegistry(reg),
		"the compositor's":   asksRegistry(firstOfIts),
		"bind bare":          newMessage(reg, bind).done(),
		"bind without end":   newMessage(reg, bind, 1, 400).done(),
		"bind of null":       newMessage(reg, bind, 1, 0, 1, 5).done(),
		"bind, a huge text":  newMessage(reg, bind, 1, 0xffffffff, 1, 5).done(),
		"bind, 5 KB of name": binds(reg, 1, strings.Repeat("x", 5000), 1, 5),
		"bind without a NUL": newMessage(reg, bind, 1, 4, 0x41414141, 1, 5).done(),
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t = t
			app, host := b.begun()
			app.say(bad)
			host.hangs()
			m := app.next()
			if h := parse(m); h.object != theDisplay || h.opcode != displayError {
				t.Errorf("want an error, got %q", m)
			}
			app.hangs()
		})
	}
}

// The same is said whatever the pieces that it comes in.
func TestEveryByte(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	up := join(asksRegistry(reg), newMessage(7, 3, 1, 2, 3).done(), newMessage(theDisplay, 0, 9).done())
	down := join(announced(reg, 1, "wl_shm", 9), announced(reg, 2, capture, 3), newMessage(9, 0, 1).done(), withdrawn(reg, 2), withdrawn(reg, 1))
	want := join(announced(reg, 1, "wl_shm", 2), newMessage(9, 0, 1).done(), withdrawn(reg, 1))
	for cut := range max(len(up), len(down)) {
		app, host := b.pair()
		app.say(up[:min(cut, len(up))])
		time.Sleep(time.Millisecond) // two reads, most of the time
		app.say(up[min(cut, len(up)):])
		host.hears(up)
		host.say(down[:min(cut, len(down))])
		time.Sleep(time.Millisecond)
		host.say(down[min(cut, len(down)):])
		app.hears(want)
		app.Close()
		host.Close()
	}
	app, host := b.connect()
	for i := range up {
		app.say(up[i : i+1])
	}
	host.hears(up)
	for i := range down {
		host.say(down[i : i+1])
	}
	app.hears(want)
}

// A message of 64 KiB that is nobody's affair goes by before its end is there.
func TestStreamed(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	long := newMessage(7, 3, make([]uint32, 16381)...).done()
	app.say(long[:1000])
	host.hears(long[:1000])
	app.say(long[1000:])
	host.hears(long[1000:])
	host.say(long)
	app.hears(long)
}

// An error waits for the end of an event that has begun to arrive.
func TestErrorBetweenEvents(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	event := newMessage(7, 3, 1, 2, 3).done()
	host.say(event[:13])
	app.hears(event[:13])
	app.say(join(binds(reg, 2, capture, 1, 3), newMessage(9, 9).done()))
	time.Sleep(20 * time.Millisecond)
	host.say(join(event[13:], event))
	app.hears(event[13:])
	app.ends(reg, invalidObject, "hidden")
	host.hangs()
}

// Descriptors go on in order, with a byte that is not behind theirs, and no more at once than libwayland takes.
func TestDescriptors(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.begun()
	event := newMessage(7, 3, 1, 2, 3).done()
	hidden := announced(reg, 5, capture, 1)
	for _, tt := range []struct {
		name     string
		from, to *peer
		before   []byte
		with     []byte
		after    []byte
		want     []byte
		fds      int
	}{
		{"28 in a burst", app, host, nil, event, nil, event, 28},
		{"60 in a burst", app, host, nil, event, nil, event, 60},
		{"in the middle", app, host, event[:9], event[9:], nil, event, 3},
		{"with half a header", app, host, event, event[:5], event[5:], join(event, event), 2},
		{"down", host, app, event, event, nil, join(event, event), 28},
		{"with what is hidden", host, app, hidden, hidden, event, event, 4},
		{"with a part of what is hidden", host, app, hidden[:9], hidden[9:], join(hidden, event), event, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var fds []int
			for range tt.fds {
				var pipe [2]int
				if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
					t.Fatal(err)
				}
				unix.Close(pipe[1])
				fds = append(fds, pipe[0])
			}
			var sent, came []uint64
			for _, fd := range fds {
				sent = append(sent, inode(t, fd))
			}
			if len(tt.before) > 0 {
				tt.from.say(tt.before)
				time.Sleep(5 * time.Millisecond)
			}
			tt.from.say(tt.with, fds...)
			for _, fd := range fds {
				unix.Close(fd)
			}
			if len(tt.after) > 0 {
				time.Sleep(5 * time.Millisecond)
				tt.from.say(tt.after)
			}
			heard, room := []byte(nil), make([]byte, 4096)
			for len(heard) < len(tt.want) {
				n, list := tt.to.received(room)
				if len(list) > together {
					t.Errorf("%d descriptors at once", len(list))
				}
				if len(list) > 0 && tt.name == "in the middle" && len(heard) > 9 {
					t.Errorf("descriptors behind byte %d", len(heard))
				}
				heard = append(heard, room[:n]...)
				for _, f := range list {
					came = append(came, inode(t, int(f.Fd())))
					f.Close()
				}
			}
			if string(heard) != string(tt.want) || !slices.Equal(came, sent) {
				t.Errorf("want %q and %v, got %q and %v", tt.want, sent, heard, came)
			}
		})
	}
}

func inode(t testing.TB, fd int) uint64 {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		t.Fatal(err)
	}
	return s.Ino
}

// A client may be silent for as long as it likes, and may have been connected by another.
func TestFirst(t *testing.T) {
	dir := t.TempDir()
	b := &bed{t, dir + "/app", listenAt(t, dir+"/nobody"), &said{}}
	b.host.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	b.serve(Display{Socket: dir + "/nobody", First: pair[0], Name: "wayland"})
	app := b.dial()
	defer app.Close()
	app.say(asksRegistry(reg))
	got := make([]byte, 100)
	if n, err := unix.Read(pair[1], got); err != nil || string(got[:n]) != string(asksRegistry(reg)) {
		t.Fatal(n, err)
	}
	if _, err := unix.Write(pair[1], announced(reg, 1, capture, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(pair[1], announced(reg, 2, "wl_shm", 1)); err != nil {
		t.Fatal(err)
	}
	app.hears(announced(reg, 2, "wl_shm", 1))
	second := b.dial()
	defer second.Close()
	second.hangs()
}
