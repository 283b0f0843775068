package dbus

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"snug/tests/bus"
)

func TestHeader(t *testing.T) {
	good := bus.Message{Type: bus.Call, Serial: 7, Path: "/a/b", Interface: "a.b", Member: "C", Destination: "x.y", Signature: "s", Body: bus.String("text"), Count: 3}
	for _, c := range []struct {
		name string
		from bus.Message
	}{
		{"call", good},
		{"signal", bus.Message{Type: bus.Signal, Serial: 1, Path: "/", Interface: "a.b", Member: "C"}},
		{"return", bus.Message{Type: bus.Return, Serial: 1<<32 - 1, ReplySerial: 9, Sender: ":1.2"}},
		{"error", bus.Message{Type: bus.Error, Serial: 1, ReplySerial: 9, Error: "a.b", Destination: ":1.2"}},
		{"call with the serial of a reply", bus.Message{Type: bus.Call, Serial: 1, ReplySerial: 9, Path: "/", Member: "M"}},
		{"a path of 259 bytes", bus.Message{Type: bus.Call, Serial: 1, Path: "/" + strings.Repeat("x", 258), Member: "M"}},
	} {
		for _, big := range []bool{false, true} {
			m := c.from
			if m.Big = big; big {
				m.Body = strings.Repeat("x", len(m.Body))
			}
			var h header
			b := m.Bytes()
			for n := range len(b) - len(m.Body) {
				if whole, err := h.parse(b[:n]); whole || err != nil {
					t.Fatalf("%s: %d of %d bytes: %v, %v", c.name, n, len(b), whole, err)
				}
			}
			whole, err := h.parse(b)
			if !whole || err != nil {
				t.Fatalf("%s: %v, %v", c.name, whole, err)
			}
			got := bus.Message{Big: h.big, Type: h.kind, Flags: h.flags, Serial: h.serial, ReplySerial: h.replySerial,
				Path: string(h.path()), Interface: string(h.iface()), Member: string(h.member()), Error: string(h.text[fieldErrorName]),
				Destination: string(h.destination()), Sender: string(h.sender()), Signature: string(h.signature()), Count: h.fds,
				Body: string(b[h.size : h.size+h.body])}
			if !bytes.Equal(got.Bytes(), b) {
				t.Errorf("%s:\nwant %+v\ngot  %+v", c.name, m, got)
			}
		}
	}
}

// wrong headers each have one fault; the same without it is a control.
func TestMalformedHeader(t *testing.T) {
	base := bus.Message{Type: bus.Call, Serial: 1, Path: "/a", Interface: "a.b", Member: "C", Destination: "x.y"}
	var h header
	if whole, err := h.parse(base.Bytes()); !whole || err != nil {
		t.Fatal("the control is refused:", err)
	}
	change := func(do func(*bus.Message)) []byte {
		m := base
		do(&m)
		return m.Bytes()
	}
	at := func(i int, v ...byte) []byte {
		b := base.Bytes()
		copy(b[i:], v)
		return b
	}
	for name, b := range map[string][]byte{
		"byte order":             at(0, 'x'),
		"type 0":                 at(1, 0),
		"type 5":                 at(1, 5),
		"version":                at(3, 2),
		"serial 0":               change(func(m *bus.Message) { m.Serial = 0 }),
		"body beyond all limits": at(4, 0xff, 0xff, 0xff, 0x7f),
		"fields beyond limits":   at(12, 0xff, 0xff, 0xff, 0x00),
		"field code 0":           at(16, 0),
		"field code 10":          at(16, 10),
		"the type of a field":    at(18, 's'),
		"a field's length":       at(20, 0xff, 0xff, 0xff, 0xff),
		"padding":                at(27, 1),
		"no path":                change(func(m *bus.Message) { m.Path = "" }),
		"no member":              change(func(m *bus.Message) { m.Member = "" }),
		"malformed path":         change(func(m *bus.Message) { m.Path = "/a//b" }),
		"path with an end":       change(func(m *bus.Message) { m.Path = "/a/" }),
		"path with a zero":       change(func(m *bus.Message) { m.Path = "/a\x00b" }),
		"malformed member":       change(func(m *bus.Message) { m.Member = "a.b" }),
		"malformed interface":    change(func(m *bus.Message) { m.Interface = "a" }),
		"malformed name":         change(func(m *bus.Message) { m.Destination = "x" }),
		"name of 256 bytes":      change(func(m *bus.Message) { m.Destination = "x." + strings.Repeat("y", 254) }),
		"twice the same field":   twice(base),
		"the local interface":    change(func(m *bus.Message) { m.Interface = "org.freedesktop.DBus.Local" }),
		"the local path":         change(func(m *bus.Message) { m.Path = "/org/freedesktop/DBus/Local" }),
		"signal without one":     change(func(m *bus.Message) { m.Type, m.Interface = bus.Signal, "" }),
		"return of nothing":      change(func(m *bus.Message) { m.Type = bus.Return }),
		"error without a name":   change(func(m *bus.Message) { m.Type, m.ReplySerial = bus.Error, 1 }),
		"254 descriptors":        change(func(m *bus.Message) { m.Count = 254 }),
		"body without signature": change(func(m *bus.Message) { m.Body = "x" }),
	} {
		var h header
		if _, err := h.parse(b); err == nil {
			t.Errorf("%s: accepted: %+v", name, h)
		}
	}
}

