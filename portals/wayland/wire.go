package wayland

import "encoding/binary"

// A message is a header of two words and its arguments, in the byte order of the machine: the object, and
// size<<16 | opcode. Sizes count the header, and are multiples of four.

const headerSize = 8

type header struct {
	object uint32
	opcode uint16
	size   int
}

func word(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

func setWord(b []byte, v uint32) { binary.NativeEndian.PutUint32(b, v) }

// parse reads the header at the start of b, which has that many bytes.
func parse(b []byte) header {
	w := word(b[4:])
	return header{word(b), uint16(w), int(w >> 16)}
}

// valid reports whether a message can be as long as it says.
func (h header) valid() bool { return h.size >= headerSize && h.size%4 == 0 }

// text reads a string, which is not null, and gives what stands behind it.
func text(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n, b := uint64(word(b)), b[4:]
	padded := (n + 3) &^ 3
	if n == 0 || padded > uint64(len(b)) || b[n-1] != 0 {
		return nil, nil, false
	}
	return b[:n-1], b[padded:], true
}

// announcement is the event wl_registry.global.
type announcement struct {
	number    uint32
	name      []byte // of the interface
	version   uint32
	versionAt int // where it stands in the message
}

func parseGlobal(b []byte) (a announcement, ok bool) {
	if len(b) < headerSize+4 {
		return a, false
	}
	a.number = word(b[headerSize:])
	name, rest, ok := text(b[headerSize+4:])
	if !ok || len(rest) != 4 {
		return a, false
	}
	a.name, a.version, a.versionAt = name, word(rest), len(b)-4
	return a, true
}

// binding is the request wl_registry.bind.
type binding struct {
	number, version, id uint32
	name                []byte
}

func parseBind(b []byte) (r binding, ok bool) {
	if len(b) < headerSize+4 {
		return r, false
	}
	r.number = word(b[headerSize:])
	name, rest, ok := text(b[headerSize+4:])
	if !ok || len(rest) != 8 {
		return r, false
	}
	r.name, r.version, r.id = name, word(rest), word(rest[4:])
	return r, true
}

// message is one that is being written.
type message []byte

func newMessage(object uint32, opcode uint16, words ...uint32) message {
	b := binary.NativeEndian.AppendUint32(nil, object)
	return message(binary.NativeEndian.AppendUint32(b, uint32(opcode))).words(words...)
}

func (b message) words(words ...uint32) message {
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

func (b message) text(s string) message {
	b = append(b.words(uint32(len(s)+1)), s...)
	b = append(b, 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// done gives the message with its size, which is below 64 KiB.
func (b message) done() []byte {
	setWord(b[4:], uint32(len(b))<<16|word(b[4:]))
	return b
}
