package pulse

import (
	"bytes"
	"testing"
)

// values makes values of a shape: texts are "x", lists have one member.
func values(shape string, version uint32) (b []byte) {
	since := uint32(0)
	for i := range len(shape) {
		switch c := shape[i]; {
		case c == ' ':
			since = 0
		case c >= '0' && c <= '9':
			since = since*10 + uint32(c-'0')
		case c == ':':
			if since > version {
				return b
			}
		default:
			b = append(b, value(c, version)...)
		}
	}
	return b
}

func value(kind byte, version uint32) []byte {
	switch kind {
	case 't':
		return text(nil, []byte("x"))
	case 'L', 'V':
		return []byte{kind, 0, 0, 0, 0}
	case 'B':
		return []byte{'B', 1}
	case 'b':
		return []byte{'1'}
	case 'R', 'r', 'U', 'T':
		return append([]byte{kind}, make([]byte, 8)...)
	case 'a':
		return []byte{'a', 3, 2, 0, 0, 0xbb, 0x80}
	case 'm':
		return []byte{'m', 2, 1, 2}
	case 'v':
		return []byte{'v', 1, 0, 1, 0, 0}
	case 'x':
		return []byte{'x', 0, 0, 0, 1, 7}
	case 'P':
		return append(property([]byte{'P'}, "media.name", []byte("x\x00")), 'N')
	case 'f':
		return append([]byte{'f', 'B', 1}, value('P', 0)...)
	case 'F':
		return append([]byte{'B', 1}, value('f', 0)...)
	case 'S':
		return append(text(text(nil, []byte("media.name")), []byte("window.x11.display")), 'N')
	case 'O':
		port := "ttL"
		if version >= 24 {
			port = "ttLL"
		}
		if version >= 34 {
			port = "ttLLtL"
		}
		return append(number(nil, 1), values(port, 0)...)
	}
	return nil
}

// Every shape is read whole, in every version, and nothing shorter or longer is.
func TestShapes(t *testing.T) {
	shapes := []string{sourceShape, serverShape, "Lx", "LLLLamLt", "S", "LS", "F", "O"}
	for i := range rules {
		shapes = append(shapes, rules[i].shape)
	}
	for _, shape := range shapes {
		for version := uint32(oldest); version <= newest; version++ {
			frame := finish(append(begin(nil, 1, 2), values(shape, version)...))
			var p packet
			if err := p.read(frame); err != nil || !p.match(shape, version) {
				t.Fatalf("%q in version %d is not read: %v, %q", shape, version, err, frame[body:])
			}
			for cut := body; cut < len(frame); cut++ {
				p.b = frame[:cut:cut]
				if p.match(shape, version) {
					t.Errorf("%q in version %d: read although cut at %d", shape, version, cut)
				}
			}
			if p.b = append(bytes.Clone(frame), 'N'); p.match(shape, version) {
				t.Errorf("%q in version %d: read although there is more", shape, version)
			}
		}
	}
}

func TestHead(t *testing.T) {
	for _, tt := range []struct {
		name string
		head head
		want error
	}{
		{"a packet", head{100, noChannel, 0}, nil},
		{"a packet with a flag", head{100, noChannel, 1}, errFrame},
		{"a packet too long", head{maxPacket + 1, noChannel, 0}, errLength},
		{"no packet", head{0, noChannel, 0}, errFrame},
		{"sound", head{maxSound, 3, 3}, nil},
		{"sound too long", head{maxSound + 1, 3, 0}, errLength},
		{"no way to seek", head{1, 3, 4}, errFrame},
		{"shared memory", head{24, 3, 0x80000000}, errFrame},
		{"released", head{0, noChannel, 0x40000000}, errFrame},
		{"a memfd", head{24, 3, 0xa0000000}, errFrame},
		{"data in the ring", head{24, 3, 0x00800000}, errFrame},
	} {
		if err := tt.head.check(maxPacket); err != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestProperties(t *testing.T) {
	list := []byte{'P'}
	for _, p := range [][2]string{{"media.name", "song"}, {"media.role", "phone"}, {"media.role", "music"}, {"device.id", "1"}, {"target.object", "7"},
		{"node.target", "7"}, {"module-stream-restore.id", "x"}, {"filter.want", "echo-cancel"}, {"application.name", "Firefox"},
		{"application.process.id", "1"}, {"application.id", "x"}, {"event.id", "bell"}, {"window.x11.display", ":0"}, {"media.title", string(make([]byte, 2000))}} {
		list = property(list, p[0], []byte(p[1]+"\x00"))
	}
	list = append(list, 'N')
	want := property(property(property([]byte{'P'}, "media.name", []byte("song\x00")), "media.role", []byte("music\x00")), "event.id", []byte("bell\x00"))
	named := append(property(property(bytes.Clone(want), "application.id", []byte("a.b\x00")), "application.name", []byte("a.b\x00")), 'N')
	if got := (Policy{App: "a.b"}).properties(nil, list); !bytes.Equal(got, named) {
		t.Errorf("got %q\nwant %q", got, named)
	}
	neuter := append(property(want, "application.name", []byte(neutral+"\x00")), 'N')
	if got := (Policy{}).properties(nil, list); !bytes.Equal(got, neuter) {
		t.Errorf("got %q\nwant %q", got, neuter)
	}
	if got := names(nil, value('S', 0)); string(got) != "tmedia.name\x00N" {
		t.Errorf("got %q", got)
	}
}

func TestPolicy(t *testing.T) {
	for _, good := range []Policy{{}, {Record: "off"}, {Record: "ask", App: "org.example.App"}, {Record: "allow"}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Policy{{Record: "yes"}, {App: "a\x00b"}, {App: "é"}, {App: string(make([]byte, 300))}} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// FuzzTagstruct: whatever is read as a shape lies in its bounds, and what is written of it is read again.
func FuzzTagstruct(f *testing.F) {
	f.Add(values(playbackShape, 35), uint8(35), uint8(cmdCreatePlayback))
	f.Add(values(recordShape, 35), uint8(35), uint8(cmdCreateRecord))
	f.Add(values(sourceShape, 35), uint8(35), uint8(200))
	f.Add(values("LP", 35), uint8(35), uint8(82))
	f.Add([]byte("LaaaaPtx\x00L\xff\xff\xff\xffx\xff\xff\xff\xffN"), uint8(13), uint8(82))
	f.Fuzz(func(t *testing.T, b []byte, version, command uint8) {
		frame := finish(append(begin(nil, uint32(command), 2), b...))
		var p packet
		if err := p.read(frame); err != nil {
			t.Fatal(err)
		}
		shape := sourceShape
		if r := ruleOf(uint32(command)); r != nil {
			shape = r.shape
		}
		if !p.match(shape, uint32(version)) {
			return
		}
		at := body
		for i := range p.count {
			field := p.fields[i]
			if field.from != at || field.to <= at {
				t.Fatalf("value %d at %d to %d, want it at %d", i, field.from, field.to, at)
			}
			at = field.to
			switch raw := p.raw(i, i); raw[0] {
			case 'P':
				again := (Policy{App: "a"}).properties(nil, raw)
				if end := skip(again, 0, 'P', 0); end != len(again) {
					t.Fatalf("%q became %q", raw, again)
				}
				if twice := (Policy{App: "a"}).properties(nil, again); !bytes.Equal(again, twice) {
					t.Fatalf("%q became %q", again, twice)
				}
			case 'L':
				p.u32(i)
			}
		}
		if at != len(frame) {
			t.Fatalf("read to %d of %d", at, len(frame))
		}
	})
}
