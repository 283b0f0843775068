// Package bus is a client of message buses for tests and benchmarks: raw messages, right and wrong
// ones, without a library in between that would refuse to send them or be slower than what is
// measured. It shares no code with the filter.
//
// The one default call is [Dial].
package bus

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Types of messages.
const (
	Call   = 1
	Return = 2
	Error  = 3
	Signal = 4
)

// Name is the bus's own.
const Name = "org.freedesktop.DBus"

// Message is one message. Text fields that are empty are left out.
type Message struct {
	Big                                  bool
	Type, Flags                          byte
	Serial, ReplySerial                  uint32
	Path, Interface, Member, Error       string
	Destination, Sender, Signature, Body string
	Count                                uint32 // of descriptors, in the header
	FDs                                  []int  // that go with it, or came; who has them closes them
}

// Bytes gives the message as it goes over the wire.
func (m Message) Bytes() []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	b := []byte{'l', m.Type, m.Flags, 1}
	if m.Big {
		order = binary.BigEndian
		b[0] = 'B'
	}
	b = order.AppendUint32(b, uint32(len(m.Body)))
	b = order.AppendUint32(b, m.Serial)
	b = order.AppendUint32(b, 0)
	pad := func() {
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
	}
	for _, f := range []struct {
		code, kind byte
		text       string
		number     uint32
	}{
		{1, 'o', m.Path, 0}, {2, 's', m.Interface, 0}, {3, 's', m.Member, 0}, {4, 's', m.Error, 0},
		{5, 'u', "", m.ReplySerial}, {6, 's', m.Destination, 0}, {7, 's', m.Sender, 0},
		{8, 'g', m.Signature, 0}, {9, 'u', "", m.Count},
	} {
		if f.text == "" && f.number == 0 {
			continue
		}
		pad()
		b = append(b, f.code, 1, f.kind, 0)
		switch f.kind {
		case 'u':
			b = order.AppendUint32(b, f.number)
			continue
		case 'g':
			b = append(b, byte(len(f.text)))
		default:
			b = order.AppendUint32(b, uint32(len(f.text)))
		}
		b = append(append(b, f.text...), 0)
	}
	length := order.AppendUint32(nil, uint32(len(b)-16))
	copy(b[12:], length)
	pad()
	return append(b, m.Body...)
}

// String is a body of strings.
func String(list ...string) string {
	var b []byte
	for _, s := range list {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(append(b, s...), 0)
	}
	return string(b)
}

// Strings reads all strings of a little-endian body, of "s", "ss" or "as".
func (m Message) Strings() (list []string) {
	b := []byte(m.Body)
	if m.Signature == "as" {
		b = b[4:]
	}
	for at := 0; at+4 < len(b); at = (at + 3) &^ 3 {
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if at+4+n > len(b) {
			return list
		}
		list = append(list, string(b[at+4:at+4+n]))
		at += n + 5
	}
	return list
}

// Conn is a connection to a bus, or to a filter before one.
type Conn struct {
	*net.UnixConn
	Unique string // our name, after Hello
	Serial uint32 // of the last call
	in     []byte
	fds    []int
	room   []byte
}

// patience is how long everything may take.
const patience = 20 * time.Second

// Connect connects to a socket and authenticates, waiting for each answer as libdbus does.
func Connect(path string) (*Conn, error) {
	return connect(path, "AUTH EXTERNAL "+id()+"\r\n", "NEGOTIATE_UNIX_FD\r\n", "BEGIN\r\n")
}

// Pipeline connects and says everything in one write, with messages behind it, as sd-bus does.
func Pipeline(path string, behind []byte) (*Conn, error) {
	return connect(path, "AUTH EXTERNAL "+id()+"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"+string(behind))
}

func id() string { return hex.EncodeToString([]byte(strconv.Itoa(os.Getuid()))) }

