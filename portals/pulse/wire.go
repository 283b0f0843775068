package pulse

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The wire. A frame is a head of five big-endian words (length, channel, offset in two halves, flags)
// and its bytes. On channel noChannel it is a packet: a list of values, each behind a letter for its
// type, of which the first two are a command and a tag. On others it is sound.

const (
	headSize  = 20
	noChannel = 0xffffffff
	none      = 0xffffffff // no index, no tag

	maxPacket = 64 << 10  // of an app
	maxAnswer = 127 << 10 // of a server: what a relay shows at a time
	maxSound  = 1 << 20   // the most that libpulse writes at a time is 64 KiB

	maxChannels = 32 // of a sample specification
)

// What breaks the protocol.
var (
	errFrame  = errors.New("a frame that is none, or uses shared memory")
	errLength = errors.New("a frame that is too long")
	errPacket = errors.New("a packet whose values are not those of its command")
)

// head is the head of a frame.
type head struct {
	length, channel, flags uint32
}

func readHead(b []byte) head {
	return head{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[16:])}
}

// check tells what is wrong with a frame, before anything is kept of it. The low byte of the flags of
// sound says from where it seeks; all others are of shared memory, which would lead past this filter.
func (h head) check(longest uint32) error {
	switch {
	case h.channel == noChannel && h.flags != 0, h.channel != noChannel && h.flags > 3:
		return errFrame
	case h.channel == noChannel && h.length > longest, h.channel != noChannel && h.length > maxSound:
		return errLength
	case h.length == 0:
		return errFrame
	}
	return nil
}

// field is where a value stands in a packet, its letter included.
type field struct{ from, to int }

// maxFields is more than any shape has.
const maxFields = 40

// packet is a frame that holds values. It points into the bytes that it was read from.
type packet struct {
	b            []byte // with its head
	command, tag uint32
	fields       [maxFields]field
	count        int
}

// body is where the values behind command and tag begin.
const body = headSize + 10

// read reads command and tag.
func (p *packet) read(frame []byte) error {
	if len(frame) < body || frame[headSize] != 'L' || frame[headSize+5] != 'L' {
		return errPacket
	}
	p.b, p.count = frame, 0
	p.command, p.tag = binary.BigEndian.Uint32(frame[headSize+1:]), binary.BigEndian.Uint32(frame[headSize+6:])
	return nil
}

// retag puts another tag into the packet's bytes.
func (p *packet) retag(tag uint32) { binary.BigEndian.PutUint32(p.b[headSize+6:], tag) }

// match reports whether the values are those of a shape and nothing more, and notes where they are.
func (p *packet) match(shape string, version uint32) bool {
	end, ok := p.walk(body, shape, version)
	return ok && end == len(p.b)
}

// walk is match for values from a place on, with more behind them; it tells where those begin.
//
// A shape is a letter for each value, as on the wire, but for: b, either bool; F, a number of formats and
// they; S, texts up to the one that is none; O, a number of ports and they. "14:" begins what is there
// from that version of the protocol on.
func (p *packet) walk(at int, shape string, version uint32) (end int, ok bool) {
	p.count = 0
	since := uint32(0)
	for i := 0; i < len(shape); i++ {
		switch c := shape[i]; {
		case c == ' ':
			since = 0
		case c >= '0' && c <= '9':
			since = since*10 + uint32(c-'0')
		case c == ':' && since > version:
			return at, true
		case c == ':':
		default:
			next := skip(p.b, at, c, version)
			if next < 0 || p.count == maxFields {
				return 0, false
			}
			p.fields[p.count] = field{at, next}
			p.count++
			at = next
		}
	}
	return at, true
}

// raw gives the bytes of some values, one behind the other.
func (p *packet) raw(first, last int) []byte { return p.b[p.fields[first].from:p.fields[last].to] }

// u32 gives a value of type L.
func (p *packet) u32(i int) uint32 { return binary.BigEndian.Uint32(p.b[p.fields[i].from+1:]) }

