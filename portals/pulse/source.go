package pulse

import (
	"bytes"
	"slices"
)

// sourceShape is what a server says of a device that records; those that play are alike but for formats.
const sourceShape = "LttamLvbLtUtL 13:PU 15:VLLL 16:Ot 22:F"

// source is a device that records. A monitor gives what another device plays.
type source struct {
	index   uint32
	name    []byte
	monitor bool
}

// readSource reads one, and gives where it ends. The name is the packet's.
func (p *packet) readSource(at int, version uint32) (s source, end int, ok bool) {
	end, ok = p.walk(at, sourceShape, version)
	if !ok {
		return s, 0, false
	}
	s.index, s.name = p.u32(0), p.text(1)
	s.monitor = p.u32(8) != none || isMonitor(s.name)
	return s, end, true
}

// isMonitor reports whether a name is that of a monitor, as both servers name them. There are others.
func isMonitor(name []byte) bool { return bytes.HasSuffix(name, []byte(".monitor")) }

// find asks the server which source is meant. then gets it to keep, or nil if there is none.
func (c *conn) find(index uint32, name []byte, then func(c *conn, s *source)) {
	if index == none && name == nil {
		name = []byte("@DEFAULT_SOURCE@")
	}
	c.send(text(number(c.begin(cmdGetSourceInfo, none, func(c *conn, a *answer) {
		if a.code == 0 {
			if s, end, ok := a.readSource(body, c.version); ok && end == len(a.b) && s.name != nil {
				s.name = slices.Clone(s.name)
				then(c, &s)
				return
			}
		}
		then(c, nil)
	}), index), name))
}

func (c *conn) lookupSource(p *packet) verdict {
	tag := p.tag
	name := p.text(0)
	if name == nil {
		return missing
	}
	c.find(none, name, func(c *conn, s *source) {
		if s == nil || !c.maySee(s) {
			c.fail(tag, noEntity)
			return
		}
		c.write(0, finish(number(begin(c.draft[:0], cmdReply, tag), s.index)))
	})
	return verdict{action: done}
}

func (c *conn) getSourceInfo(*packet) verdict {
	return verdict{action: pass, then: func(c *conn, a *answer) {
		if a.code == 0 {
			if s, end, ok := a.readSource(body, c.version); !ok || end != len(a.b) || !c.maySee(&s) {
				c.fail(a.tag, noEntity)
				return
			}
		}
		c.pass(a)
	}}
}

// serverShape is what a server says of itself.
const serverShape = "ttttattL 15:m"

// getServerInfo hides who the person is, where, and a default source that the app could not use.
func (c *conn) getServerInfo(*packet) verdict {
	return verdict{action: pass, then: func(c *conn, a *answer) {
		if a.code != 0 || !a.match(serverShape, c.version) {
			c.fail(a.tag, max(a.code, accessDenied))
			return
		}
		b := append(begin(c.draft[:0], cmdReply, a.tag), a.raw(0, 1)...)
		b = text(text(b, []byte("-")), []byte("-"))
		b = append(b, a.raw(4, 5)...)
		if s := (source{monitor: isMonitor(a.text(6))}); c.maySee(&s) {
			b = append(b, a.raw(6, 6)...)
		} else {
			b = text(b, []byte{}) // some programs take for granted that there is a text
		}
		c.write(0, finish(append(b, a.raw(7, a.count-1)...)))
	}}
}
