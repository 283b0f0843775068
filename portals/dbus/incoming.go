package dbus

import (
	"snug/portals/internal/relay"
)

// What becomes of a message of the bus.

func (c *conn) fromBus(k *relay.Link, b []byte, h *header, body []byte) (int, error) {
	if h.isReply() {
		return c.reply(k, b, h, body)
	}
	if c.news(h) {
		c.learn(h, body)
	}
	if !c.incoming(h, body) {
		c.log.incoming(c.id, h, drop, c.grantOf(h.sender()))
		return c.skip(k, relay.Host, b), nil
	}
	c.log.incoming(c.id, h, pass, "")
	c.seen(h)
	return c.forward(k, relay.Host, b), nil
}

// incoming decides on a call or a signal. Nothing here changes anything.
func (c *conn) incoming(h *header, body []byte) bool {
	switch {
	case h.kind == methodCall || h.has(fieldDestination):
		return true
	case string(h.sender()) != busName:
		return c.hears(h.sender(), h)
	case !c.news(h):
		return true
	}
	name, ok := h.argument(body)
	return ok && (c.levelOf(name) >= see || c.unique && unique(name))
}

// seen notes what reaches the app.
func (c *conn) seen(h *header) {
	switch from := h.sender(); {
	case !unique(from):
	case h.wantsReply():
		c.deliver(from, h.serial)
	default:
		c.meet(from)
	}
}

// news reports whether a message tells of a new owner.
func (c *conn) news(h *header) bool {
	return h.kind == signal && string(h.sender()) == busName && string(h.member()) == "NameOwnerChanged" &&
		string(h.iface()) == busName
}

// learn takes the new owner from NameOwnerChanged(name, old, new).
func (c *conn) learn(h *header, body []byte) {
	if string(h.signature()) != "sss" {
		return
	}
	var s [3][]byte
	at := 0
	for i := range s {
		at = aligned(at, 4)
		if at > len(body) {
			return
		}
		used := 0
		if s[i], used = text(body[at:], h.big); used == 0 {
			return
		}
		at += used
	}
	c.owns(s[2], s[0])
}

// reply deals with an answer.
func (c *conn) reply(k *relay.Link, b []byte, h *header, body []byte) (int, error) {
	if q, ok := c.own[h.replySerial]; ok && string(h.sender()) == busName {
		delete(c.own, h.replySerial)
		if err := c.told(k, q, h, body); err != nil {
			return 0, err
		}
		if len(c.own) == 0 {
			k.Release(relay.App)
		}
		return c.skip(k, relay.Host, b), nil
	}
	a, ok := c.answered(h.replySerial)
	if !ok {
		return c.skip(k, relay.Host, b), nil
	}
	var instead []byte
	switch {
	case a.kind == becomes:
		instead = replyError(c.draft, h, a.err, a.text)
	case a.kind == becomesNot:
		instead = replyBool(c.draft, h, 0)
	case a.kind == becomesYes:
		instead = replyBool(c.draft, h, 1)
	case a.kind == becomesNumber:
		instead = replyNumber(c.draft, h, a.number)
	case a.kind == becomesText:
		instead = replyText(c.draft, h, a.text)
	case a.kind == becomesRequest:
		c.pending--
		instead = replyRequest(c.draft, h, a.request)
	case a.kind == names && h.kind == methodReturn:
		instead = c.visible(h, body)
	case a.kind == greeting && h.kind == methodReturn:
		if name, ok := h.argument(body); ok {
			c.self = string(name)
			c.family.members[c.self] = c
		}
	}
	if instead != nil {
		c.write(k, relay.App, instead)
		return c.skip(k, relay.Host, b), nil
	}
	if from := h.sender(); unique(from) {
		c.meet(from)
	}
	return c.forward(k, relay.Host, b), nil
}

// visible is a list of names without those that are hidden.
func (c *conn) visible(h *header, body []byte) []byte {
	list, ok := replyNames(c.draft, h, body, func(name []byte) bool { return c.levelOf(name) >= see })
	if !ok {
		return replyError(c.draft, h, limitsExceeded, "the list of names is too long for the sandbox's filter")
	}
	return list
}

// grantOf gives a granted name of a peer, if there is one.
func (s *state) grantOf(sender []byte) string {
	if p := s.peers[string(sender)]; p != nil && len(p.grants) > 0 {
		return p.grants[0].String()
	}
	return ""
}
