package pulse

// What an app does with what is its own.

var missing = verdict{action: refuse, code: noEntity}

// passIf is the verdict on what an app does with something that is its own or is not.
func passIf(own bool) verdict {
	if own {
		return verdict{action: pass}
	}
	return missing
}

func (c *conn) ownPlayback(p *packet) verdict { return passIf(c.plays[p.u32(0)] != nil) }
func (c *conn) ownRecord(p *packet) verdict   { return passIf(c.records[p.u32(0)] != nil) }
func (c *conn) ownClient(p *packet) verdict   { return passIf(c.clients[p.u32(0)] != nil) }
func (c *conn) ownInput(p *packet) verdict    { return passIf(c.inputs[p.u32(0)] != nil) }
func (c *conn) ownOutput(p *packet) verdict   { return passIf(c.outputs[p.u32(0)] != nil) }

func (c *conn) deletePlayback(p *packet) verdict { return c.end(c.plays[p.u32(0)]) }
func (c *conn) deleteRecord(p *packet) verdict   { return c.end(c.records[p.u32(0)]) }

// end lets the app end a stream, which is forgotten at once: when the server has answered, its index may
// be that of somebody else's.
func (c *conn) end(s *stream) verdict {
	if s == nil {
		return missing
	}
	c.part(s)
	return verdict{action: pass}
}

// setClientName takes who the app says it is.
func (c *conn) setClientName(p *packet) verdict {
	c.make(1)
	b := c.begin(cmdSetClientName, p.tag, (*conn).named)
	c.send(c.properties(b, p.raw(0, 0)))
	return verdict{action: done}
}

// named takes the index by which the server knows the app.
func (c *conn) named(a *answer) {
	if a.code == 0 && a.match("L", 0) {
		if c.clients[c.index] == c {
			delete(c.clients, c.index)
		}
		c.index = a.u32(0)
		c.clients[c.index] = c
	}
	c.pass(a)
	c.make(-1)
}

// make counts what the server is making, and looks at what it has told of the meantime when that is less.
func (c *conn) make(n int) {
	c.family.creating += n
	c.creating += n
	if n < 0 {
		c.sift(c)
	}
}

func (c *conn) updatePlayback(p *packet) verdict { return c.update(p, c.plays[p.u32(0)] != nil) }
func (c *conn) updateRecord(p *packet) verdict   { return c.update(p, c.records[p.u32(0)] != nil) }
func (c *conn) updateClient(p *packet) verdict   { return c.update(p, true) }

// update lets the app change properties: the last of the values, behind a channel or none, and a mode.
func (c *conn) update(p *packet, own bool) verdict {
	if !own {
		return missing
	}
	b := append(c.begin(p.command, p.tag, nil), p.raw(0, p.count-2)...)
	c.send(c.properties(b, p.raw(p.count-1, p.count-1)))
	return verdict{action: done}
}

func (c *conn) removePlayback(p *packet) verdict { return c.remove(p, c.plays[p.u32(0)] != nil) }
func (c *conn) removeRecord(p *packet) verdict   { return c.remove(p, c.records[p.u32(0)] != nil) }
func (c *conn) removeClient(p *packet) verdict   { return c.remove(p, true) }

// remove lets the app take properties away: the last of the values is their names.
func (c *conn) remove(p *packet, own bool) verdict {
	if !own {
		return missing
	}
	b := c.begin(p.command, p.tag, nil)
	if p.count > 1 {
		b = append(b, p.raw(0, 0)...)
	}
	c.send(names(b, p.raw(p.count-1, p.count-1)))
	return verdict{action: done}
}