// text gives a value of type t; nil is none, which is not the empty one.
func (p *packet) text(i int) []byte {
	f := p.fields[i]
	if p.b[f.from] == 'N' {
		return nil
	}
	return p.b[f.from+1 : f.to-1]
}

// skip gives the end of a value of some type, or -1 if none such is there whole.
func skip(b []byte, at int, kind byte, version uint32) int {
	if at >= len(b) {
		return -1
	}
	letter, size := b[at], 0
	switch kind {
	case 't':
		return skipText(b, at)
	case 'F':
		return skipFormats(b, at, version)
	case 'S':
		return skipTexts(b, at)
	case 'O':
		return skipPorts(b, at, version)
	case 'P':
		return skipProperties(b, at)
	case 'f':
		if len(b) < at+3 || letter != 'f' || b[at+1] != 'B' {
			return -1
		}
		return skipProperties(b, at+3)
	case 'b':
		if letter != '0' && letter != '1' {
			return -1
		}
		return at + 1
	case 'L', 'V':
		size = 5
	case 'B':
		size = 2
	case 'R', 'r', 'U', 'T':
		size = 9
	case 'a':
		size = 7
	case 'm', 'v':
		if len(b) < at+2 || b[at+1] > maxChannels {
			return -1
		}
		size = 2 + int(b[at+1])
		if kind == 'v' {
			size = 2 + 4*int(b[at+1])
		}
	case 'x':
		if len(b) < at+5 || binary.BigEndian.Uint32(b[at+1:]) > uint32(len(b)) {
			return -1
		}
		size = 5 + int(binary.BigEndian.Uint32(b[at+1:]))
	}
	if letter != kind || size == 0 || at+size > len(b) {
		return -1
	}
	return at + size
}

func skipText(b []byte, at int) int {
	if at >= len(b) {
		return -1
	}
	switch b[at] {
	case 'N':
		return at + 1
	case 't':
		if n := bytes.IndexByte(b[at:], 0); n > 0 {
			return at + n + 1
		}
	}
	return -1
}

func skipTexts(b []byte, at int) int {
	for at < len(b) && b[at] == 't' {
		if at = skipText(b, at); at < 0 {
			return -1
		}
	}
	return skipText(b, at) // the one that is none
}

func skipProperties(b []byte, at int) int {
	if at >= len(b) || b[at] != 'P' {
		return -1
	}
	at++
	for at < len(b) && b[at] == 't' {
		if at = skipText(b, at); at < 0 {
			return -1
		}
		if at = skip(b, at, 'L', 0); at < 0 {
			return -1
		}
		if len(b) < at+5 || string(b[at-4:at]) != string(b[at+1:at+5]) { // the size stands there twice
			return -1
		}
		if at = skip(b, at, 'x', 0); at < 0 {
			return -1
		}
	}
	if at >= len(b) || b[at] != 'N' {
		return -1
	}
	return at + 1
}

func skipFormats(b []byte, at int, version uint32) int {
	count := 0
	if end := skip(b, at, 'B', version); end > 0 {
		at, count = end, int(b[end-1])
	} else {
		return -1
	}
	for range count {
		if at = skip(b, at, 'f', version); at < 0 {
			return -1
		}
	}
	return at
}

// maxPorts is how many ports of a device are read.
const maxPorts = 1000

func skipPorts(b []byte, at int, version uint32) int {
	end := skip(b, at, 'L', version)
	if end < 0 || binary.BigEndian.Uint32(b[at+1:]) > maxPorts {
		return -1
	}
	count := int(binary.BigEndian.Uint32(b[at+1:]))
	port := "ttL"
	if version >= 24 {
		port = "ttLL"
	}
	if version >= 34 {
		port = "ttLLtL"
	}
	at = end
	for range count {
		for i := range len(port) {
			if at = skip(b, at, port[i], version); at < 0 {
				return -1
			}
		}
	}
	return at
}
