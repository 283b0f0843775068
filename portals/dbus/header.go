package dbus

import (
	"encoding/binary"
	"errors"
)

// The header of a message, read in place: every slice points into the buffer that it came in.

// Types of messages.
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3
	signal       = 4
)

// Flags of messages.
const (
	noReplyExpected = 1
	noAutoStart     = 2
)

// Codes of header fields.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSender      = 7
	fieldSignature   = 8
	fieldUnixFDs     = 9
)

// Limits. The specification allows headers of 64 MiB; real ones have some hundred bytes.
const (
	fixedSize      = 16
	maxHeader      = 64 << 10
	maxFields      = 64 << 20
	maxMessage     = 128 << 20
	maxDescriptors = 253
)

var errHeader = errors.New("malformed message header")

// header is what a message says about itself.
type header struct {
	big         bool // big endian
	kind        byte
	flags       byte
	fields      uint16 // a bit for each field that is there
	size        int    // of the header, with its padding
	body        int
	serial      uint32
	replySerial uint32
	fds         uint32
	text        [fieldSignature + 1][]byte // strings, by the code of their field
}

func (h *header) path() []byte        { return h.text[fieldPath] }
func (h *header) iface() []byte       { return h.text[fieldInterface] }
func (h *header) member() []byte      { return h.text[fieldMember] }
func (h *header) destination() []byte { return h.text[fieldDestination] }
func (h *header) sender() []byte      { return h.text[fieldSender] }
func (h *header) signature() []byte   { return h.text[fieldSignature] }
func (h *header) has(code byte) bool  { return h.fields>>code&1 != 0 }
func (h *header) isReply() bool       { return h.kind == methodReturn || h.kind == errorReply }
func (h *header) wantsReply() bool    { return h.kind == methodCall && h.flags&noReplyExpected == 0 }

func number(b []byte, big bool) uint32 {
	if big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func aligned(n, to int) int { return (n + to - 1) &^ (to - 1) }

// parse reads the header at the start of b, and reports whether all of it is there. With an error,
// size and body are set if at least the message's end is known.
func (h *header) parse(b []byte) (whole bool, err error) {
	if len(b) < fixedSize {
		return false, nil
	}
	*h = header{big: b[0] == 'B', kind: b[1], flags: b[2]}
	body, fields := number(b[4:], h.big), number(b[12:], h.big)
	if b[0] != 'B' && b[0] != 'l' || b[3] != 1 || fields > maxFields || body > maxMessage {
		return false, errHeader
	}
	h.serial = number(b[8:], h.big)
	end := fixedSize + int(fields)
	h.size, h.body = aligned(end, 8), int(body)
	if h.serial == 0 || h.kind < methodCall || h.kind > signal || h.size > maxHeader || h.size+h.body > maxMessage {
		return false, errHeader
	}
	if len(b) < h.size {
		return false, nil
	}
	for at := fixedSize; at < end; {
		if at, err = h.field(b[:end], at); err != nil {
			return false, err
		}
	}
	if !zero(b[end:h.size]) || !h.complete() {
		return false, errHeader
	}
	return true, nil
}

// field reads one field, which begins at the next multiple of eight, and gives its end.
func (h *header) field(b []byte, at int) (int, error) {
	start := aligned(at, 8)
	if start+4 > len(b) || !zero(b[at:start]) {
		return 0, errHeader
	}
	code := b[start]
	if code == 0 || code > fieldUnixFDs || h.has(code) || b[start+1] != 1 || b[start+3] != 0 {
		return 0, errHeader
	}
	h.fields |= 1 << code
	value := b[start+4:]
	var used int
	switch kind := b[start+2]; {
	case kind != typeOf(code):
		return 0, errHeader
	case kind == 'u':
		used = h.count(code, value)
	case kind == 'g':
		used = h.signatureField(value)
	default:
		used = h.stringField(code, value)
	}
	if used == 0 {
		return 0, errHeader
	}
	return start + 4 + used, nil
}

// typeOf gives the type that a field must have.
func typeOf(code byte) byte {
	switch code {
	case fieldPath:
		return 'o'
	case fieldReplySerial, fieldUnixFDs:
		return 'u'
	case fieldSignature:
		return 'g'
	}
	return 's'
}

// count reads a number, and gives the bytes that it took, or 0.
func (h *header) count(code byte, value []byte) int {
	if len(value) < 4 {
		return 0
	}
	n := number(value, h.big)
	if code == fieldReplySerial {
		h.replySerial = n
		if n == 0 {
			return 0
		}
		return 4
	}
	h.fds = n
	if n > maxDescriptors {
		return 0
	}
	return 4
}

func (h *header) signatureField(value []byte) int {
	if len(value) < 2 || len(value) < int(value[0])+2 || value[value[0]+1] != 0 {
		return 0
	}
	h.text[fieldSignature] = value[1 : 1+value[0]]
	return int(value[0]) + 2
}

func (h *header) stringField(code byte, value []byte) int {
	s, used := text(value, h.big)
	if used == 0 || !valid(code, s) {
		return 0
	}
	h.text[code] = s
	return used
}

// text reads a string with its length before and its zero behind, and gives the bytes that it took,
// or 0.
func text(b []byte, big bool) (s []byte, used int) {
	if len(b) < 5 {
		return nil, 0
	}
	n := number(b, big)
	if uint64(n) > uint64(len(b)-5) || b[4+n] != 0 {
		return nil, 0
	}
	return b[4 : 4+n], int(n) + 5
}

func valid(code byte, s []byte) bool {
	switch code {
	case fieldPath:
		return validPath(s)
	case fieldInterface, fieldErrorName:
		return validInterface(s)
	case fieldMember:
		return validMember(s)
	}
	return validName(s)
}

// complete reports whether the fields that the type demands are there, and nothing poses as what a
// library tells its own program.
func (h *header) complete() bool {
	if string(h.iface()) == "org.freedesktop.DBus.Local" || string(h.path()) == "/org/freedesktop/DBus/Local" {
		return false
	}
	if h.body > 0 && len(h.signature()) == 0 || h.body == 0 && len(h.signature()) > 0 {
		// A body without a signature has no meaning; only an empty array or struct could be shorter
		// than a byte, and those take four.
		return false
	}
	switch h.kind {
	case methodCall:
		return h.has(fieldPath) && h.has(fieldMember)
	case signal:
		return h.has(fieldPath) && h.has(fieldMember) && h.has(fieldInterface)
	case errorReply:
		return h.has(fieldReplySerial) && h.has(fieldErrorName)
	}
	return h.has(fieldReplySerial)
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// argument gives the first argument of a message, if it is a string.
func (h *header) argument(body []byte) ([]byte, bool) {
	if sig := h.signature(); len(sig) == 0 || sig[0] != 's' {
		return nil, false
	}
	s, used := text(body, h.big)
	return s, used > 0
}
