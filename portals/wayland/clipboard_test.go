package wayland

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Objects of the tests of the clipboard.
const (
	man  = 3 // wl_data_device_manager
	dev  = 4 // wl_data_device
	seat = 5
	one  = firstOfIts + 0 // offers
	two  = firstOfIts + 1
)

func getDevice(id uint32) []byte       { return newMessage(man, getDataDevice, id, seat).done() }
func offered(id uint32) []byte         { return newMessage(dev, dataOffer, id).done() }
func typed(id uint32, t string) []byte { return newMessage(id, offerType).text(t).done() }
func selected(id uint32) []byte        { return newMessage(dev, selectionEvent, id).done() }
func entered(id uint32) []byte         { return newMessage(dev, enter, 1, 2, 3, 4, id).done() }
func received(id uint32) []byte        { return newMessage(id, receive).text("text/plain").done() }
func destroyed(id uint32) []byte       { return newMessage(id, destroyOffer).done() }
func freed(id uint32) []byte           { return newMessage(theDisplay, deleteID, id).done() }
func copied() []byte                   { return newMessage(dev, setSelection, 9, 1).done() }
func given() []byte                    { return newMessage(dev, releaseDevice).done() }
func other(id, opcode uint32) []byte   { return newMessage(id, uint16(opcode), 1, 2).done() }

// pasting is a connection whose app has a data device.
func (b *bed) pasting() (app, host *peer) {
	b.t.Helper()
	app, host = b.connect()
	app.passes(host, asksRegistry(reg))
	host.passes(app, join(announced(reg, 1, "wl_data_device_manager", 3), announced(reg, 2, "wl_seat", 7)))
	app.passes(host, join(binds(reg, 1, "wl_data_device_manager", 3, man), binds(reg, 2, "wl_seat", 7, seat), getDevice(dev)))
	return app, host
}

// passes says something that arrives as it is.
func (p *peer) passes(to *peer, b []byte) {
	p.t.Helper()
	p.say(b)
	to.hears(b)
}

// loses says something that is left out.
func (p *peer) loses(to *peer, b []byte) {
	p.t.Helper()
	p.say(b)
	p.passes(to, other(77, 1))
}

func TestClipboardOff(t *testing.T) {
	for _, word := range []string{"", "off"} {
		b := newBed(t, Policy{Clipboard: word}, nil)
		app, host := b.pasting()
		app.loses(host, copied())
		host.say(join(offered(one), typed(one, "secret"), other(one, 1), selected(one), typed(one, "more")))
		app.hears(join(offered(one), other(one, 1), selected(0)))
		host.passes(app, selected(0))
		app.passes(host, destroyed(one))
		host.say(join(offered(one), typed(one, "a"), typed(one, "b")))
		app.hears(offered(one))
		host.say(join(entered(one), typed(one, "c")))
		app.hears(join(typed(one, "a"), typed(one, "b"), entered(one), typed(one, "c")))
		app.passes(host, join(newMessage(one, 0, 1).text("a").done(), received(one), destroyed(one)))
		host.passes(app, entered(0)) // a drag without data
		if log := b.said.String(); !strings.Contains(log, `"what":"set the clipboard","decision":"refuse","allow":"display.clipboard=focused"`) {
			t.Error(log)
		}
	}
}

// With a clipboard by focus all is as it is.
func TestClipboardFocused(t *testing.T) {
	b := newBed(t, Policy{Clipboard: "focused"}, nil)
	app, host := b.pasting()
	app.passes(host, copied())
	host.passes(app, join(offered(one), typed(one, "text"), selected(one)))
	app.passes(host, join(received(one), destroyed(one), received(two)))
	host.passes(app, join(entered(one), freed(dev)))
}

