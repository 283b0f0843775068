package pulse

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// conn is the judge of one connection.
type conn struct {
	*family
	id      int
	link    *relay.Link
	server  int    // the link's descriptor, or -1 from the greeting on
	client  uint32 // the version that the app speaks
	version uint32 // that is spoken, once the server has accepted the app
	index   uint32 // of the client, for the server

	flows  [2]flow
	packet packet
	draft  []byte // room to write in

	requests  map[uint32]request // that the server has not answered, by the filter's own tags
	last      uint32             // the latest of those tags
	gathering int                // lists that are being made
	held      bool               // the app is not read

	plays, records   map[uint32]*stream // by channel
	wishes, creating int                // the conn's share of family.streams without a stream yet, and of family.creating
	mask             uint32             // what the app has subscribed to
	watching         bool               // the filter itself hears of what becomes of recordings
	events           []event            // of things that may turn out to be the app's

	stuck bool // too much waits for the end of a frame
}

// flow is one direction: the rest of a frame whose beginning is through, and what is behind it.
type flow struct {
	rest  int
	pass  bool
	later []byte // packets of the filter's own, for the same way
}

// request is one that the server has not answered yet.
type request struct {
	tag  uint32                   // by which the app knows it, if the answer goes on
	then func(c *conn, a *answer) // nil: the answer goes on as it is
}

// answer is the server's. code is that of an error, or 0.
type answer struct {
	*packet
	code uint32
}

const (
	maxRequests  = 256
	maxGathering = 8
	maxLater     = 1 << 20
	newest       = 35 // version of the protocol
	oldest       = 13 // that has properties
)

var (
	errBreach   = errors.New("a packet that an app never sends")
	errGreeting = errors.New("the greeting is none")
	errVersion  = errors.New("the version of the protocol is too old")
	errStuck    = errors.New("a frame does not end, and too much waits behind it")
)

func newConn(f *family, id, server int) *conn {
	c := &conn{family: f, id: id, server: server, index: none, requests: map[uint32]request{}, plays: map[uint32]*stream{}, records: map[uint32]*stream{}}
	f.conns[c] = struct{}{}
	return c
}

// Judge is called by the relay. No frame takes descriptors along, on either side.
func (c *conn) Judge(k *relay.Link, from relay.Side, in []byte) (taken int, err error) {
	c.link = k
	k.Discard(from, k.Waiting(from))
	for taken < len(in) {
		n, err := c.frame(from, in[taken:])
		if n == 0 || err != nil {
			return taken, err
		}
		taken += n
		if c.stuck {
			return taken, errStuck
		}
		if from == relay.App && c.full() {
			k.Hold(relay.App)
			c.held = true
			break
		}
	}
	if c.held && !c.full() {
		k.Release(relay.App)
		c.held = false
	}
	return taken, nil
}

// Closed is called by the relay.
func (c *conn) Closed(err error) {
	c.leave(c)
	c.log.closed(c.id, err)
}

// full reports whether the app has to wait with what it asks.
func (c *conn) full() bool {
	return len(c.requests) >= maxRequests || c.gathering >= maxGathering || c.client > 0 && c.version == 0
}

// frame deals with one frame, or a part of it, and gives the number of bytes taken.
func (c *conn) frame(from relay.Side, b []byte) (int, error) {
	f := &c.flows[from]
	if f.rest > 0 {
		return c.carry(from, b[:min(f.rest, len(b))]), nil
	}
	if len(b) < headSize {
		return 0, nil
	}
	h, longest := readHead(b), uint32(maxPacket)
	if from == relay.Host {
		longest = 16 << 20 // its own limit
	}
	if err := h.check(longest); err != nil {
		return 0, err
	}
	size := headSize + int(h.length)
	switch {
	case h.channel != noChannel:
		if c.version == 0 {
			return 0, errGreeting
		}
		f.rest, f.pass = size, c.carries(from, h.channel)
		return c.carry(from, b[:min(size, len(b))]), nil
	case h.length > maxAnswer:
		return c.skipAnswer(b, size)
	case len(b) < size:
		return 0, nil
	case from == relay.App:
		return size, c.fromApp(b[:size])
	}
	return size, c.fromHost(b[:size])
}

// carry takes the next bytes of a frame.
func (c *conn) carry(from relay.Side, b []byte) int {
	f := &c.flows[from]
	if f.pass {
		c.link.Pass(from, b, 0)
	}
	if f.rest -= len(b); f.rest == 0 && len(f.later) > 0 {
		c.link.Write(from.Other(), f.later)
		f.later = nil
	}
	return len(b)
}

// carries reports whether sound passes.
func (c *conn) carries(from relay.Side, channel uint32) bool {
	if from == relay.App {
		return c.plays[channel] != nil // a stream may have ended while its sound was under way
	}
	s := c.records[channel]
	if s != nil && !s.verified {
		c.check(s)
	}
	return s != nil && s.verified
}

// skipAnswer leaves out an answer that is too long to be looked at.
func (c *conn) skipAnswer(b []byte, size int) (int, error) {
	if len(b) < body {
		return 0, nil
	}
	p := &c.packet
	if err := p.read(b[:body]); err != nil {
		return 0, err
	}
	f := &c.flows[relay.Host]
	f.rest, f.pass = size, false
	c.answered(p, tooLarge)
	return c.carry(relay.Host, b[:min(size, len(b))]), nil
}

