package pulse

import (
	"slices"

	"snug/portals/internal/relay"
)

// Recording, in prose. Which source an app records from is decided by name: the server is asked what is
// meant, also by no name at all, and the request goes on with the name that it gave. A monitor needs
// System, others need Record. Then the server's answer is held against that: it may have chosen another,
// as it restores what it remembers of an app. Sound passes when the source is known and may be
// recorded, and not before.
//
//	request ──► which source? ──► may it? ──► ask a person ──► request by name ──► that source? ──► answer
//	                                │no            │no, or 25 s                        │no
//	                                └► NOENTITY    └► ACCESS                           └► stream deleted, ACCESS
//
// Later the server may move the stream: when its device is unplugged, or because a person wants it so, which
// nobody can tell apart. The filter subscribes to what becomes of the app's recordings. When one has come to
// what the app may not record, it is deleted, and the app is told that it was killed. From the move to its
// being told some thousandths of a second of sound may pass, as that is already under way.

// Values of CREATE_RECORD_STREAM.
const (
	recordDevice, recordName       = 2, 3
	recordProperties, recordDirect = 16, 17
	recordForms, recordPassthrough = 21, 27
)

func (c *conn) createRecord(p *packet) verdict {
	if direct := p.u32(recordDirect); direct != none && c.inputs[direct] == nil {
		return verdict{action: refuse, code: noEntity, what: "record a stream of another app"}
	}
	if c.decided && !c.allowed && !c.System {
		return verdict{action: refuse, what: "record, as the person does not want it"}
	}
	if p.count > recordForms {
		if _, ok := plain(nil, p.raw(recordForms, recordForms)); !ok {
			return verdict{action: refuse, code: notSupported, what: "record encoded sound"}
		}
	}
	w := c.want(p)
	if w == nil {
		return tooMany
	}
	c.find(p.u32(recordDevice), p.text(recordName), func(c *conn, s *source) {
		switch {
		case s == nil:
			c.reject(w, noEntity, "", "")
		case c.mayRecord(s):
			w.device = s.name
			c.record(w)
		case s.monitor:
			c.reject(w, noEntity, "record what others play", grantSystem)
		case !c.microphone():
			c.reject(w, noEntity, "record", grantRecord)
		case c.decided:
			c.reject(w, accessDenied, "record, as the person does not want it", "")
		default:
			w.device = s.name
			c.wait(w)
		}
	})
	return verdict{action: done}
}

// reject ends a wish.
func (c *conn) reject(w *wish, code uint32, what, grant string) {
	if what != "" {
		c.log.denied(c.id, what, grant)
	}
	c.drop(false)
	c.fail(w.tag, code)
}

// wait lets a wish wait for a person.
func (c *conn) wait(w *wish) {
	c.log.tell(c.id, "CREATE_RECORD_STREAM", "record", "ask")
	c.waiting = append(c.waiting, w)
	w.stop = c.loop.After(c.family.patience, func() {
		c.waiting = slices.DeleteFunc(c.waiting, func(other *wish) bool { return other == w })
		c.link.Resume(func() { c.reject(w, accessDenied, "record, as nobody has answered in time", "") })
	})
	if c.asked {
		return
	}
	c.asked = true
	if c.question == nil {
		c.decide(false)
		return
	}
	c.question(c.decide)
}

// decide takes the person's answer, which holds for all that the app asks from now on.
func (f *family) decide(allowed bool) {
	if f.decided {
		return
	}
	f.decided, f.allowed = true, allowed
	f.loop.After(0, func() { // a judge may be at work
		waiting := f.waiting
		f.waiting = nil
		for _, w := range waiting {
			w.stop()
			w.conn.link.Resume(func() {
				if allowed {
					w.conn.record(w)
				} else {
					w.conn.reject(w, accessDenied, "record, as the person does not want it", "")
				}
			})
		}
	})
}

// record asks the server for the stream.
func (c *conn) record(w *wish) {
	p := &packet{}
	p.read(w.frame)
	p.match(recordShape, c.version) // as it did before
	b := c.begin(cmdCreateRecord, w.tag, func(c *conn, a *answer) { c.recorded(w, a) })
	b = append(b, p.raw(0, recordDevice-1)...)
	b = text(number(b, none), w.device)
	b = append(b, p.raw(recordName+1, recordProperties-1)...)
	b = c.properties(b, p.raw(recordProperties, recordProperties))
	b = c.rest(b, p, recordProperties+1, recordPassthrough, recordForms)
	c.make(1)
	c.send(b)
}

