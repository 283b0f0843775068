package dbus

import (
	"errors"

	"snug/portals/internal/relay"
)

// What the filter asks the bus right behind the app's Hello, before the app is read again.

var errQuestion = errors.New("the bus refused a question of the filter")

// question is a call of the filter's own.
type question struct {
	kind questionKind
	name string // whose owner is asked for
}

type questionKind byte

const (
	toBeTold questionKind = iota // AddMatch
	whoOwns                      // GetNameOwner
	whoIsIn                      // ListNames
)

// begin asks to be told of owners, and who they are now: in this order, so that none is missed.
func (c *conn) begin(k *relay.Link, helloSerial uint32) {
	c.last = helloSerial
	c.own = map[uint32]question{}
	for _, g := range c.all {
		rule := "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus'," +
			"interface='org.freedesktop.DBus',member='NameOwnerChanged'"
		if key, value := g.namespace(); key != "" {
			rule += "," + key + "='" + value + "'"
		}
		c.question(k, question{kind: toBeTold}, "AddMatch", rule)
		if !g.below && !g.glob {
			c.question(k, question{whoOwns, g.text}, "GetNameOwner", g.text)
		}
	}
	if len(c.patterns) > 0 {
		c.question(k, question{kind: whoIsIn}, "ListNames", "")
	}
}

func (c *conn) question(k *relay.Link, q question, member, argument string) {
	for c.last++; c.last == 0 || c.asks(c.last); c.last++ {
	}
	c.own[c.last] = q
	c.write(k, relay.Host, callBus(c.draft, c.last, busName, member, argument))
}

func (c *conn) asks(serial uint32) bool {
	_, ok := c.asked[serial]
	return ok
}

// told takes an answer.
func (c *conn) told(k *relay.Link, q question, h *header, body []byte) error {
	if h.kind == errorReply {
		if q.kind == whoOwns { // nobody
			return nil
		}
		return errQuestion
	}
	switch q.kind {
	case whoOwns:
		if owner, ok := h.argument(body); ok {
			c.owns(owner, []byte(q.name))
		}
	case whoIsIn:
		if body == nil {
			return nil // too many to look at: who comes from now on is known
		}
		if !eachName(h, body, func(name []byte) { c.askFor(k, name) }) {
			return errQuestion
		}
	}
	return nil
}

// askFor asks for the owner of a name that a pattern covers.
func (c *conn) askFor(k *relay.Link, name []byte) {
	if unique(name) || c.exact[string(name)] != nil || c.level(name) == none {
		return
	}
	c.question(k, question{whoOwns, string(name)}, "GetNameOwner", string(name))
}