// Whoever asks for the clipboard all the same ends its connection, and its descriptor arrives nowhere.
func TestClipboardIsNotReceived(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	for name, before := range map[string]func(app, host *peer){
		"known": func(app, host *peer) {
			host.say(join(offered(one), selected(one)))
			app.hears(join(offered(one), selected(0)))
		},
		"not decided": func(app, host *peer) { host.passes(app, offered(one)) },
		"guessed":     func(app, host *peer) {},
		"another dragged": func(app, host *peer) {
			host.passes(app, join(offered(one), offered(two), entered(two)))
		},
		"dragged, and the id is another's": func(app, host *peer) {
			host.passes(app, join(offered(one), entered(one)))
			app.passes(host, destroyed(one))
		},
		"dragged, and the id is the clipboard's": func(app, host *peer) {
			host.passes(app, join(offered(one), entered(one)))
			app.passes(host, destroyed(one))
			host.say(join(offered(one), selected(one)))
			app.hears(join(offered(one), selected(0)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.t = t
			app, host := b.pasting()
			before(app, host)
			fds := count(t)
			app.say(received(one), 2)
			app.ends(one, invalidMethod, "clipboard is off")
			host.hangs()
			if now := count(t); now > fds {
				t.Errorf("%d descriptors before, %d after", fds, now)
			}
		})
	}
}

// An object of another protocol that the compositor has made is not an offer.
func TestStrangers(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	app.passes(host, join(newMessage(one, 1).done(), newMessage(one, 0, 1, 2).done(), newMessage(one, 4, 1, 2).done()))
}

// calledBack is what a compositor says to a callback that has an object's id: it has read all before that.
func calledBack(id uint32) []byte { return join(newMessage(id, 0, 7).done(), freed(id)) }

// releases wants the compositor to be told that a device is given up, and to be asked for a callback.
func (p *peer) releases() {
	p.t.Helper()
	p.hears(join(given(), newMessage(theDisplay, displaySync, dev).done()))
}

// A device stays one until the compositor has no more to say of it, whatever becomes of its id.
func TestReleasedDevice(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	app.say(join(given(), getDevice(dev), copied())) // at once, as no libwayland does
	host.releases()
	host.say(join(offered(one), typed(one, "secret"), selected(one), freed(dev))) // on the way
	app.hears(join(offered(one), selected(0), freed(dev)))
	host.say(calledBack(dev))
	host.hears(getDevice(dev))
	app.loses(host, copied())
	host.say(selected(one))
	app.hears(selected(0))
	app.say(given())
	host.releases()
	host.say(join(freed(dev), calledBack(dev)))
	app.hears(freed(dev))
	host.passes(app, join(freed(dev), freed(99)))
	app.passes(host, other(dev, setSelection)) // it may be anything now
	host.passes(app, newMessage(dev, selectionEvent, one).done())
	app.passes(host, getDevice(dev))
	app.loses(host, copied())
	app.say(getDevice(dev))
	app.ends(theDisplay, invalidObject, "not free")
}

// The id of something else that was there before and of which delete_id is on its way does not end a device.
func TestDeviceWithUsedID(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	app.say(given())
	host.hears(given())
	host.say(freed(dev)) // of a region, say
	app.hears(freed(dev))
	host.say(join(offered(one), typed(one, "x-kde-passwordManagerHint"), selected(one), freed(dev)))
	app.hears(join(offered(one), selected(0), freed(dev)))
}

// An offer that is destroyed before the compositor has told all of it tells no more than others.
func TestOfferDestroyedAtOnce(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	for range 2 {
		host.passes(app, offered(one))
		app.passes(host, destroyed(one))
		host.say(join(typed(one, "x-kde-passwordManagerHint"), selected(one)))
		app.hears(selected(0))
		host.passes(app, newMessage(one, offerType).text("of another's id").done())
	}
	host.passes(app, offered(one))
	app.passes(host, join(destroyed(one), destroyed(one)))
	host.say(join(typed(one, "secret"), entered(one)))
	app.hears(entered(one))
	app.say(received(one), 2)
	app.ends(one, invalidMethod, "clipboard is off")
}

// More types than anybody has are not kept.
func TestManyTypes(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	host.passes(app, offered(one))
	long := typed(one, strings.Repeat("x", 4000))
	for range 10 {
		host.say(long)
	}
	host.say(entered(one))
	app.hears(join(long, long, long, long, entered(one)))
}

// A selection that is left out takes no descriptor along that came with it.
func TestLeftOutWithDescriptors(t *testing.T) {
	b := newBed(t, Policy{}, nil)
	app, host := b.pasting()
	app.say(join(other(8, 1), copied()), 2)
	room := make([]byte, 4096)
	n, fds := host.received(room)
	if string(room[:n]) != string(other(8, 1)) || len(fds) != 1 {
		t.Fatalf("%q, %d descriptors", room[:n], len(fds))
	}
	fds[0].Close()
	app.say(copied(), 2)
	app.say(copied())
	app.say(join(copied(), other(8, 2)))
	n, fds = host.received(room)
	if string(room[:n]) != string(other(8, 2)) || len(fds) != 1 {
		t.Fatalf("%q, %d descriptors", room[:n], len(fds))
	}
	fds[0].Close()
}

// count gives the number of open descriptors.
func count(t testing.TB) (n int) {
	t.Helper()
	for fd := range 1 << 12 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}
