package pulse

import (
	"slices"
	"time"
)

// Playing, in prose. A stream goes to the default device, or to one that the app names: then the server
// is asked first which device that is. PipeWire would take the name of anything, such as that of
// another app's recording, and play into that.

// Values of CREATE_PLAYBACK_STREAM.
const (
	playDevice, playName       = 2, 3
	playProperties             = 20
	playPassthrough, playForms = 27, 28
)

// wish is a request that goes on when more is known. It holds a copy of the packet.
type wish struct {
	conn   *conn
	frame  []byte
	tag    uint32
	device []byte // that was found
	stop   func() // ends the wait for a person
}

// want makes a wish of a packet that asks for a stream, if there may be one more.
func (c *conn) want(p *packet) *wish {
	if c.streams >= maxStreams {
		return nil
	}
	c.streams++
	c.wishes++
	return &wish{conn: c, frame: slices.Clone(p.b), tag: p.tag}
}

// drop ends a wish: it has become a stream, or nothing.
func (c *conn) drop(stream bool) {
	c.wishes--
	if !stream {
		c.streams--
	}
}

var tooMany = verdict{action: refuse, code: tooLarge, what: "have more streams"}

func (c *conn) createPlayback(p *packet) verdict {
	if p.count > playForms {
		if _, ok := plain(nil, p.raw(playForms, playForms)); !ok {
			return verdict{action: refuse, code: notSupported, what: "play encoded sound"}
		}
	}
	w := c.want(p)
	if w == nil {
		return tooMany
	}
	if isDefault(p, playDevice, playName, "@DEFAULT_SINK@") {
		c.play(w)
		return verdict{action: done}
	}
	c.sink(p.u32(playDevice), p.text(playName), func(c *conn, name []byte) {
		if name == nil {
			c.drop(false)
			c.fail(w.tag, noEntity)
			return
		}
		w.device = name
		c.play(w)
	})
	return verdict{action: done}
}

// isDefault reports whether a packet names no device but the default.
func isDefault(p *packet, index, name int, word string) bool {
	return p.u32(index) == none && (p.text(name) == nil || string(p.text(name)) == word)
}

// sink asks which device that plays is meant. The name that then gets is its own to keep; nil: there is none.
func (c *conn) sink(index uint32, name []byte, then func(c *conn, name []byte)) {
	c.send(text(number(c.begin(cmdGetSinkInfo, none, func(c *conn, a *answer) {
		var found []byte
		if a.code == 0 {
			if _, ok := a.walk(body, "Lt", 0); ok {
				found = slices.Clone(a.text(1))
			}
		}
		then(c, found)
	}), index), name))
}

// play asks the server for the stream.
func (c *conn) play(w *wish) {
	p := &packet{}
	p.read(w.frame)
	p.match(playbackShape, c.version) // as it did before
	b := c.begin(cmdCreatePlayback, w.tag, (*conn).playing)
	b = append(b, p.raw(0, playDevice-1)...)
	b = text(number(b, none), w.device)
	b = append(b, p.raw(playName+1, playProperties-1)...)
	b = c.properties(b, p.raw(playProperties, playProperties))
	b = c.rest(b, p, playProperties+1, playPassthrough, playForms)
	c.make(1)
	c.send(b)
}

// rest appends the last values of a request for a stream: what is encoded is left out.
func (c *conn) rest(b []byte, p *packet, first, passthrough, forms int) []byte {
	for i := first; i < p.count; i++ {
		switch i {
		case passthrough:
			b = truth(b, false)
		case forms:
			b, _ = plain(b, p.raw(i, i))
		default:
			b = append(b, p.raw(i, i)...)
		}
	}
	return b
}

// playing takes the server's answer to that.
func (c *conn) playing(a *answer) {
	made := false
	if a.code == 0 {
		if _, made = a.walk(body, "LL", 0); made {
			c.join(&stream{conn: c, channel: a.u32(0), index: a.u32(1)})
			c.log.tell(c.id, "CREATE_PLAYBACK_STREAM", "play", "pass")
		}
	}
	c.drop(made)
	c.pass(a)
	c.make(-1)
}

// An app may have the server play so many samples in such a time: nobody tells when one has ended, and a device has
// room for some hundred streams of all apps.
const (
	maxSamples = 16
	sampleTime = 5 * time.Second
)

// playSample lets the app play what the person's desktop has given the server to play.
func (c *conn) playSample(p *packet) verdict {
	f := c.family
	if f.samples >= maxSamples {
		return tooMany
	}
	f.samples++
	f.loop.After(sampleTime, func() { f.samples-- })
	if isDefault(p, 0, 1, "@DEFAULT_SINK@") {
		b := text(number(c.begin(p.command, p.tag, nil), none), nil)
		c.send(c.properties(append(b, p.raw(2, 3)...), p.raw(4, 4)))
		return verdict{action: done}
	}
	tag, rest, list := p.tag, slices.Clone(p.raw(2, 3)), slices.Clone(p.raw(4, 4))
	command := p.command
	c.sink(p.u32(0), p.text(1), func(c *conn, name []byte) {
		if name == nil {
			c.fail(tag, noEntity)
			return
		}
		b := text(number(c.begin(command, tag, nil), none), name)
		c.send(c.properties(append(b, rest...), list))
	})
	return verdict{action: done}
}