// connect sends the lines; each write is answered by as many as it asks for.
func connect(path string, writes ...string) (*Conn, error) {
	u, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	u.SetDeadline(time.Now().Add(patience))
	c := &Conn{UnixConn: u, room: make([]byte, 256<<10)}
	for i, w := range writes {
		if i == 0 {
			w = "\x00" + w
		}
		if _, err = u.Write([]byte(w)); err != nil {
			break
		}
		for range strings.Count(w, "AUTH ") + strings.Count(w, "NEGOTIATE") {
			if err = c.line(); err != nil {
				break
			}
		}
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return c, nil
}

// Dial connects and says Hello.
func Dial(path string) (*Conn, error) {
	c, err := Connect(path)
	if err != nil {
		return nil, err
	}
	m, err := c.Ask(ToBus("Hello", 0))
	s := m.Strings()
	if err == nil && (m.Type != Return || len(s) != 1) {
		err = fmt.Errorf("hello: %+v", m)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	c.Unique = s[0]
	return c, nil
}

func (c *Conn) line() error {
	for {
		if i := bytes.Index(c.in, []byte("\r\n")); i >= 0 {
			c.in = c.in[i+2:]
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

func (c *Conn) fill() error {
	oob := make([]byte, 2048)
	n, oobn, _, _, err := c.ReadMsgUnix(c.room, oob)
	if err != nil {
		return err
	}
	if n == 0 {
		return io.EOF
	}
	c.in = append(c.in, c.room[:n]...)
	messages, _ := unix.ParseSocketControlMessage(oob[:oobn])
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		c.fds = append(c.fds, fds...)
	}
	return nil
}

// ToBus is a call to the bus itself.
func ToBus(member string, serial uint32, arguments ...string) Message {
	m := Message{Type: Call, Serial: serial, Path: "/org/freedesktop/DBus", Interface: Name, Member: member, Destination: Name}
	if len(arguments) > 0 {
		m.Signature, m.Body = "sssssssss"[:len(arguments)], String(arguments...)
	}
	return m
}

// RequestName is a call for a name. Flags are 1 to let others replace, 2 to replace, 4 not to queue.
func RequestName(name string, flags byte) Message {
	m := ToBus("RequestName", 0, name)
	m.Signature = "su"
	m.Body += strings.Repeat("\x00", (4-len(m.Body)%4)%4) + string([]byte{flags, 0, 0, 0})
	return m
}

// Send writes a message with its descriptors.
func (c *Conn) Send(m Message) error {
	var oob []byte
	if len(m.FDs) > 0 {
		oob = unix.UnixRights(m.FDs...)
	}
	b := m.Bytes()
	n, _, err := c.WriteMsgUnix(b, oob, nil)
	if err == nil && n < len(b) {
		_, err = c.Write(b[n:])
	}
	return err
}

// Ask sends a call with the next serial and waits for its answer; signals that come before it are lost.
func (c *Conn) Ask(m Message) (Message, error) {
	c.Serial++
	m.Serial = c.Serial
	if err := c.Send(m); err != nil {
		return Message{}, err
	}
	return c.Answer(c.Serial)
}

// Answer waits for the answer to a call.
func (c *Conn) Answer(serial uint32) (Message, error) {
	for {
		m, err := c.Next()
		if err != nil || (m.Type == Return || m.Type == Error) && m.ReplySerial == serial {
			return m, err
		}
	}
}

// Next waits for a message.
func (c *Conn) Next() (Message, error) {
	for {
		m, n, err := read(c.in)
		if err != nil {
			return m, err
		}
		if n > 0 {
			if c.in = c.in[n:]; len(c.in) == 0 {
				c.in = nil
			}
			if int(m.Count) > len(c.fds) {
				return m, errors.New("descriptors did not come with their message")
			}
			m.FDs, c.fds = c.fds[:m.Count:m.Count], c.fds[m.Count:]
			return m, nil
		}
		if err := c.fill(); err != nil {
			return m, err
		}
	}
}

// read parses a message that a bus is trusted to have made well, and gives its length, or 0.
func read(b []byte) (m Message, n int, err error) {
	if len(b) < 16 {
		return m, 0, nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if m.Big = b[0] == 'B'; m.Big {
		order = binary.BigEndian
	}
	fields := 16 + int(order.Uint32(b[12:]))
	start := (fields + 7) &^ 7
	n = start + int(order.Uint32(b[4:]))
	if len(b) < n {
		return m, 0, nil
	}
	m.Type, m.Flags, m.Serial = b[1], b[2], order.Uint32(b[8:])
	m.Body = string(b[start:n])
	for at := 16; at < fields; at = (at + 7) &^ 7 {
		code, kind := b[at], b[at+2]
		at += 4
		number := order.Uint32(append(b[at:min(at+4, n):min(at+4, n)], 0, 0, 0, 0))
		switch kind {
		case 'u':
			m.number(code, number)
			at += 4
			continue
		case 'g':
			number = uint32(b[at])
			at++
		default:
			at += 4
		}
		m.text(code, string(b[at:at+int(number)]))
		at += int(number) + 1
	}
	return m, n, nil
}

func (m *Message) number(code byte, n uint32) {
	if code == 5 {
		m.ReplySerial = n
	} else {
		m.Count = n
	}
}

func (m *Message) text(code byte, s string) {
	for i, to := range []*string{&m.Path, &m.Interface, &m.Member, &m.Error, nil, &m.Destination, &m.Sender, &m.Signature} {
		if i == int(code)-1 && to != nil {
			*to = s
		}
	}
}
