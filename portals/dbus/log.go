package dbus

import (
	"strings"

	"snug/portals/decisions"
)

// log tells what becomes of the messages of one bus.
type log struct {
	*decisions.Log
	bus string
}

func (l log) begin(id int, h *header, from string, refused bool) *decisions.Line {
	n := l.Begin(l.bus, id, refused)
	if n == nil {
		return nil
	}
	kind := [...]string{"", "call", "return", "error", "signal"}[h.kind]
	n.Number("serial", uint64(h.serial))
	n.String("from", from)
	n.String("type", kind)
	n.String("sender", string(h.sender()))
	n.String("destination", string(h.destination()))
	n.String("path", string(h.path()))
	n.String("interface", string(h.iface()))
	n.String("member", string(h.member()))
	n.String("what", what(kind, h))
	return n
}

// what says a message in a few words.
func what(kind string, h *header) string {
	text := kind
	if len(h.member()) > 0 {
		text += " " + strings.TrimPrefix(string(h.iface())+"."+string(h.member()), ".")
	}
	if len(h.destination()) > 0 {
		text += " to " + string(h.destination())
	}
	return text
}

func (l log) outgoing(id int, h *header, v verdict) {
	refused := v.action == drop || v.action == refuse
	n := l.begin(id, h, "app", refused)
	switch {
	case n == nil:
	case refused:
		n.Refuse(v.action.String(), allow(v.key, string(v.name), h))
	default:
		n.Tell(v.action.String())
	}
}

// incoming tells of a message of the bus. granted is the name of its sender, if that is granted in part: what
// others say to all, of whom the app knows nothing, is not refused to it.
func (l log) incoming(id int, h *header, a action, granted string) {
	n := l.begin(id, h, "bus", granted != "")
	switch {
	case n == nil:
	case granted != "":
		n.Refuse(a.String(), allow("broadcast", granted, h))
	default:
		n.Tell(a.String())
	}
}

func (l log) closed(id int, err error) {
	n := l.Begin(l.bus, id, false)
	if n == nil {
		return
	}
	n.String("from", "filter")
	if err != nil {
		n.String("error", err.Error())
	}
	n.Tell("close")
}

// allow spells the rule that would let a message pass, as the command line does without its dashes.
func allow(key, name string, h *header) string {
	method := string(h.iface()) + "." + string(h.member()) + "@" + string(h.path())
	if len(h.iface()) == 0 {
		method = "@" + string(h.path())
	}
	switch key {
	case "":
		return ""
	case "emit":
		return "emit=" + method
	}
	if unique(name) {
		return "" // whose it is, nobody has told
	}
	switch key {
	case "call", "broadcast":
		return key + "=" + name + "=" + method
	}
	return key + "=" + name
}
