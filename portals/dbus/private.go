package dbus

import (
	"encoding/binary"

	"snug/portals/internal/relay"
)

// Private names, in prose.
//
// A desktop program owns a name so that its second start finds the first. In a sandbox the first may
// be the same program outside, which must not be found: it would open, with all the rights of the
// session, what the app sends it. And the other way round a start outside must not end up in the
// sandbox. So the filter keeps such names itself. The first connection of a Bus that asks for one owns
// it until it ends or gives it back; there is no queue. A message to the name goes to its owner's
// unique name, over the bus, as if the app had written that. If nobody owns it there is no such name,
// whatever the bus has.
//
// Nobody is told of owners that come and go but the new owner itself.

// family is what the connections of one Bus share. The zero value has no private names.
type family struct {
	private []pattern
	owners  map[string]*conn // of private names
	members map[string]*conn // by unique name, once the bus has said it
}

func newFamily(names []string) *family {
	f := &family{owners: map[string]*conn{}, members: map[string]*conn{}}
	for _, n := range names {
		p, _ := parsePattern(n)
		f.private = append(f.private, p)
	}
	return f
}

// isPrivate reports whether a name is kept from the bus. One that the app may own there is not.
func (s *state) isPrivate(name []byte) bool {
	for _, p := range s.family.private {
		if p.matches(name) {
			return !s.mayOwn(name)
		}
	}
	return false
}

// has reports whether a unique name is that of a connection which may be talked to.
func (f *family) has(name []byte) bool { return len(f.private) > 0 && f.members[string(name)] != nil }

// owner gives the unique name of a private name's owner, or "".
func (f *family) owner(name []byte) string {
	if c := f.owners[string(name)]; c != nil {
		return c.self
	}
	return ""
}

// leave forgets a connection that has ended.
func (f *family) leave(c *conn) {
	delete(f.members, c.self)
	for name, owner := range f.owners {
		if owner == c {
			delete(f.owners, name)
		}
	}
}

// Answers to RequestName, ReleaseName and StartServiceByName (D-Bus specification, "Message Bus Messages").
const (
	primaryOwner, nameExists, alreadyOwner = 1, 3, 4
	released, nonExistent, notOwner        = 1, 2, 3
	alreadyRunning                         = 2
)

// maxPrivate bounds the private names that an app may own.
const maxPrivate = 1000

// change is what a verdict does to private names.
type change byte

const (
	unchanged change = iota
	take
	giveBack
	claim   // of a name on the bus
	unclaim // likewise
)

// maxOwned bounds the names that one connection may ask for on the bus. Lists of names go to every
// program there.
const maxOwned = 256

// aboutPrivate decides on a call to the bus about a private name. Nothing here changes anything.
func (s *state) aboutPrivate(n need, member, name []byte) verdict {
	owner := s.family.owner(name)
	v := verdict{action: settle, name: name}
	number := func(n uint32) { v.answer = answer{kind: becomesNumber, number: n} }
	switch {
	case n == asking01:
		v.answer = answer{kind: becomesNot}
		if owner != "" {
			v.answer = answer{kind: becomesYes}
		}
	case n == owning && string(member) == "RequestName":
		switch {
		case owner == s.self && owner != "":
			number(alreadyOwner)
		case owner != "" || len(s.family.owners) >= maxPrivate:
			number(nameExists)
		default:
			number(primaryOwner)
			v.change = take
		}
	case n == owning && string(member) == "ReleaseName":
		switch owner {
		case "":
			number(nonExistent)
		case s.self:
			number(released)
			v.change = giveBack
		default:
			number(notOwner)
		}
	case owner == "":
		v.action = refuse
		v.answer = answer{kind: becomes, err: nameHasNoOwner, text: "Could not get owner of name '" + string(name) + "': no such name"}
		if n == talking {
			v.answer = unknown(name)
		}
	case n == talking:
		number(alreadyRunning)
	case string(member) == "GetNameOwner":
		v.answer = answer{kind: becomesText, text: owner}
	default:
		v = denied("", name)
	}
	return v
}

// toPrivate decides on a message to a private name.
func (s *state) toPrivate(h *header) verdict {
	name := h.destination()
	if owner := s.family.owner(name); owner != "" {
		return verdict{to: owner}
	}
	v := verdict{action: refuse, name: name, answer: unknown(name)}
	if h.flags&noAutoStart != 0 {
		v.answer = answer{kind: becomes, err: nameHasNoOwner, text: "Name \"" + string(name) + "\" does not exist"}
	}
	return silent(h, v)
}

// apply changes who owns a private name, and tells the new owner; or lets a Stand answer.
func (c *conn) apply(k *relay.Link, h *header, v verdict) {
	if v.stand != nil {
		r := v.answer.request
		r.response, r.results = v.stand.Answer(r.options)
		r.options = nil
		if h.wantsReply() {
			c.pending++
		}
	}
	switch v.change {
	case take:
		c.family.owners[string(v.name)] = c
		c.write(k, relay.App, nameAcquired(c.draft, c.self, string(v.name)))
	case giveBack:
		delete(c.family.owners, string(v.name))
	case claim:
		c.claimed[string(v.name)] = struct{}{}
	case unclaim:
		delete(c.claimed, string(v.name))
	}
}

// redirect sends a message to another destination than it says.
func (c *conn) redirect(k *relay.Link, b []byte, h *header, to string) int {
	f := &c.flows[relay.App]
	c.write(k, relay.Host, readdress(c.draft, b[:h.size], h, to))
	n := min(h.size+h.body, len(b))
	if n > h.size {
		k.Pass(relay.App, b[h.size:n], int(h.fds))
	}
	f.rest, f.pass = h.size+h.body-n, true
	return n
}

// readdress appends a header with another destination to b. Each field begins at a multiple of eight,
// so the others are copied as they are.
func readdress(b, old []byte, h *header, to string) []byte {
	start := len(b)
	b = append(b, old[:fixedSize]...)
	walk := header{big: h.big}
	end := fixedSize + int(number(old[12:], h.big))
	for at := fixedSize; at < end; {
		from := aligned(at, 8)
		at, _ = walk.field(old[:end], at) // it was parsed before
		if old[from] == fieldDestination {
			continue
		}
		b = pad(b, start)
		b = append(b, old[from:at]...)
	}
	b = pad(b, start)
	var order binary.AppendByteOrder = binary.LittleEndian
	if h.big {
		order = binary.BigEndian
	}
	b = append(b, fieldDestination, 1, 's', 0)
	b = order.AppendUint32(b, uint32(len(to)))
	b = append(append(b, to...), 0)
	length := order.AppendUint32(nil, uint32(len(b)-start-fixedSize))
	copy(b[start+12:], length)
	return pad(b, start)
}

// pad aligns the end of b to eight from start on.
func pad(b []byte, start int) []byte {
	for (len(b)-start)%8 != 0 {
		b = append(b, 0)
	}
	return b
}
