package dbus

import (
	"encoding/binary"
)

// What the filter says itself, in little endian. Each function appends one message to b, which may
// have others before it.

// draft is a message that is being written.
type draft struct {
	b     []byte
	start int
}

func begin(b []byte, kind, flags byte, serial uint32) *draft {
	d := &draft{b, len(b)}
	d.b = append(d.b, 'l', kind, flags, 1, 0, 0, 0, 0)
	d.b = binary.LittleEndian.AppendUint32(d.b, serial)
	d.b = append(d.b, 0, 0, 0, 0)
	return d
}

func (d *draft) align(to int) {
	for (len(d.b)-d.start)%to != 0 {
		d.b = append(d.b, 0)
	}
}

func (d *draft) number(n uint32) {
	d.align(4)
	d.b = binary.LittleEndian.AppendUint32(d.b, n)
}

// putNumber writes a number where one was left out.
func putNumber(b []byte, n uint32) { binary.LittleEndian.PutUint32(b, n) }

func (d *draft) string(s string) {
	d.number(uint32(len(s)))
	d.b = append(append(d.b, s...), 0)
}

// field appends a header field whose value is a string.
func (d *draft) field(code byte, value string) {
	d.align(8)
	d.b = append(d.b, code, 1, typeOf(code), 0)
	if code == fieldSignature {
		d.b = append(append(append(d.b, byte(len(value))), value...), 0)
		return
	}
	d.string(value)
}

// body ends the header; the rest is the body.
func (d *draft) body() {
	binary.LittleEndian.PutUint32(d.b[d.start+12:], uint32(len(d.b)-d.start-fixedSize))
	d.align(8)
	binary.LittleEndian.PutUint32(d.b[d.start+4:], uint32(len(d.b))) // where it begins, until end
}

// end gives the whole, with the length of the body where it belongs.
func (d *draft) end() []byte {
	length := d.b[d.start+4:]
	binary.LittleEndian.PutUint32(length, uint32(len(d.b))-binary.LittleEndian.Uint32(length))
	return d.b
}

// callBus is a call to the bus with at most one argument.
func callBus(b []byte, serial uint32, iface, member, argument string) []byte {
	d := begin(b, methodCall, 0, serial)
	d.field(fieldPath, "/org/freedesktop/DBus")
	d.field(fieldInterface, iface)
	d.field(fieldMember, member)
	d.field(fieldDestination, busName)
	if argument != "" {
		d.field(fieldSignature, "s")
	}
	d.body()
	if argument != "" {
		d.string(argument)
	}
	return d.end()
}

// ping is what goes in place of a refused call.
func ping(b []byte, serial uint32) []byte {
	return callBus(b, serial, "org.freedesktop.DBus.Peer", "Ping", "")
}

// reply begins what goes in place of an answer of the bus.
func reply(b []byte, h *header, kind byte, errorName, signature string) *draft {
	d := begin(b, kind, noReplyExpected, h.serial)
	d.align(8)
	d.b = append(d.b, fieldReplySerial, 1, 'u', 0)
	d.number(h.replySerial)
	if to := h.destination(); len(to) > 0 {
		d.field(fieldDestination, string(to))
	}
	d.field(fieldSender, busName)
	if errorName != "" {
		d.field(fieldErrorName, errorName)
	}
	d.field(fieldSignature, signature)
	d.body()
	return d
}

// replyError is an error in place of an answer.
func replyError(b []byte, h *header, name, text string) []byte {
	d := reply(b, h, errorReply, name, "s")
	d.string(text)
	return d.end()
}

// replyBool is the answer no, 0, or yes, 1.
func replyBool(b []byte, h *header, yes uint32) []byte {
	d := reply(b, h, methodReturn, "", "b")
	d.number(yes)
	return d.end()
}

func replyNumber(b []byte, h *header, n uint32) []byte {
	d := reply(b, h, methodReturn, "", "u")
	d.number(n)
	return d.end()
}

func replyText(b []byte, h *header, text string) []byte {
	d := reply(b, h, methodReturn, "", "s")
	d.string(text)
	return d.end()
}

// nameAcquired is the bus's signal to the new owner of a name. Nobody refers to a signal by its
// serial, so it can be any.
func nameAcquired(b []byte, owner, name string) []byte {
	d := begin(b, signal, noReplyExpected, 1<<32-1)
	d.field(fieldPath, "/org/freedesktop/DBus")
	d.field(fieldInterface, busName)
	d.field(fieldMember, "NameAcquired")
	d.field(fieldDestination, owner)
	d.field(fieldSender, busName)
	d.field(fieldSignature, "s")
	d.body()
	d.string(name)
	return d.end()
}

// replyNames is a list of names with those that keep holds for. It reports whether body was one.
func replyNames(b []byte, h *header, body []byte, keep func([]byte) bool) ([]byte, bool) {
	d := reply(b, h, methodReturn, "", "as")
	length := len(d.b)
	d.number(0)
	ok := eachName(h, body, func(name []byte) {
		if keep(name) {
			d.string(string(name))
		}
	})
	binary.LittleEndian.PutUint32(d.b[length:], uint32(len(d.b)-length-4))
	return d.end(), ok
}

// eachName calls do for the strings of a body that is an array of them, and reports whether it is.
func eachName(h *header, body []byte, do func([]byte)) bool {
	if string(h.signature()) != "as" || len(body) < 4 || uint64(number(body, h.big)) != uint64(len(body)-4) {
		return false
	}
	for at := 4; at < len(body); {
		at = aligned(at, 4)
		if at >= len(body) {
			return false
		}
		name, used := text(body[at:], h.big)
		if used == 0 {
			return false
		}
		do(name)
		at += used
	}
	return true
}
