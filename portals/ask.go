package portals

import (
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// Questions to the person, in prose. A broker can show nobody anything. It sends a question to whoever
// started it, by one packet on a descriptor, and goes on; the answer is a packet, too, whenever it
// comes. Who started it knows the app, shows a dialog, and is not to believe more of the packet than
// that the app wants it. When the other end has gone the answer to all questions is no.

// Question is what a broker wants to know of the person.
type Question struct {
	ID   uint32 // of this question; the answer bears it
	Kind string // "record": may the app record from microphones
}

// kinds of questions, by the byte that stands for them.
var kinds = [...]string{"record"}

var errAsk = errors.New("malformed question")

// questionSize is the bytes of an id and of a kind.
const questionSize = 5

// Packet spells a question, as [ParseAsk] reads it. The kind is one of those that Question names.
func (q Question) Packet() []byte {
	kind := slices.Index(kinds[:], q.Kind)
	return append(binary.BigEndian.AppendUint32(nil, q.ID), byte(kind))
}

// ParseAsk reads a question of a broker, of which nothing is believed but that it speaks for its app.
func ParseAsk(packet []byte) (Question, error) {
	if len(packet) != questionSize || int(packet[4]) >= len(kinds) {
		return Question{}, errAsk
	}
	return Question{binary.BigEndian.Uint32(packet), kinds[packet[4]]}, nil
}

// AskAnswer spells the answer to a question, to be sent back as one packet.
func AskAnswer(q Question, allowed bool) []byte {
	b := binary.BigEndian.AppendUint32(nil, q.ID)
	if allowed {
		return append(b, '1')
	}
	return append(b, '0')
}

// parseAnswer reads that.
func parseAnswer(packet []byte) (id uint32, allowed, ok bool) {
	if len(packet) != questionSize || packet[4] != '0' && packet[4] != '1' {
		return 0, false, false
	}
	return binary.BigEndian.Uint32(packet), packet[4] == '1', true
}

// asker asks who started the broker.
type asker struct {
	loop *relay.Loop
	fd   int // of a socket of packets, or -1 when the other end has gone
	last uint32
	open map[uint32]func(allowed bool)
}

// newAsker makes one of a descriptor, which stays the caller's.
func newAsker(loop *relay.Loop, fd int) (*asker, error) {
	a := &asker{loop: loop, fd: fd, open: map[uint32]func(bool){}}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return a, loop.Watch(fd, a.read)
}

// ask asks, and calls done once: at once if nobody can be asked.
func (a *asker) ask(q Question, done func(allowed bool)) {
	a.last++
	q.ID = a.last
	if a.fd < 0 {
		done(false)
		return
	}
	if err := unix.Send(a.fd, q.Packet(), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT); err != nil {
		done(false)
		return
	}
	a.open[q.ID] = done
}

// read takes the answers that are there. One that nobody waits for is left out.
func (a *asker) read() {
	var b [16]byte
	for {
		n, err := unix.Read(a.fd, b[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case n <= 0:
			a.gone()
			return
		}
		id, allowed, ok := parseAnswer(b[:n])
		if done := a.open[id]; ok && done != nil {
			delete(a.open, id)
			done(allowed)
		}
	}
}

// gone says no to all questions.
func (a *asker) gone() {
	a.loop.Forget(a.fd)
	a.fd = -1
	for id, done := range a.open {
		delete(a.open, id)
		done(false)
	}
}
