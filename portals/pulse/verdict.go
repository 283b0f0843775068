package pulse

import (
	"bytes"

	"snug/portals/internal/relay"
)

// action is what is done with what an app asks.
type action byte

const (
	refuse action = iota
	pass          // the packet goes on
	settle        // an answer is made when the server has answered another
	done          // the handler has done all
)

// verdict is what becomes of one packet of the app.
type verdict struct {
	action action
	code   uint32                   // of a refusal; 0 is accessDenied
	grant  string                   // that would allow it
	what   string                   // in words, if not those of the rule
	then   func(c *conn, a *answer) // takes the answer of what passes or settles
}

// refuse says no. The answer waits until the server has answered a question of no weight that goes in the
// packet's place: so answers keep their order, and an app that asks much and reads nothing fills no
// memory, as it is not read any further.
func (c *conn) refuse(p *packet, r *rule, v verdict) {
	if v.code == 0 {
		v.code = accessDenied
	}
	if v.what == "" {
		v.what = r.what
	}
	c.log.refused(c.id, p, r, v)
	c.settle(p.tag, func(c *conn, a *answer) { c.fail(a.tag, v.code) })
}

// settle sends the question of no weight.
func (c *conn) settle(tag uint32, then func(c *conn, a *answer)) {
	c.send(c.begin(cmdStat, tag, then))
}

// empty is an answer that lists nothing.
func (c *conn) empty(a *answer) { c.write(relay.App, finish(begin(c.draft[:0], cmdReply, a.tag))) }

// grantFor says what would have granted what a packet needs.
func (c *conn) grantFor(p *packet, n need) string {
	if n == recording && (bytes.Contains(p.b, []byte(".monitor\x00")) || bytes.Contains(p.b, []byte("@DEFAULT_MONITOR@"))) {
		return grantSystem
	}
	return n.grant()
}
