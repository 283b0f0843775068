package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"snug/tests/bus"
)

// Calls through snug-dbus-proxy and xdg-dbus-proxy to one service on one dbus-daemon. The clients and
// the service are threads with blocking sockets and messages made beforehand.

const service = "org.example.Bench"

// busBed is the daemon, both filters and the service.
type busBed struct {
	paths   map[string]string // sockets: direct, ours, theirs
	running []*exec.Cmd
}

// buses compares what the filters add.
func (b *bench) buses() error {
	bed, err := b.newBusBed()
	if err != nil {
		return err
	}
	defer bed.close()
	for _, part := range []func(*busBed) error{b.smallCalls, b.pipelined, b.megabytes, b.manyClients, b.connecting} {
		if err := part(bed); err != nil {
			return err
		}
	}
	return b.resident(bed)
}

func (b *bench) newBusBed() (*busBed, error) {
	bed := &busBed{paths: map[string]string{}}
	for _, name := range []string{"direct", "ours", "theirs"} {
		bed.paths[name] = filepath.Join(b.dir, name+".bus")
	}
	ours, err := filepath.Abs("bin/snug-dbus-proxy")
	if err != nil {
		return nil, err
	}
	address := "unix:path=" + bed.paths["direct"]
	options := []string{"--filter", "--talk=" + service}
	for _, s := range []struct{ path, words string }{
		{"direct", "dbus-daemon --session --nofork --nopidfile --address=" + address},
		{"ours", ours + " " + address + " " + bed.paths["ours"]},
		{"theirs", "xdg-dbus-proxy " + address + " " + bed.paths["theirs"]},
	} {
		words := strings.Fields(s.words)
		if s.path != "direct" {
			words = append(words, options...)
		}
		if err := bed.start(b.command(words), bed.paths[s.path]); err != nil {
			bed.close()
			return nil, err
		}
	}
	if err := bed.serve(); err != nil {
		bed.close()
		return nil, err
	}
	return bed, nil
}

// start runs a program and waits for its socket.
func (bed *busBed) start(cmd *exec.Cmd, path string) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	bed.running = append(bed.running, cmd)
	for range 200 {
		if c, err := bus.Connect(path); err == nil {
			return c.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s: no socket at %s", cmd.Args[0], path)
}

func (bed *busBed) close() {
	for _, c := range bed.running {
		c.Process.Kill()
		c.Wait()
	}
}

// dial gives a blocking socket that has said Hello.
func (bed *busBed) dial(name string) (int, error) {
	c, err := bus.Dial(bed.paths[name])
	if err != nil {
		return -1, err
	}
	// NameAcquired comes behind Hello's answer: it must not be counted as the answer of a call.
	if _, err := c.Ask(bus.ToBus("GetId", 0)); err != nil {
		return -1, err
	}
	f, err := c.File()
	c.Close()
	if err != nil {
		return -1, err
	}
	defer f.Close()
	fd, err := unix.Dup(int(f.Fd()))
	if err != nil {
		return -1, err
	}
	return fd, unix.SetNonblock(fd, false)
}

// serve answers calls, until the daemon ends.
func (bed *busBed) serve() error {
	c, err := bus.Dial(bed.paths["direct"])
	if err != nil {
		return err
	}
	if m, err := c.Ask(bus.RequestName(service, 0)); err != nil || m.Type != bus.Return {
		return fmt.Errorf("own %s: %+v, %v", service, m, err)
	}
	f, err := c.File()
	c.Close()
	if err != nil {
		return err
	}
	unix.SetNonblock(int(f.Fd()), false)
	go answerAll(f)
	return nil
}

func padded(s string) string { return s + strings.Repeat("\x00", (4-len(s)%4)%4) }

// answerAll reads calls and answers those that want it, all that one read brought with one write.
func answerAll(f *os.File) {
	fd := int(f.Fd())
	in, out := make([]byte, 0, 4<<20), []byte(nil)
	serial := uint32(100)
	for {
		n, err := unix.Read(fd, in[len(in):cap(in)])
		if n <= 0 || err != nil {
			f.Close()
			return
		}
		in = in[:len(in)+n]
		rest := in
		out = out[:0]
		for size := length(rest); size > 0 && size <= len(rest); size = length(rest) {
			if rest[2]&1 == 0 {
				serial++
				reply := bus.Message{Type: bus.Return, Flags: 1, Serial: serial, ReplySerial: binary.LittleEndian.Uint32(rest[8:]), Destination: sender(rest)}
				out = append(out, reply.Bytes()...)
			}
			rest = rest[size:]
		}
		in = in[:copy(in[:cap(in)], rest)]
		writeAll(fd, out)
	}
}

// length gives the length of the message at the start of b, or 0.
func length(b []byte) int {
	if len(b) < 16 {
		return 0
	}
	return 16 + (int(binary.LittleEndian.Uint32(b[12:]))+7)&^7 + int(binary.LittleEndian.Uint32(b[4:]))
}

// sender finds the field of that name.
func sender(b []byte) string {
	for at := 16; at < len(b); at = (at + 7) &^ 7 {
		n := int(binary.LittleEndian.Uint32(b[at+4:]))
		switch b[at+2] {
		case 'u':
			at += 8
		case 'g':
			at += 6 + int(b[at+4])
		default:
			if b[at] == 7 {
				return string(b[at+8 : at+8+n])
			}
			at += 9 + n
		}
	}
	return ""
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// readMessages waits for as many messages, and for nothing behind them.
func readMessages(fd, count int, room []byte) error {
	have := 0
	for count > 0 {
		n, err := unix.Read(fd, room[have:])
		if n <= 0 {
			return fmt.Errorf("read: %d bytes, %w", n, err)
		}
		have += n
		rest := room[:have]
		for size := length(rest); size > 0 && size <= len(rest); size = length(rest) {
			if rest[1] != bus.Return {
				return fmt.Errorf("a message of type %d, not an answer", rest[1])
			}
			rest = rest[size:]
			count--
		}
		have = copy(room, rest)
	}
	if have > 0 || count < 0 {
		return fmt.Errorf("%d answers and %d bytes more than calls", -count, have)
	}
	return nil
}

// request is a call of the service with a body of some bytes.
func request(serial uint32, body int, flags byte) []byte {
	m := bus.Message{Type: bus.Call, Flags: flags, Serial: serial, Path: "/org/example/Bench", Interface: service, Member: "Do", Destination: service}
	if body > 0 {
		m.Signature = "ay"
		m.Body = string(binary.LittleEndian.AppendUint32(nil, uint32(body))) + strings.Repeat("x", body)
	}
	return m.Bytes()
}
