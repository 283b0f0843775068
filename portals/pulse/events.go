package pulse

import (
	"encoding/binary"

	"snug/portals/internal/relay"
)

// Events, in prose. A server tells who has subscribed that things come, change and go, by an index. An
// app hears of devices, of the server, and of its own clients and streams. That a stream is there may be
// told before the answer that says whose it is: so while the server makes something for the app, what it
// tells of unknown things is held until that is known.

// Facilities of events, and the bits by which one subscribes to them.
const (
	facilitySource = 1
	facilityInput  = 2
	facilityOutput = 3
	facilityClient = 5

	maskSource = 1 << facilitySource
	maskOutput = 1 << facilityOutput
	// maskFree are sinks, streams, clients and the server.
	maskFree = 1 | 1<<facilityInput | maskOutput | 1<<facilityClient | 1<<7
)

// thing is something that a server tells of.
type thing struct{ facility, index uint32 }

// event is what it tells.
type event struct {
	thing
	b [body + 10]byte // the packet
}

// maxEvents bounds those that are held.
const maxEvents = 64

func (c *conn) subscribe(p *packet) verdict {
	c.mask = p.u32(0) & maskFree
	if c.grants(recording) {
		c.mask |= p.u32(0) & maskSource
	}
	binary.BigEndian.PutUint32(p.raw(0, 0)[1:], c.listens())
	return verdict{action: pass}
}

// listens is what the filter subscribes to for the app and itself.
func (c *conn) listens() uint32 {
	if c.watching {
		return c.mask | maskOutput
	}
	return c.mask
}

// watch makes the filter hear of what becomes of the app's recordings.
func (c *conn) watch() {
	if !c.watching {
		c.watching = true
		c.send(number(c.begin(cmdSubscribe, none, func(*conn, *answer) {}), c.listens()))
	}
}

// changed deals with an event.
func (c *conn) changed(p *packet) {
	if !p.match("LL", 0) {
		return
	}
	kind, t := p.u32(0)&0x30, thing{p.u32(0) & 15, p.u32(1)}
	const removal = 0x20
	if s := c.outputs[t.index]; t.facility == facilityOutput && s != nil && s.conn == c && kind != removal {
		c.check(s)
	}
	switch {
	case c.mask>>t.facility&1 == 0:
	case t.facility != facilityInput && t.facility != facilityOutput && t.facility != facilityClient,
		len(c.events) == 0 && c.owns(t), kind == removal && c.buried(t):
		c.link.Pass(relay.Host, p.b, 0)
	case c.family.creating > 0 && len(c.events) < maxEvents:
		e := event{thing: t}
		copy(e.b[:], p.b)
		c.events = append(c.events, e)
	}
}

// sift tells what was held and is the app's, now that more is known. On the connection that is being
// judged that is done at once; on others behind the judging.
func (f *family) sift(now *conn) {
	for c := range f.conns {
		switch {
		case len(c.events) == 0:
		case c == now:
			c.tell()
		default:
			f.loop.After(0, func() { c.link.Resume(c.tell) })
		}
	}
}

// tell is sift for one connection.
func (c *conn) tell() {
	still := c.events[:0]
	for _, e := range c.events {
		switch {
		case c.owns(e.thing):
			c.write(relay.App, e.b[:])
		case c.family.creating > 0:
			still = append(still, e)
		}
	}
	if c.events = still; len(still) == 0 {
		c.events = nil
	}
}

// about deals with what the server tells of a stream.
func (c *conn) about(p *packet, of map[uint32]*stream) {
	if _, ok := p.walk(body, "L", 0); !ok {
		return
	}
	s := of[p.u32(0)]
	switch {
	case s == nil:
		return
	case p.command == cmdPlaybackKilled || p.command == cmdRecordKilled:
		c.part(s)
	case p.command == cmdRecordMoved:
		if !c.moved(s, p) {
			return
		}
	}
	c.link.Pass(relay.Host, p.b, 0)
}