// twice repeats the first field of a message.
func twice(m bus.Message) []byte {
	b := m.Bytes()
	n := binary.LittleEndian.Uint32(b[12:])
	field := b[16:24:24] // the path is "/a", so the field has 11 bytes and is padded to 16
	field = append(field, b[24:32]...)
	out := append(append(b[:16:16], field...), b[16:]...)
	binary.LittleEndian.PutUint32(out[12:], n+16)
	return out
}

func FuzzHeader(f *testing.F) {
	f.Add(bus.ToBus("AddMatch", 3, "type='signal'").Bytes())
	f.Add(bus.Message{Big: true, Type: bus.Error, Serial: 1, ReplySerial: 3, Error: "a.b", Sender: ":1.1", Signature: "s", Body: "xxxx"}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		var h header
		whole, err := h.parse(b)
		if !whole || err != nil {
			return
		}
		if h.size > len(b) || h.size%8 != 0 || h.body > maxMessage || h.fds > maxDescriptors {
			t.Fatalf("beyond its bounds: %+v", h)
		}
		// What is accepted means the same when it is written anew.
		m := bus.Message{Big: h.big, Type: h.kind, Flags: h.flags, Serial: h.serial, ReplySerial: h.replySerial,
			Path: string(h.path()), Interface: string(h.iface()), Member: string(h.member()), Error: string(h.text[fieldErrorName]),
			Destination: string(h.destination()), Sender: string(h.sender()), Signature: string(h.signature()), Count: h.fds}
		m.Body = strings.Repeat("x", min(h.body, 100))
		var again header
		if whole, err := again.parse(m.Bytes()); !whole || err != nil {
			t.Fatalf("%+v is not accepted again: %v", m, err)
		}
		for i := range h.text {
			if !bytes.Equal(h.text[i], again.text[i]) {
				t.Fatalf("field %d: %q, again %q", i, h.text[i], again.text[i])
			}
		}
		h.argument(b[h.size:])
		eachName(&h, b[h.size:], func([]byte) {})
	})
}

func TestAuthentication(t *testing.T) {
	for _, c := range []struct {
		name, app, bus string
		fails          bool
	}{
		{"as libdbus", "\x00AUTH EXTERNAL 30\r\n", "OK abc\r\n", false},
		{"pipelined", "\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", "DATA\r\nOK abc\r\nAGREE_UNIX_FD\r\n", false},
		{"refused, then again", "\x00AUTH\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", "REJECTED EXTERNAL\r\nOK\r\n", false},
		{"BEGIN and a word", "\x00AUTH\r\nBEGIN x\r\n", "OK\r\n", true},
		{"BEGIN and a space", "\x00AUTH\r\nBEGIN \r\n", "OK\r\n", true},
		{"no zero byte", "AUTH\r\n", "", true},
		{"small letters", "\x00auth\r\n", "", true},
		{"a lone line feed", "\x00AUTH\nBEGIN\r\n", "", true},
		{"a lone carriage return", "\x00AUTH\rBEGIN\r\n", "", true},
		{"an empty line", "\x00\r\n", "", true},
		{"a tab", "\x00BEGIN\tx\r\n", "", true},
		{"beyond ASCII", "\x00AUTH \xc3\xa4\r\n", "", true},
		{"a message in place of a line", "\x00" + string(bus.Message{Big: true, Type: 1, Serial: 1, Path: "/", Member: "M"}.Bytes()), "", true},
		{"a line without end", "\x00AUTH " + strings.Repeat("x", maxLine), "", true},
		{"more answers than lines", "\x00AUTH\r\n", "OK\r\nOK\r\n", true},
		{"the bus says something unasked", "\x00", "OK\r\n", true},
	} {
		var a auth
		err := lines([]byte(c.app), a.app)
		if err == nil {
			err = lines([]byte(c.bus), a.bus)
		}
		if (err != nil) != c.fails {
			t.Errorf("%s: %v", c.name, err)
		}
		if want := strings.Contains(c.app, "BEGIN"); !c.fails && (a.begun != want || a.over() != want) {
			t.Errorf("%s: begun %v, over %v", c.name, a.begun, a.over())
		}
	}
}

