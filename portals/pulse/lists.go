package pulse

import (
	"slices"

	"snug/portals/internal/relay"
)

// Lists, in prose. A list's answer is the answers for its members, one behind the other. So a list of the
// app's own things is made by asking for each; of all others the server says nothing, and nothing can
// slip through. Of sources the server's list is taken, and those that are hidden are left out. Lists
// of what an app has no business with are empty.

// maxList bounds a list of the app's own things.
const maxList = 1 << 20

func (c *conn) listNone(*packet) verdict { return verdict{action: settle, then: (*conn).empty} }

func (c *conn) listSources(p *packet) verdict {
	if !c.grants(recording) {
		return c.listNone(p)
	}
	return verdict{action: pass, then: func(c *conn, a *answer) {
		if a.code != 0 {
			c.pass(a)
			return
		}
		b := begin(c.draft[:0], cmdReply, a.tag)
		for at := body; at < len(a.b); {
			s, end, ok := a.readSource(at, c.version)
			if !ok {
				break // of what cannot be read nothing is told
			}
			if c.maySee(&s) {
				b = append(b, a.b[at:end]...)
			}
			at = end
		}
		c.write(relay.App, finish(b))
	}}
}

// gathering is a list that is being made.
type gathering struct {
	tag  uint32
	left int // answers
	b    []byte
}

// listOwn asks for each of the app's own clients or streams.
func (c *conn) listOwn(p *packet) verdict {
	one := p.command - 1 // the command that asks for one comes before that which asks for all
	var indices []uint32
	switch one {
	case cmdGetClientInfo:
		indices = keys(c.clients)
	case cmdGetInputInfo:
		indices = keys(c.inputs)
	case cmdGetOutputInfo:
		indices = keys(c.outputs)
	}
	if len(indices) == 0 {
		return c.listNone(p)
	}
	g := &gathering{tag: p.tag, left: len(indices)}
	c.gathering++
	for _, index := range indices {
		c.send(number(c.begin(one, none, func(c *conn, a *answer) { c.gathered(g, a) }), index))
	}
	return verdict{action: done}
}

func keys[T any](m map[uint32]T) []uint32 {
	list := make([]uint32, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// gathered takes one of the answers. What has ended in the meantime is no member any more.
func (c *conn) gathered(g *gathering, a *answer) {
	if a.code == 0 && len(g.b)+len(a.b) <= maxList {
		g.b = append(g.b, a.b[body:]...)
	}
	if g.left--; g.left == 0 {
		c.gathering--
		c.write(relay.App, finish(append(begin(c.draft[:0], cmdReply, g.tag), g.b...)))
	}
}
