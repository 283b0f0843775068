package pulse

import (
	"cmp"
	"time"

	"snug/portals/internal/relay"
)

// family is what the connections of one Server share: apps list their streams on one connection and
// play on another.
type family struct {
	Policy
	cookie   []byte
	log      log
	loop     *relay.Loop
	question func(done func(allowed bool))

	conns    map[*conn]struct{}
	clients  map[uint32]*conn   // by the server's index, as all below
	inputs   map[uint32]*stream // that play
	outputs  map[uint32]*stream // that record
	gone     [maxGone]thing     // those that have just ended
	next     int                // where in it the next one goes
	streams  int                // that are, or are asked for
	samples  int                // that may be playing
	creating int                // clients and streams that the server is making

	asked    bool
	decided  bool // the person has answered, with
	allowed  bool
	waiting  []*wish
	patience time.Duration
}

// maxGone is how many of those that have ended are remembered.
const maxGone = 64

// patience is how long an app waits for a person: libpulse gives up after 30 seconds.
const patience = 25 * time.Second

// stream plays or records.
type stream struct {
	conn           *conn
	channel, index uint32
	records        bool

	verified bool // what it records from may be recorded: before that no sound passes
	source   string
	checking bool // the server is asked
	again    bool // it has to be asked once more
}

func newFamily(s Server, loop *relay.Loop) *family {
	return &family{Policy: s.Policy, cookie: s.Cookie, log: log{s.Log, s.Name}, loop: loop, question: s.Ask, patience: cmp.Or(s.patience, patience),
		conns: map[*conn]struct{}{}, clients: map[uint32]*conn{}, inputs: map[uint32]*stream{}, outputs: map[uint32]*stream{}}
}

// join notes a stream that the server has made.
func (f *family) join(s *stream) {
	if s.records {
		s.conn.records[s.channel], f.outputs[s.index] = s, s
	} else {
		s.conn.plays[s.channel], f.inputs[s.index] = s, s
	}
}

// part forgets a stream that ends: the server may give its index to another app's.
func (f *family) part(s *stream) {
	channels, indices, kind := s.conn.plays, f.inputs, uint32(facilityInput)
	if s.records {
		channels, indices, kind = s.conn.records, f.outputs, facilityOutput
	}
	if channels[s.channel] != s {
		return
	}
	delete(channels, s.channel)
	if indices[s.index] == s {
		delete(indices, s.index)
		f.bury(thing{kind, s.index})
	}
	f.streams--
}

// leave forgets a connection that has ended, and all that it had.
func (f *family) leave(c *conn) {
	delete(f.conns, c)
	if f.clients[c.index] == c {
		delete(f.clients, c.index)
		f.bury(thing{facilityClient, c.index})
	}
	for _, s := range c.plays {
		f.part(s)
	}
	for _, s := range c.records {
		f.part(s)
	}
	f.streams -= c.wishes
	f.creating -= c.creating
	still := f.waiting[:0]
	for _, w := range f.waiting {
		if w.conn == c {
			w.stop()
			continue
		}
		still = append(still, w)
	}
	clear(f.waiting[len(still):])
	f.waiting = still
	f.sift(c)
}

func (f *family) bury(t thing) {
	f.gone[f.next] = t
	f.next = (f.next + 1) % maxGone
}

// buried reports whether a thing was the app's and has just ended. It is told once to each connection
// that asks, as long as it is remembered.
func (f *family) buried(t thing) bool {
	for _, g := range f.gone {
		if g == t {
			return true
		}
	}
	return false
}

// owns reports whether a thing is the app's.
func (f *family) owns(t thing) bool {
	switch t.facility {
	case facilityClient:
		return f.clients[t.index] != nil
	case facilityInput:
		return f.inputs[t.index] != nil
	}
	return f.outputs[t.index] != nil
}

// mayRecord reports whether sound of a source may reach the app, when nobody has to be asked any more.
func (f *family) mayRecord(s *source) bool {
	if s.monitor {
		return f.System
	}
	return f.Record == "allow" || f.Record == "ask" && f.allowed
}

// maySee reports whether the app may know of a source.
func (f *family) maySee(s *source) bool {
	if s.monitor {
		return f.System
	}
	return f.microphone() && !(f.decided && !f.allowed)
}