// write sends a packet of the filter's own to a side, when no frame is half through there.
func (c *conn) write(to relay.Side, frame []byte) {
	if f := &c.flows[to.Other()]; f.rest > 0 && f.pass {
		f.later = append(f.later, frame...)
		c.stuck = c.stuck || len(f.later) > maxLater
	} else {
		c.link.Write(to, frame)
	}
	if c.draft = frame[:0]; cap(frame) > 4096 {
		c.draft = nil
	}
}

// open notes a request, and gives it a tag. The app's own would be confused with those of the filter.
func (c *conn) open(r request) uint32 {
	for {
		c.last++
		if _, taken := c.requests[c.last]; !taken && c.last != none {
			c.requests[c.last] = r
			return c.last
		}
	}
}

// forward lets the app's packet go on.
func (c *conn) forward(p *packet, then func(c *conn, a *answer)) {
	p.retag(c.open(request{p.tag, then}))
	c.link.Pass(relay.App, p.b, 0)
}

// begin begins a packet to the server in the room for drafts, send ends it.
func (c *conn) begin(command, tag uint32, then func(c *conn, a *answer)) []byte {
	return begin(c.draft[:0], command, c.open(request{tag, then}))
}

func (c *conn) send(frame []byte) { c.write(relay.Host, finish(frame)) }

// fail tells the app why its request is not granted.
func (c *conn) fail(tag, code uint32) { c.write(relay.App, failure(c.draft[:0], tag, code)) }

// fromApp deals with a packet of the app.
func (c *conn) fromApp(frame []byte) error {
	p := &c.packet
	if err := p.read(frame); err != nil {
		return err
	}
	if c.client == 0 {
		return c.greet(p)
	}
	r := ruleOf(p.command)
	switch {
	case r == nil:
		r = &rule{name: "unknown"}
		c.refuse(p, r, verdict{code: badCommand})
		return nil
	case r.kind != ask:
		return errBreach
	case !c.grants(r.need):
		c.refuse(p, r, verdict{code: r.code, grant: c.grantFor(p, r.need)})
		return nil
	case !p.match(r.shape, c.version):
		return errPacket
	}
	v := verdict{action: pass}
	if r.do != nil {
		v = r.do(c, p)
	}
	switch v.action {
	case pass:
		c.forward(p, v.then)
	case refuse:
		c.refuse(p, r, v)
	case settle:
		c.settle(p.tag, v.then)
	}
	return nil
}

// greet takes the app's first packet: its cookie is left out, and ours goes in its place, without the
// bits that lead to shared memory.
func (c *conn) greet(p *packet) error {
	if p.command != cmdAuth || !p.match("Lx", 0) || p.fields[1].to-p.fields[1].from != 5+CookieSize {
		return errGreeting
	}
	c.client = min(p.u32(0)&0xffff, newest)
	if c.client < oldest {
		c.fail(p.tag, 17)
		return errVersion
	}
	b := number(c.begin(cmdAuth, p.tag, (*conn).greeted), c.client)
	b = binary.BigEndian.AppendUint32(append(b, 'x'), CookieSize)
	b = append(b, make([]byte, CookieSize)...)
	copy(b[len(b)-CookieSize:], c.cookie)
	c.send(b)
	return nil
}

// greeted takes the answer to that.
func (c *conn) greeted(a *answer) {
	tag := a.tag
	if a.code != 0 {
		c.pass(a)
		return
	}
	version := uint32(0)
	if a.match("L", 0) {
		version = min(a.u32(0)&0xffff, newest)
	}
	if version < oldest {
		c.fail(tag, 17)
		return
	}
	c.version = min(c.client, version)
	unix.SetsockoptInt(c.server, unix.SOL_SOCKET, unix.SO_PASSCRED, 0) // see dial
	c.server = -1
	c.link.Established()
	c.write(relay.App, finish(number(begin(c.draft[:0], cmdReply, tag), version)))
}

// fromHost deals with a packet of the server.
func (c *conn) fromHost(frame []byte) error {
	p := &c.packet
	if err := p.read(frame); err != nil {
		return err
	}
	r := ruleOf(p.command)
	if r == nil {
		return nil
	}
	switch {
	case p.command == cmdReply:
		c.answered(p, 0)
	case p.command == cmdError:
		code := accessDenied
		if p.match("L", 0) && p.u32(0) != 0 {
			code = p.u32(0)
		}
		c.answered(p, code)
	case c.version == 0:
	case p.command == cmdChanged:
		c.changed(p)
	case r.kind == aboutOf:
		c.about(p, c.plays)
	case r.kind == aboutIn:
		c.about(p, c.records)
	}
	return nil
}

// answered finds the request that is answered, and does what is to be done then. From here on the
// packet's tag is the app's.
func (c *conn) answered(p *packet, code uint32) {
	r, ok := c.requests[p.tag]
	if !ok {
		return
	}
	delete(c.requests, p.tag)
	p.tag = r.tag
	a := &answer{p, code}
	if r.then == nil {
		c.pass(a)
		return
	}
	r.then(c, a)
}

// pass lets an answer go on.
func (c *conn) pass(a *answer) {
	if a.code == tooLarge {
		c.fail(a.tag, a.code)
		return
	}
	a.retag(a.tag)
	c.link.Pass(relay.Host, a.b, 0)
}