// recorded takes the server's answer to that.
func (c *conn) recorded(w *wish, a *answer) {
	defer c.make(-1)
	if a.code != 0 {
		c.drop(false)
		c.pass(a)
		return
	}
	if _, ok := a.walk(body, "LLLLamLt", 0); !ok {
		c.reject(w, accessDenied, "", "")
		return
	}
	s := &stream{conn: c, channel: a.u32(0), index: a.u32(1), records: true}
	c.drop(true)
	c.join(s)
	c.watch()
	c.log.tell(c.id, "CREATE_RECORD_STREAM", "record", "pass")
	name := a.text(7)
	switch {
	case string(name) == string(w.device):
		s.verified, s.source = true, string(name)
		c.pass(a)
	case len(name) == 0: // of no source yet: sound waits until it is known
		c.pass(a)
	default:
		c.doubt(s, w.tag, slices.Clone(name), slices.Clone(a.b))
	}
}

// doubt asks what the server has chosen itself, before the app is told that it records.
func (c *conn) doubt(s *stream, tag uint32, name, reply []byte) {
	c.find(none, name, func(c *conn, found *source) {
		if c.records[s.channel] != s {
			c.fail(tag, accessDenied)
			return
		}
		if found == nil || !c.mayRecord(found) {
			c.log.denied(c.id, "record from what the server has chosen", grantSystem)
			c.part(s)
			c.delete(s)
			c.fail(tag, accessDenied)
			return
		}
		s.verified, s.source = true, string(found.name)
		p := packet{b: reply}
		p.retag(tag)
		c.write(relay.App, reply)
	})
}

// delete ends a stream at the server.
func (c *conn) delete(s *stream) {
	c.send(number(c.begin(cmdDeleteRecord, none, func(*conn, *answer) {}), s.channel))
}

// kill ends a stream that records what it may not, and tells the app.
func (c *conn) kill(s *stream) {
	c.log.denied(c.id, "record from where the stream was moved", grantSystem)
	c.part(s)
	c.delete(s)
	c.write(relay.App, finish(number(begin(c.draft[:0], cmdRecordKilled, none), s.channel)))
}

// check asks what a stream records from.
func (c *conn) check(s *stream) {
	if s.checking {
		s.again = true
		return
	}
	s.checking, s.again = true, false
	c.send(number(c.begin(cmdGetOutputInfo, none, func(c *conn, a *answer) {
		index := uint32(none)
		if a.code == 0 {
			if _, ok := a.walk(body, "LtLLL", 0); ok && a.u32(0) == s.index {
				index = a.u32(4)
			}
		}
		if index == none {
			c.checked(s, nil)
			return
		}
		c.find(index, nil, (&checking{s}).found)
	}), s.index))
}

type checking struct{ s *stream }

func (k *checking) found(c *conn, found *source) { c.checked(k.s, found) }

// checked takes what was found out: nil is that nobody knows.
func (c *conn) checked(s *stream, found *source) {
	s.checking = false
	switch {
	case c.records[s.channel] != s:
		return
	case found == nil:
		s.verified = false
	case !c.mayRecord(found):
		c.kill(s)
		return
	default:
		s.verified, s.source = true, string(found.name)
	}
	if s.again {
		c.check(s)
	}
}

// moved takes that the server has moved a stream, and reports whether the app may be told already.
func (c *conn) moved(s *stream, p *packet) bool {
	if _, ok := p.walk(body, "LLt", 0); !ok {
		return false
	}
	if s.verified && string(p.text(2)) == s.source {
		return true
	}
	s.verified = false
	news := slices.Clone(p.b)
	c.find(none, slices.Clone(p.text(2)), func(c *conn, found *source) {
		switch {
		case c.records[s.channel] != s:
		case found != nil && c.mayRecord(found):
			s.verified, s.source = true, string(found.name)
			c.write(relay.App, news)
		default:
			c.kill(s)
		}
	})
	return false
}

// moveOutput lets the app choose another source for what it records.
func (c *conn) moveOutput(p *packet) verdict {
	s := c.outputs[p.u32(0)]
	if s == nil {
		return missing
	}
	tag := p.tag
	c.find(p.u32(1), p.text(2), func(c *conn, found *source) {
		switch {
		case found == nil:
			c.fail(tag, noEntity)
		case !c.mayRecord(found):
			c.log.denied(c.id, "record what others play", grantSystem)
			c.fail(tag, noEntity)
		default:
			c.send(text(number(number(c.begin(cmdMoveSourceOutput, tag, nil), s.index), none), found.name))
		}
	})
	return verdict{action: done}
}
