package dbus

import (
	"errors"
)

// Bounds of what one connection makes the filter remember.
const (
	maxOpen  = 1 << 16 // calls of the app without an answer, and calls to it
	maxPeers = 1 << 14 // peers of which nothing is known but that they are there
	// maxGranted bounds the peers that were seen to own a granted name, as the app can be one of them
	// again and again. Later ones stay strangers.
	maxGranted = 1 << 12
)

var (
	errSerial = errors.New("the serial of a call that is not answered yet was used again")
	errOpen   = errors.New("too many calls without an answer")
)

// state is what one connection knows of the bus.
type state struct {
	*policy
	family    *family
	stands    []Stand
	self      string // the app's unique name, once the bus has said it
	peers     map[string]*peer
	asked     map[uint32]answer   // what becomes of the answers to the app's calls, by serial
	delivered map[call]struct{}   // calls that the app may still answer
	claimed   map[string]struct{} // names that the app has asked for on the bus
	granted   int                 // peers with grants
	current   map[string]string   // who owns the names of stands now
	pending   int                 // answers of stands that are not given yet
}

// peer is somebody with a unique name.
type peer struct {
	level  level
	grants []*grant // of all names that it was ever seen to own
	open   int      // calls of it in delivered
}

// call is a call to the app.
type call struct {
	from   *peer
	serial uint32
}

// answer says what becomes of the bus's answer to a call.
type answer struct {
	kind    answerKind
	err     string // the error's name
	text    string
	number  uint32
	request *request
}

type answerKind byte

const (
	asIs       answerKind = iota
	greeting              // it says who the app is
	names                 // hidden names are taken out
	becomes               // an error
	becomesNot            // false
	becomesYes            // true
	becomesNumber
	becomesText
	becomesRequest
)

func newState(p *policy, f *family, stands []Stand) *state {
	return &state{policy: p, family: f, stands: stands, peers: map[string]*peer{}, asked: map[uint32]answer{}, delivered: map[call]struct{}{},
		claimed: map[string]struct{}{}, current: map[string]string{}}
}

// ask remembers a call of the app.
func (s *state) ask(serial uint32, a answer) error {
	if _, again := s.asked[serial]; again {
		return errSerial // else the answer to one call would be taken for that to the other
	}
	if len(s.asked) >= maxOpen {
		return errOpen
	}
	s.asked[serial] = a
	return nil
}

// answered gives what becomes of an answer, once.
func (s *state) answered(serial uint32) (answer, bool) {
	a, ok := s.asked[serial]
	if ok {
		delete(s.asked, serial)
	}
	return a, ok
}

// meet finds or makes the peer of a unique name, and makes it visible.
func (s *state) meet(name []byte) *peer {
	p := s.peers[string(name)]
	if p == nil {
		if len(s.peers) >= maxPeers {
			s.forget()
		}
		p = &peer{}
		s.peers[string(name)] = p
	}
	p.level = max(p.level, see)
	return p
}

// forget takes out the peers that could do nothing but be seen.
func (s *state) forget() {
	for name, p := range s.peers {
		if len(p.grants) == 0 && p.open == 0 {
			delete(s.peers, name)
		}
	}
}

// deliver remembers a call to the app.
func (s *state) deliver(from []byte, serial uint32) {
	p := s.meet(from)
	if len(s.delivered) >= maxOpen { // its callers have long given up
		clear(s.delivered)
		for _, p := range s.peers {
			p.open = 0
		}
	}
	c := call{p, serial}
	if _, again := s.delivered[c]; !again {
		s.delivered[c] = struct{}{}
		p.open++
	}
}

// mayAnswer reports whether the app owes this answer to that caller.
func (s *state) mayAnswer(to []byte, serial uint32) bool {
	p := s.peers[string(to)]
	if p == nil {
		return false
	}
	_, ok := s.delivered[call{p, serial}]
	return ok
}

// answer notes that the app has answered.
func (s *state) answer(to []byte, serial uint32) {
	p := s.peers[string(to)]
	delete(s.delivered, call{p, serial})
	p.open--
}

// owns notes that a unique name owns a well-known one.
func (s *state) owns(owner, name []byte) {
	if !unique(owner) || s.level(name) == none {
		return
	}
	p := s.meet(owner)
	for i := range s.stands {
		if s.stands[i].Name == string(name) {
			s.current[string(name)] = string(owner)
		}
	}
	s.visit(name, func(g *grant) bool {
		for _, old := range p.grants {
			if old == g {
				return false
			}
		}
		if len(p.grants) == 0 {
			if s.granted >= maxGranted {
				return false
			}
			s.granted++
		}
		p.grants = append(p.grants, g)
		p.level = max(p.level, g.level)
		return false
	})
}

// busName is the name of the bus itself.
const busName = "org.freedesktop.DBus"

// levelOf gives what is granted for any name.
func (s *state) levelOf(name []byte) level {
	switch {
	case string(name) == busName:
		return talk
	case !unique(name):
		return s.level(name)
	case string(name) == s.self, s.family.has(name):
		return talk
	}
	if p := s.peers[string(name)]; p != nil {
		return p.level
	}
	return none
}

// reaches reports whether the app may send this to the name, which is not the bus's.
func (s *state) reaches(name []byte, h *header) bool {
	if !unique(name) {
		return s.visit(name, func(g *grant) bool { return g.allows(h) })
	}
	if string(name) == s.self || s.family.has(name) {
		return true
	}
	if p := s.peers[string(name)]; p != nil {
		for _, g := range p.grants {
			if g.allows(h) {
				return true
			}
		}
	}
	return false
}

// hears reports whether a signal for all reaches the app.
func (s *state) hears(sender []byte, h *header) bool {
	if string(sender) == s.self && s.self != "" || s.family.has(sender) {
		return true
	}
	if p := s.peers[string(sender)]; p != nil {
		for _, g := range p.grants {
			if g.tells(h) {
				return true
			}
		}
	}
	return false
}
