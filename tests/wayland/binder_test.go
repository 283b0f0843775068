package wayland_test

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// binder is a client that binds an interface by whatever number it has, as it counts them through, and
// gives the error that it is told. It shares no code with the filter.
func binder(s *screen, name string) string {
	s.Helper()
	socket := variable(s.Bed, "WAYLAND_DISPLAY")
	if !strings.HasPrefix(socket, "/") {
		socket = filepath.Join(s.Runtime, socket)
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		s.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	number := uint32(0) // the compositor's own, which an app would have to guess
	for line := range strings.Lines(s.raw.Must("wayland-info")) {
		if strings.HasPrefix(line, "interface: '"+name+"'") {
			_, text, _ := strings.Cut(line, "name:")
			for _, d := range strings.TrimSpace(text) {
				number = number*10 + uint32(d-'0')
			}
		}
	}
	if number == 0 {
		s.Fatalf("the compositor has no %s", name)
	}
	text := name + strings.Repeat("\x00", 4-len(name)%4)
	c.Write(request(1, 1, 2))                                                       // get_registry
	c.Write(request(1, 0, 3))                                                       // sync
	c.Write(request(2, 0, number, uint32(len(name)+1), text, uint32(1), uint32(4))) // bind
	c.Write(request(1, 0, 5))                                                       // sync
	for {
		var head [8]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			s.Fatal(err)
		}
		object, second := binary.NativeEndian.Uint32(head[:]), binary.NativeEndian.Uint32(head[4:])
		body := make([]byte, second>>16-8)
		if _, err := io.ReadFull(c, body); err != nil {
			s.Fatal(err)
		}
		switch {
		case object == 1 && second&0xffff == 0:
			return string(body[12:])
		case object == 5:
			return ""
		}
	}
}

// request writes a message of words and padded text.
func request(object uint32, opcode uint16, arguments ...any) []byte {
	body := []byte(nil)
	for _, a := range arguments {
		switch v := a.(type) {
		case int:
			body = binary.NativeEndian.AppendUint32(body, uint32(v))
		case uint32:
			body = binary.NativeEndian.AppendUint32(body, v)
		case string:
			body = append(body, v...)
		}
	}
	b := binary.NativeEndian.AppendUint32(nil, object)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(body)+8)<<16|uint32(opcode))
	return append(b, body...)
}
