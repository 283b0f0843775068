package dbus

import (
	"io"
	"strconv"
)

// log writes one line of JSON for each decision. Its lines are for people, and what a message says
// may be hostile: everything beyond printable ASCII is escaped.
type log struct {
	to     io.Writer
	bus    string
	advise func(rule string) string
	line   []byte
}

func (l *log) begin(id int, from string) {
	l.line = append(l.line[:0], `{"bus":`...)
	l.line = quote(l.line, l.bus)
	l.line = append(l.line, `,"connection":`...)
	l.line = strconv.AppendInt(l.line, int64(id), 10)
	l.string("from", from)
}

func (l *log) string(key, value string) {
	if value == "" {
		return
	}
	l.line = append(l.line, ',', '"')
	l.line = append(append(l.line, key...), '"', ':')
	l.line = quote(l.line, value)
}

func (l *log) header(h *header) {
	l.string("type", [...]string{"", "call", "return", "error", "signal"}[h.kind])
	l.line = append(l.line, `,"serial":`...)
	l.line = strconv.AppendUint(l.line, uint64(h.serial), 10)
	l.string("sender", string(h.sender()))
	l.string("destination", string(h.destination()))
	l.string("path", string(h.path()))
	l.string("interface", string(h.iface()))
	l.string("member", string(h.member()))
}

func (l *log) end() {
	l.line = append(l.line, '}', '\n')
	l.to.Write(l.line)
}

func (l *log) outgoing(id int, h *header, v verdict) {
	l.begin(id, "app")
	l.header(h)
	l.string("decision", v.action.String())
	if v.action == drop || v.action == refuse {
		l.allow(allow(v.key, string(v.name), h))
	}
	l.end()
}

func (l *log) incoming(id int, h *header, a action, granted string) {
	l.begin(id, "bus")
	l.header(h)
	l.string("decision", a.String())
	if a == drop && granted != "" {
		l.allow(allow("broadcast", granted, h))
	}
	l.end()
}

// allow tells what would let a message pass.
func (l *log) allow(rule string) {
	l.string("allow", rule)
	if rule != "" && l.advise != nil {
		l.string("advice", l.advise(rule))
	}
}

func (l *log) closed(id int, err error) {
	l.begin(id, "filter")
	l.string("decision", "close")
	if err != nil {
		l.string("error", err.Error())
	}
	l.end()
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

// quote appends a string of JSON.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
