package wayland

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// FuzzWire: what is read is written alike, and nothing is read behind the end.
func FuzzWire(f *testing.F) {
	f.Add(announced(reg, 1, "wl_shm", 1))
	f.Add(binds(reg, 1, "wl_compositor", 6, 3))
	f.Add(newMessage(reg, 0, 1, 0xfffffffd, 1).done())
	f.Add(newMessage(reg, 0, 1, 4, 0, 1).done())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < headerSize || !parse(b).valid() || parse(b).size != len(b) {
			return
		}
		h := parse(b)
		clean := func(padding []byte) bool {
			for _, c := range padding {
				if c != 0 {
					return false
				}
			}
			return true
		}
		pad := func(name []byte) []byte { return b[headerSize+8+len(name) : headerSize+8+(len(name)+4)&^3] }
		if a, ok := parseGlobal(b); ok && clean(pad(a.name)) {
			if again := newMessage(h.object, h.opcode, a.number).text(string(a.name)).words(a.version).done(); string(again) != string(b) {
				t.Fatalf("%q became %q", b, again)
			}
			if word(b[a.versionAt:]) != a.version {
				t.Fatalf("the version is not at %d", a.versionAt)
			}
		}
		if q, ok := parseBind(b); ok && clean(pad(q.name)) {
			if again := newMessage(h.object, h.opcode, q.number).text(string(q.name)).words(q.version, q.id).done(); string(again) != string(b) {
				t.Fatalf("%q became %q", b, again)
			}
		}
	})
}

// prelude is what an app and a compositor have said before the fuzzing begins.
func prelude() (app, host []byte) {
	return join(asksRegistry(reg), binds(reg, 1, "wl_data_device_manager", 3, man), getDevice(dev)),
		join(announced(reg, 1, "wl_data_device_manager", 3), announced(reg, 2, "wl_compositor", 6), announced(reg, 3, capture, 3))
}

// play lets an app and a compositor talk through a filter, in two pieces each, and gives what each heard.
func play(t testing.TB, app, host []byte, cut int) (toApp, toHost []byte) {
	t.Helper()
	v, err := compile(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	loop, err := relay.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	var far [2]*os.File
	var near [2]int
	for i := range far {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.SetNonblock(pair[0], true)
		near[i], far[i] = pair[0], os.NewFile(uintptr(pair[1]), "far")
		defer far[i].Close()
	}
	k, err := loop.Join(near[0], near[1], newConn(v, log{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	k.Established()
	turn := func() {
		ctx, stop := context.WithCancel(context.Background())
		loop.After(0, stop)
		if err := loop.Run(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
	}
	asks, tells := prelude()
	half := len(asksRegistry(reg))
	for _, s := range []struct {
		to   *os.File
		text []byte
	}{{far[0], asks[:half]}, {far[1], tells}, {far[0], asks[half:]}, {far[0], app[:min(cut, len(app))]}, {far[1], host[:min(cut, len(host))]},
		{far[0], app[min(cut, len(app)):]}, {far[1], host[min(cut, len(host)):]}} {
		s.to.SetWriteDeadline(time.Now().Add(time.Second))
		s.to.Write(s.text)
		turn()
	}
	turn()
	loop.Close()
	toApp, _ = io.ReadAll(far[0])
	toHost, _ = io.ReadAll(far[1])
	return toApp, toHost
}

// each calls do for every message.
func each(t testing.TB, b []byte, do func(h header, m []byte)) {
	t.Helper()
	for len(b) >= headerSize {
		h := parse(b)
		if !h.valid() {
			t.Fatalf("not a message: %q", b)
		}
		if len(b) < h.size {
			return
		}
		do(h, b[:h.size])
		b = b[h.size:]
	}
}

// FuzzJudge: whatever an app and a compositor say, the app sees no hidden global, binds none, and neither
// reads nor sets the clipboard.
func FuzzJudge(f *testing.F) {
	f.Add(binds(reg, 3, capture, 1, 9), announced(reg, 9, capture, 3), 5)
	f.Add(join(binds(reg, 2, "wl_compositor", 6, 9), copied(), binds(reg, 2, "wl_compositor", 7, 9)), join(offered(one), typed(one, "x"), selected(one)), 3)
	f.Add(join(given(), getDevice(dev), copied(), received(one)), join(freed(dev), offered(one), entered(one), withdrawn(reg, 3)), 0)
	f.Add(join(other(8, 1), destroyed(one), received(one)), join(announced(reg, 2, "wl_compositor", 1), other(8, 1)), 17)
	f.Fuzz(func(t *testing.T, app, host []byte, cut int) {
		if len(app) > 16<<10 || len(host) > 16<<10 || cut < 0 {
			return
		}
		toApp, toHost := play(t, app, host, cut)
		v, _ := compile(Policy{})
		each(t, toApp, func(h header, m []byte) {
			switch {
			case h.object == reg && h.opcode == announce:
				if a, ok := parseGlobal(m); ok {
					if shown, _ := v.shows(a.name, a.version); shown != a.version || shown == 0 && a.version > 0 {
						t.Fatalf("the app is shown %q", m)
					}
				}
			case h.object == dev && h.opcode == selectionEvent && h.size == 12 && word(m[8:]) != 0:
				if len(app) == 0 { // else it may be anything by now
					t.Fatalf("the app is told of the clipboard: %q", m)
				}
			}
		})
		live := true
		each(t, toHost, func(h header, m []byte) {
			switch {
			case h.object == reg && h.opcode == bind:
				q, ok := parseBind(m)
				if shown, _ := v.shows(q.name, 1<<31); !ok || q.version == 0 || q.version > shown {
					t.Fatalf("the app bound %q", m)
				}
			case h.object == dev && h.opcode == releaseDevice:
				live = false
			case h.object == man && h.opcode == getDataDevice && word(m[8:]) == dev:
				live = true
			case h.object == dev && h.opcode == setSelection && live:
				t.Fatalf("the app set the clipboard: %q", m)
			case h.object >= firstOfIts && h.receives() && len(host) == 0:
				t.Fatalf("the app asked for the clipboard: %q", m)
			}
		})
	})
}
