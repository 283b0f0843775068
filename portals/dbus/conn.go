package dbus

import (
	"errors"

	"snug/portals/internal/relay"
)

// conn is the judge of one connection.
type conn struct {
	*state
	auth  auth
	flows [2]flow
	own   map[uint32]question // the filter's own calls that are not answered yet
	last  uint32              // the serial of the latest of them
	draft []byte              // room to write in
	log   log
	id    int

	refused func(name string) // or nil
}

// flow is one direction: a header, and the rest of its message.
type flow struct {
	header header
	rest   int  // bytes of the message that are still to come
	pass   bool // they go on
}

// maxArgument is the longest body of a call to the bus that is looked at. A match rule has at most
// 1024 bytes.
const maxArgument = 16 << 10

var errClaims = errors.New("a message claims descriptors that did not come with it")

// Judge is called by the relay.
func (c *conn) Judge(k *relay.Link, from relay.Side, in []byte) (taken int, err error) {
	f := &c.flows[from]
	for taken < len(in) {
		var n int
		switch b := in[taken:]; {
		case f.rest > 0:
			n = min(f.rest, len(b))
			f.rest -= n
			if f.pass {
				k.Pass(from, b[:n], 0)
			}
		case from == relay.App && !c.auth.begun || from == relay.Host && !c.auth.over():
			n, err = c.line(k, from, b)
		default:
			n, err = c.message(k, from, b)
		}
		if n == 0 || err != nil {
			return taken, err
		}
		taken += n
		if from == relay.App && (len(c.own) > 0 || c.auth.begun && !c.auth.over()) {
			k.Hold(relay.App)
			return taken, nil
		}
	}
	return taken, nil
}

// Closed is called by the relay.
func (c *conn) Closed(err error) {
	c.family.leave(c)
	c.log.closed(c.id, err)
}

func (c *conn) line(k *relay.Link, from relay.Side, b []byte) (n int, err error) {
	if from == relay.App {
		n, err = c.auth.app(b)
	} else {
		n, err = c.auth.bus(b)
	}
	if n > 0 && err == nil {
		k.Pass(from, b[:n], 0)
	}
	if !c.auth.over() || err != nil {
		return n, err
	}
	if !c.auth.accepted {
		return n, errAuth
	}
	k.Established()
	if from == relay.Host {
		k.Release(relay.App)
	}
	return n, nil
}

// message deals with a message from its first byte on.
func (c *conn) message(k *relay.Link, from relay.Side, b []byte) (int, error) {
	h := &c.flows[from].header
	whole, err := h.parse(b)
	switch {
	case err != nil:
		return c.odd(k, from, b, err)
	case !whole:
		return 0, nil
	}
	if int(h.fds) > k.Waiting(from) {
		return 0, errClaims
	}
	if c.open {
		return c.forward(k, from, b), nil
	}
	if from == relay.App && h.body > 0 && len(b) == h.size && c.isPrivate(h.destination()) {
		return 0, nil // its descriptors will need a byte to go with, see redirect
	}
	body, wait := c.body(from, h, b)
	if wait {
		return 0, nil
	}
	if from == relay.App {
		return c.fromApp(k, b, h, body)
	}
	return c.fromBus(k, b, h, body)
}

// odd deals with a message that cannot be read. Without a filter it passes. One of a peer, with a
// header of a megabyte or of a later version of the protocol, is left out: it shall not cost the app
// its connection, and the bus has framed it well. One of the app ends the connection.
func (c *conn) odd(k *relay.Link, from relay.Side, b []byte, err error) (int, error) {
	h := &c.flows[from].header
	h.fds = 0
	switch {
	case h.size == 0 || k.Waiting(from) > 0:
		return 0, err
	case c.open:
		return c.forward(k, from, b), nil
	case from == relay.Host:
		return c.skip(k, from, b), nil
	}
	return 0, err
}

// body gives the body if it is one to look at and not too long for that, or asks to wait for it.
func (c *conn) body(from relay.Side, h *header, b []byte) (body []byte, wait bool) {
	most := relay.Buffer - h.size
	switch {
	case from == relay.App && (string(h.destination()) == busName || c.standFor(h) != nil):
		most = maxArgument
	case from == relay.Host && string(h.sender()) == busName:
	default:
		return nil, false
	}
	if h.body > most {
		return nil, false
	}
	end := h.size + h.body
	if len(b) < end {
		return nil, true
	}
	return b[h.size:end], false
}

// forward passes the message on, and gives the number of bytes that are there.
func (c *conn) forward(k *relay.Link, from relay.Side, b []byte) int {
	f := &c.flows[from]
	n := min(f.header.size+f.header.body, len(b))
	k.Pass(from, b[:n], int(f.header.fds))
	f.rest, f.pass = f.header.size+f.header.body-n, true
	return n
}

// skip leaves the message out likewise.
func (c *conn) skip(k *relay.Link, from relay.Side, b []byte) int {
	f := &c.flows[from]
	n := min(f.header.size+f.header.body, len(b))
	k.Discard(from, int(f.header.fds))
	f.rest, f.pass = f.header.size+f.header.body-n, false
	return n
}

// write sends a message of the filter's own.
func (c *conn) write(k *relay.Link, to relay.Side, message []byte) {
	k.Write(to, message)
	if c.draft = message[:0]; cap(message) > 4096 {
		c.draft = nil
	}
}

func (c *conn) fromApp(k *relay.Link, b []byte, h *header, body []byte) (int, error) {
	v := c.outgoing(h, body)
	c.log.outgoing(c.id, h, v)
	if c.refused != nil && h.kind == methodCall && (v.action == refuse || v.action == drop) {
		c.refused(v.wanted(h))
	}
	c.apply(k, h, v)
	if v.action != drop && h.wantsReply() {
		if err := c.ask(h.serial, v.answer); err != nil {
			return 0, err
		}
	}
	switch v.action {
	case drop:
		return c.skip(k, relay.App, b), nil
	case refuse, settle:
		c.write(k, relay.Host, ping(c.draft, h.serial))
		return c.skip(k, relay.App, b), nil
	}
	if h.isReply() {
		c.answer(h.destination(), h.replySerial)
	}
	if v.to != "" {
		return c.redirect(k, b, h, v.to), nil
	}
	n := c.forward(k, relay.App, b)
	if v.answer.kind == greeting && c.last == 0 {
		c.begin(k, h.serial)
	}
	return n, nil
}
