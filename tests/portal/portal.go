// Package portal is a desktop portal for tests, on a message bus of its own. It opens nothing: it
// remembers what it was asked for, and answers as it is told to. It shares no code with what asks, but
// for the decoder of bodies. (godbus v5.2.4 cannot be the other side: an array of descriptors, as
// attachment_fds is, makes it panic.)
//
// The one default call is [Start].
package portal

import (
	"bytes"
	"encoding/binary"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"snug/tests/bed"
	"snug/tests/bus"
	"snug/tests/need"
)

// Name is what a desktop's portals are called on the bus.
const Name = "org.freedesktop.portal.Desktop"

const (
	path   = "/org/freedesktop/portal/desktop"
	prefix = "org.freedesktop.portal."
)

// Manner is what a portal does with requests. The zero value does them all.
type Manner struct {
	Code      uint32        // of the Response
	Refuse    string        // the name of an error instead of a handle
	OwnHandle bool          // the request is at a path of the portal's choice, as before 0.9
	Silent    bool          // gives a handle, and no Response
	Dies      time.Duration // leaves the bus so long after the call came; negative: at once, without an answer
	Version   uint32        // of the interfaces; 0: as new as can be
}

// Portal is OpenURI and Email.
type Portal struct {
	Address string // of its bus

	t      testing.TB
	conn   *bus.Conn
	ended  chan struct{}
	mutex  sync.Mutex // the next three, and writing
	manner Manner
	calls  []Call
	serial uint32
}

// Call is one request.
type Call struct {
	Method  string // OpenURI.OpenFile
	URI     string
	File    string   // the path of the descriptor, and how it was opened: "/a/b rw"
	Files   []string // likewise, of attachments
	Options map[string]any
}

// Bus starts a bus that ends with the test, and gives its address.
func Bus(t testing.TB) string {
	t.Helper()
	need.Time(t)
	b := bed.New(t)
	b.Bus()
	return "unix:path=" + b.Socket()
}

// Start starts a bus with a portal that does all that it is asked for.
func Start(t testing.TB) *Portal {
	t.Helper()
	p := &Portal{Address: Bus(t), t: t, ended: make(chan struct{})}
	conn, err := bus.Dial(strings.TrimPrefix(p.Address, "unix:path="))
	if err != nil {
		t.Fatal(err)
	}
	p.conn, p.serial = conn, 1000
	if answer, err := conn.Ask(bus.RequestName(Name, 0)); err != nil || answer.Type != bus.Return {
		t.Fatal(answer, err)
	}
	conn.SetDeadline(time.Time{})
	go p.serve()
	t.Cleanup(func() {
		conn.Close()
		<-p.ended
	})
	return p
}

// Behave says what becomes of requests from now on.
func (p *Portal) Behave(m Manner) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.manner = m
}

// Calls gives what was asked for, and forgets it.
func (p *Portal) Calls() []Call {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// serve answers calls until the connection ends.
func (p *Portal) serve() {
	defer close(p.ended)
	for {
		m, err := p.conn.Next()
		if err != nil {
			return
		}
		if m.Type == bus.Call {
			p.answer(m)
		}
	}
}

func (p *Portal) answer(m bus.Message) {
	var body []any
	decoded, err := dbus.DecodeMessage(bytes.NewReader(m.Bytes()))
	if err == nil {
		body = decoded.Body
	}
	var files []string
	for _, fd := range m.FDs {
		files = append(files, describe(fd))
	}
	p.mutex.Lock()
	manner := p.manner
	p.mutex.Unlock()
	c := Call{Method: strings.TrimPrefix(m.Interface, prefix) + "." + m.Member}
	switch c.Method + " " + m.Signature {
	case "OpenURI.OpenURI ssa{sv}":
		c.URI = body[1].(string)
	case "OpenURI.OpenFile sha{sv}":
		c.File = files[body[1].(dbus.UnixFDIndex)]
	case "Email.ComposeEmail sa{sv}":
		if fds, given := body[1].(map[string]dbus.Variant)["attachment_fds"]; given {
			for _, i := range fds.Value().([]dbus.UnixFDIndex) {
				c.Files = append(c.Files, files[i])
			}
		}
	case "org.freedesktop.DBus.Properties.Get ss":
		if manner.Refuse != "" {
			p.refuse(m, manner.Refuse)
			return
		}
		version := manner.Version
		if version == 0 {
			version = 4
		}
		p.send(reply(m, "v", "\x01u\x00\x00"+number(version)))
		return
	default:
		p.t.Errorf("the portal was asked for %s with %s", c.Method, m.Signature)
		return
	}
	options := body[len(body)-1].(map[string]dbus.Variant)
	token, _ := options["handle_token"].Value().(string)
	c.Options = map[string]any{}
	for key, v := range options {
		if key != "handle_token" && key != "attachment_fds" {
			c.Options[key] = v.Value()
		}
	}
	p.mutex.Lock()
	p.calls = append(p.calls, c)
	p.mutex.Unlock()
	p.request(m, token, manner)
}

// describe tells what a descriptor is, and closes it.
func describe(fd int) string {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	target, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return err.Error()
	}
	return target + [...]string{" r", " w", " rw", " ?"}[flags&syscall.O_ACCMODE]
}

// request answers by Response before it gives the handle, which is the earliest that can be.
func (p *Portal) request(m bus.Message, token string, how Manner) {
	switch {
	case how.Refuse != "":
		p.refuse(m, how.Refuse)
		return
	case how.Dies < 0:
		p.conn.Close()
		return
	case how.Dies > 0:
		time.AfterFunc(how.Dies, func() { p.conn.Close() })
	}
	handle := expected(m.Sender, token)
	switch {
	case how.Silent || how.Dies > 0:
	case how.OwnHandle:
		handle = path + "/request/17"
		time.AfterFunc(200*time.Millisecond, func() { p.respond(handle, how.Code) })
	default:
		p.respond(handle, how.Code)
	}
	p.send(reply(m, "o", bus.String(handle)))
}

func (p *Portal) refuse(m bus.Message, name string) {
	p.send(bus.Message{Type: bus.Error, ReplySerial: m.Serial, Destination: m.Sender, Error: name, Signature: "s", Body: bus.String("as told")})
}

func reply(m bus.Message, signature, body string) bus.Message {
	return bus.Message{Type: bus.Return, ReplySerial: m.Serial, Destination: m.Sender, Signature: signature, Body: body}
}

// respond tells everybody, as GDBus does.
func (p *Portal) respond(handle string, code uint32) {
	p.send(bus.Message{Type: bus.Signal, Path: handle, Interface: prefix + "Request", Member: "Response",
		Signature: "ua{sv}", Body: number(code) + number(0)})
}

func (p *Portal) send(m bus.Message) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.serial++
	m.Serial = p.serial
	if err := p.conn.Send(m); err != nil {
		p.t.Error(err)
	}
}

func number(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

// expected spells the path of a request letter by letter.
func expected(sender, token string) string {
	b := []byte(path + "/request/")
	for _, c := range []byte(sender) {
		switch c {
		case ':':
		case '.':
			b = append(b, '_')
		default:
			b = append(b, c)
		}
	}
	return string(b) + "/" + token
}
