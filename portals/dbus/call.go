package dbus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// Call is a call without arguments to a service of a bus.
type Call struct {
	Name, Path, Interface, Member string
	// NoStart leaves a service that is not running as it is; the call then fails.
	NoStart bool
}

// maxAnswer bounds the answer to a Call, and whatever else the bus says before it.
const maxAnswer = 64 << 10

var errAnswer = errors.New("the bus's answer is not one")

// Text makes the call on a connection of its own and gives the first value of its answer, a string or
// an array of bytes. It is for a word with one service; a
// program that has more to say uses a library.
func (c Call) Text(address string, patience time.Duration) (string, error) {
	names, err := Sockets(address)
	if err != nil {
		return "", err
	}
	fd := -1
	for _, name := range names {
		if fd, err = relay.Dial(name); err == nil {
			break
		}
	}
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		return "", os.NewSyscallError("fcntl", err)
	}
	q := caller{fd: fd, until: time.Now().Add(patience)}
	if err := q.greet(); err != nil {
		return "", err
	}
	return q.ask(c)
}

// caller is a connection with a deadline.
type caller struct {
	fd    int
	until time.Time
	in    []byte // what has arrived and was not looked at
}

func (q *caller) read() error {
	left := time.Until(q.until)
	if left <= 0 || len(q.in) > maxAnswer {
		return os.ErrDeadlineExceeded
	}
	timeout := unix.NsecToTimeval(left.Nanoseconds())
	if err := unix.SetsockoptTimeval(q.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	buf := make([]byte, 4096)
	n, err := unix.Read(q.fd, buf)
	switch {
	case err == unix.EINTR:
		return nil
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return errAnswer
	}
	q.in = append(q.in, buf[:n]...)
	return nil
}

func (q *caller) write(b []byte) error {
	n, err := unix.SendmsgN(q.fd, b, nil, nil, unix.MSG_NOSIGNAL) // a new socket's buffer takes it whole
	if err == nil && n < len(b) {
		err = unix.ENOBUFS
	}
	return os.NewSyscallError("sendmsg", err)
}

// greet authenticates by the credentials of the socket (D-Bus specification, "EXTERNAL").
func (q *caller) greet() error {
	id := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if err := q.write([]byte("\x00AUTH EXTERNAL " + id + "\r\n")); err != nil {
		return err
	}
	for {
		n, err := line(q.in)
		if err != nil {
			return err
		}
		if n > 0 {
			if string(q.in[:min(3, n)]) != "OK " {
				return fmt.Errorf("the bus does not know user %d", os.Getuid())
			}
			q.in = q.in[n:]
			break
		}
		if err := q.read(); err != nil {
			return err
		}
	}
	hello := callBus(nil, 1, busName, "Hello", "")
	return q.write(append([]byte("BEGIN\r\n"), hello...))
}

const callSerial = 2

func (q *caller) ask(c Call) (string, error) {
	flags := byte(0)
	if c.NoStart {
		flags = noAutoStart
	}
	d := begin(nil, methodCall, flags, callSerial)
	d.field(fieldPath, c.Path)
	d.field(fieldInterface, c.Interface)
	d.field(fieldMember, c.Member)
	d.field(fieldDestination, c.Name)
	d.body()
	if err := q.write(d.end()); err != nil {
		return "", err
	}
	var h header
	for {
		whole, err := h.parse(q.in)
		if err != nil {
			return "", err
		}
		if !whole || len(q.in) < h.size+h.body {
			if err := q.read(); err != nil {
				return "", err
			}
			continue
		}
		if h.isReply() && h.replySerial == callSerial {
			return h.firstText(q.in[h.size : h.size+h.body])
		}
		q.in = q.in[h.size+h.body:]
	}
}

// firstText gives the first value of an answer.
func (h *header) firstText(body []byte) (string, error) {
	if h.kind == errorReply {
		return "", fmt.Errorf("%s", h.text[fieldErrorName])
	}
	if s, ok := h.argument(body); ok {
		return string(s), nil
	}
	if sig := string(h.signature()); len(sig) < 2 || sig[:2] != "ay" || len(body) < 4 {
		return "", errAnswer
	}
	n := number(body, h.big)
	if uint64(n) > uint64(len(body)-4) {
		return "", errAnswer
	}
	return string(body[4 : 4+n]), nil
}
