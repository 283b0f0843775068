package wayland_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An app gives up its data device and uses the id again: it hears what it hears without a filter.
func TestReleasedDevice(t *testing.T) {
	s := newSway(t)
	raw, app := releases(s), releases(s.filtered(t))
	if raw != app || !strings.Contains(raw, "free 6, done 6, free 6, done 7") {
		t.Errorf("want %q, got %q", raw, app)
	}
}

// releases is a client that has a data device twice, and tells of the end of ids and callbacks.
func releases(s *screen) string {
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
	numbers, heard := map[string]uint32{}, []string{}
	until := func(callback uint32) {
		for {
			var head [8]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				s.Fatalf("%v after %v", err, heard)
			}
			object, second := binary.NativeEndian.Uint32(head[:]), binary.NativeEndian.Uint32(head[4:])
			body := make([]byte, second>>16-8)
			if _, err := io.ReadFull(c, body); err != nil {
				s.Fatal(err)
			}
			word := func(at int) uint32 { return binary.NativeEndian.Uint32(body[at:]) }
			switch opcode := second & 0xffff; {
			case object == 1 && opcode == 0:
				s.Fatalf("%s after %v", body, heard)
			case object == 1:
				heard = append(heard, fmt.Sprint("free ", word(0)))
			case object == 2 && opcode == 0:
				numbers[string(body[8:8+word(4)-1])] = word(0)
			case object == 6 || object == 7:
				heard = append(heard, fmt.Sprint("done ", object))
			}
			if object == callback {
				return
			}
		}
	}
	bound := func(name string, version, id int) []byte {
		return request(2, 0, numbers[name], len(name)+1, name+strings.Repeat("\x00", 4-len(name)%4), version, id)
	}
	c.Write(append(request(1, 1, 2), request(1, 0, 3)...)) // get_registry, sync
	until(3)
	c.Write(append(append(bound("wl_seat", 1, 4), bound("wl_data_device_manager", 3, 5)...), request(5, 1, 6, 4)...))
	c.Write(append(request(6, 2), request(1, 0, 7)...)) // release, sync
	until(7)
	c.Write(append(request(5, 1, 6, 4), request(6, 2)...))
	c.Write(append(request(1, 0, 6), request(1, 0, 7)...)) // at once, as no libwayland does
	until(7)
	return strings.Join(heard, ", ")
}
