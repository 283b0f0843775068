package pulse

import (
	"net"
	"sync"
	"testing"
)

// fake is a server with a device, its monitor and a microphone, and with another app's client, stream
// and recording, whose index is foreign.
type fake struct {
	t  *testing.T
	l  *net.UnixListener
	wg sync.WaitGroup

	mu      sync.Mutex
	conns   []*net.UnixConn
	alive   int // of these
	seen    []seen
	sound   int // bytes that were played
	next    uint32
	chosen  string                                // the source of new recordings, if not what is asked for
	records string                                // what they record from, as told later
	source  string                                // the default
	answer  func(c *net.UnixConn, p *packet) bool // instead of the fake's own, if it gives true
}

// seen is a packet that the server has got.
type seen struct {
	command uint32
	values  []byte
}

const foreign = 900

func newFake(t *testing.T, path string) *fake {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, l: l, next: 100, source: "mic"}
	f.wg.Add(1)
	go func() {
		defer f.wg.Done()
		for {
			c, err := l.AcceptUnix()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.alive++
			f.mu.Unlock()
			f.wg.Add(1)
			go func() {
				defer f.wg.Done()
				f.serve(c)
				f.set(func() { f.alive-- })
			}()
		}
	}()
	return f
}

func (f *fake) close() {
	f.l.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// serve answers one client.
func (f *fake) serve(c *net.UnixConn) {
	for channels := [2]uint32{}; ; {
		frame, err := readFrame(c)
		if err != nil {
			return
		}
		f.mu.Lock()
		if readHead(frame).channel != noChannel {
			f.sound += len(frame) - headSize
			f.mu.Unlock()
			continue
		}
		p := &packet{}
		if err := p.read(frame); err != nil {
			f.t.Error(err)
		}
		f.seen = append(f.seen, seen{p.command, frame[body:]})
		answer := f.answer
		f.mu.Unlock()
		if answer != nil {
			if answer(c, p) {
				continue
			}
		}
		f.mu.Lock()
		reply := f.reply(p, &channels)
		f.mu.Unlock()
		c.Write(finish(reply))
	}
}

// reply answers as a server would, as far as a filter looks.
func (f *fake) reply(p *packet, channels *[2]uint32) []byte {
	b := begin(nil, cmdReply, p.tag)
	switch p.command {
	case cmdAuth:
		return number(b, 35|0x80000000)
	case cmdSetClientName:
		f.next++
		return number(b, f.next)
	case cmdCreatePlayback, 18:
		f.next++
		channels[0]++
		return number(number(number(b, channels[0]-1), f.next), 1000)
	case cmdCreateRecord:
		p.match(recordShape, 35)
		name := string(p.text(recordName))
		if f.chosen != "" {
			name = f.chosen
		}
		f.records = name
		f.next++
		channels[1]++
		b = number(number(number(number(b, channels[1]-1), f.next), 1000), 100)
		b = append(append(b, 'a', 3, 2, 0, 0, 0xbb, 0x80), 'm', 2, 1, 2)
		return truth(text(number(b, 1), []byte(name)), false)
	case cmdGetSourceInfo:
		p.match("Lt", 35)
		name := string(p.text(1))
		switch p.u32(0) {
		case 1:
			name = "mic"
		case 2:
			name = "sink.monitor"
		case 3:
			name = "sneaky"
		}
		if name == "@DEFAULT_SOURCE@" {
			name = f.source
		}
		if b, ok := sourceInfo(b, name); ok {
			return b
		}
		return number(begin(nil, cmdError, p.tag), noEntity)
	case cmdGetSourceInfo + 1:
		for _, name := range []string{"mic", "sink.monitor", "sneaky"} {
			b, _ = sourceInfo(b, name)
		}
		return b
	case 20:
		for _, s := range []string{"server", "1.0", "person", "machine"} {
			b = text(b, []byte(s))
		}
		b = text(text(append(b, 'a', 3, 2, 0, 0, 0xbb, 0x80), []byte("sink")), []byte(f.source))
		return append(number(b, 5), 'm', 2, 1, 2)
	case cmdGetSinkInfo:
		p.match("Lt", 35)
		if name := string(p.text(1)); p.u32(0) == none && name != "sink" {
			return number(begin(nil, cmdError, p.tag), noEntity)
		}
		return text(number(b, 0), []byte("sink"))
	case cmdGetClientInfo, cmdGetInputInfo:
		p.match("L", 35)
		return text(number(b, p.u32(0)), []byte("own"))
	case cmdGetOutputInfo:
		p.match("L", 35)
		from := map[string]uint32{"mic": 1, "sink.monitor": 2, "sneaky": 3}[f.records]
		return number(number(number(text(number(b, p.u32(0)), []byte("own")), none), 0), from)
	}
	return b
}

// sourceInfo describes one of the sources: sneaky is a monitor that is not called one.
func sourceInfo(b []byte, name string) ([]byte, bool) {
	index, of := uint32(1), uint32(none)
	switch name {
	case "mic":
	case "sink.monitor":
		index, of = 2, 0
	case "sneaky":
		index, of = 3, 0
	default:
		return nil, false
	}
	b = text(text(number(b, index), []byte(name)), []byte("a source"))
	b = append(append(b, 'a', 3, 2, 0, 0, 0xbb, 0x80), 'm', 2, 1, 2)
	b = append(number(b, 1), 'v', 1, 0, 1, 0, 0)
	b = text(number(truth(b, false), of), nil)
	b = text(append(b, 'U', 0, 0, 0, 0, 0, 0, 0, 0), []byte("driver"))
	b = append(append(number(b, 0), 'P', 'N'), 'U', 0, 0, 0, 0, 0, 0, 0, 0)
	b = number(number(number(append(b, 'V', 0, 1, 0, 0), 0), 65537), none)
	b = number(b, 1) // ports
	b = text(number(number(text(text(b, []byte("port")), []byte("a port")), 0), 0), []byte("group"))
	b = text(number(b, 0), []byte("port"))
	return append(b, 'B', 1, 'f', 'B', 1, 'P', 'N'), true
}

// saw gives what the server has got of a command.
func (f *fake) saw(command uint32) (values [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s.command == command {
			values = append(values, s.values)
		}
	}
	return values
}

// say sends a packet to all clients.
func (f *fake) say(frame []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Write(frame)
	}
}

func (f *fake) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}
