package decisions

import (
	"strconv"
	"time"
)

// Line is a decision on its way to be told.
type Line struct {
	log    *Log
	b      []byte
	said   int // where what tells it from others begins
	broker string
}

// longest is how many bytes of a value are told.
const longest = 400

// Begin gives a line for a decision of a broker on one of its connections, or nil if nobody wants to know.
// Refusals are wanted always. The line is the log's, which has one: it is finished by [Line.Tell] or
// [Line.Refuse] before the next one begins.
func (l *Log) Begin(broker string, connection int, refused bool) *Line {
	if l == nil || !refused && !l.active() {
		return nil
	}
	n := &l.line
	n.log, n.broker = l, broker
	n.b = append(n.b[:0], `{"time":`...)
	now := time.Now()
	n.b = strconv.AppendInt(n.b, now.Unix(), 10)
	n.b = append(n.b, '.')
	n.b = append(n.b, strconv.Itoa(1000 + now.Nanosecond()/1e6)[1:]...)
	n.String("broker", broker)
	n.said = len(n.b)
	n.Number("connection", uint64(connection))
	return n
}

// String adds a text, if there is one. key is plain ASCII.
func (n *Line) String(key, value string) {
	if value == "" {
		return
	}
	n.key(key)
	n.b = quote(n.b, value)
}

// Number adds a number. Those before the first text, such as serials, do not tell a refusal from another.
func (n *Line) Number(key string, value uint64) {
	first := n.said == len(n.b)
	n.key(key)
	n.b = strconv.AppendUint(n.b, value, 10)
	if first {
		n.said = len(n.b)
	}
}

func (n *Line) key(key string) {
	n.b = append(n.b, ',', '"')
	n.b = append(append(n.b, key...), '"', ':')
}

// Tell says what was decided, which is not to refuse: "pass", say.
func (n *Line) Tell(decision string) {
	n.String("decision", decision)
	n.end(false)
}

// Would says what was decided, as Tell, and what would decide otherwise.
func (n *Line) Would(decision, grant string) {
	n.String("decision", decision)
	n.advise(grant)
	n.end(false)
}

// Refuse says that it was refused. grant is what would allow it, in the words of the broker's policy, or "".
func (n *Line) Refuse(decision, grant string) {
	n.String("decision", decision)
	n.advise(grant)
	n.end(true)
}

func (n *Line) advise(grant string) {
	n.String("allow", grant)
	if grant != "" && n.log.advise != nil {
		n.String("advice", n.log.advise(n.broker, grant))
	}
}

func (n *Line) end(refused bool) {
	if refused {
		n.b = append(n.b, `,"refused":true`...)
	}
	n.b = append(n.b, '}', '\n')
	n.log.tell(n, refused)
	if cap(n.b) > 64<<10 {
		n.b = nil
	}
}

// quote appends a string of JSON, or of a long one as much as is told.
func quote(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	cut := len(s) > longest
	if cut {
		s = s[:longest]
	}
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
	if cut {
		b = append(b, "..."...)
	}
	return append(b, '"')
}