func lines(b []byte, read func([]byte) (int, error)) error {
	for len(b) > 0 {
		n, err := read(b)
		if n == 0 || err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// However the lines are cut, they are read the same, and what is taken as lines the bus takes as lines.
func FuzzAuthentication(f *testing.F) {
	f.Add([]byte("\x00AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01\x00\x01"))
	f.Add([]byte("\x00BEGIN \r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a auth
		taken := 0
		for taken < len(b) && !a.begun {
			n, err := a.app(b[taken:])
			if err != nil {
				return
			}
			if n == 0 {
				break
			}
			taken += n
		}
		if taken == 0 {
			return
		}
		for i, line := range strings.SplitAfter(string(b[1:taken]), "\r\n") {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), " ")
			if line != "" && (!strings.HasSuffix(line, "\r\n") || strings.ContainsFunc(line[:len(line)-2], func(c rune) bool { return c < ' ' || c > '~' })) {
				t.Fatalf("line %d: %q", i, line)
			}
			if word == "BEGIN" && !a.begun {
				t.Fatalf("BEGIN was not seen in %q", b)
			}
		}
	})
}

func TestRules(t *testing.T) {
	call := func(iface, member, path string) *header {
		return &header{kind: methodCall, text: [9][]byte{fieldInterface: []byte(iface), fieldMember: []byte(member), fieldPath: []byte(path)}}
	}
	m := call("a.b", "M", "/x/y")
	for text, want := range map[string]bool{
		"": true, "*": true, "a.b.*": true, "a.b.M": true, "@/x/y": true, "@/x/*": true, "@/*": true, "a.b.M@/x/y": true, "*@/x/y": true, "@/x/y/*": true,
		"a.b.N": false, "a.c.*": false, "a.b.c.*": false, "@/x": false, "@/x/y/z": false, "@/x/yy/*": false, "a.b.M@/x": false,
	} {
		r, ok := parseRule(text)
		if !ok || r.matches(m) != want {
			t.Errorf("%q: accepted %v, matches %v", text, ok, r.matches(m))
		}
	}
	for _, text := range []string{"M", "a.*", "@", "@x", "@/x/", "a.b.M@", "a..b.M", "*.M", "a.b.M N", "a.b.**", "@/x*", "@/*/x"} {
		if r, ok := parseRule(text); ok {
			t.Errorf("%q is accepted as %v", text, r)
		}
	}
	if r, _ := parseRule("a.b.*"); r.matches(call("", "M", "/")) {
		t.Error("a rule with an interface matches a call without one")
	}
	if r, _ := parseRule("@/x/*"); r.matches(call("", "M", "/xy")) || !r.matches(call("", "M", "/x")) {
		t.Error("a path's children begin at a slash, and it is one of them itself")
	}
}

func FuzzRule(f *testing.F) {
	for _, s := range []string{"", "*", "a.b.*", "a.b.C@/x/*", "@/*", "@/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseRule(s)
		if !ok {
			return
		}
		if again, ok := parseRule(r.String()); !ok || again != r {
			t.Fatalf("%q prints as %q, which is %+v", s, r, again)
		}
	})
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ pattern, matches, not string }{
		{"a.b", "a.b", "a.b.c a.bc a"},
		{"a.b.*", "a.b a.b.c a.b.c.d", "a.bc a a.c"},
		{"org.kde.Item-*", "org.kde.Item-1-2 org.kde.Item-", "org.kde.Item org.kde.Item-1.x org.Item-1"},
		{"org.kde.*-x.*", "org.kde.a-x org.kde.-x org.kde.a-x.y", "org.kde.a-y org.kde.a.b-x"},
		{"a.b*c*d", "a.bcd a.bxcxd a.bcdd", "a.bdc a.bcd.e"},
	} {
		p, ok := parsePattern(c.pattern)
		if !ok || p.String() != c.pattern {
			t.Fatalf("%q: %v, %q", c.pattern, ok, p)
		}
		for name := range strings.FieldsSeq(c.matches) {
			if !p.matches([]byte(name)) {
				t.Errorf("%q does not match %q", c.pattern, name)
			}
		}
		for name := range strings.FieldsSeq(c.not) {
			if p.matches([]byte(name)) {
				t.Errorf("%q matches %q", c.pattern, name)
			}
		}
	}
	for _, s := range []string{"", "*", "a", "a.*", "a.*.b", "a..b", ".a", "a.b.", ":1.2", "a.1b", "a.b.**", "a.b c", "*.*", "a.b.*.*", strings.Repeat("a.", 127) + "bc"} {
		if _, ok := parsePattern(s); ok {
			t.Errorf("%q is accepted", s)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("a.b.*", "a.b.c")
	f.Add("a.b-*c", "a.b-xc")
	f.Fuzz(func(t *testing.T, s, name string) {
		p, ok := parsePattern(s)
		if !ok {
			return
		}
		if p.String() != s {
			t.Fatalf("%q prints as %q", s, p)
		}
		if !strings.Contains(s, "*") && p.matches([]byte(name)) != (s == name) {
			t.Fatalf("%q matches %q", s, name)
		}
		if _, value := p.namespace(); !strings.HasPrefix(s, value) {
			t.Fatalf("%q has the namespace %q", s, value)
		}
		p.matches([]byte(name))
	})
}
