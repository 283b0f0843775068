package dbus

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
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
	q, err := dial(address, patience)
	if err != nil {
		return "", err
	}
	defer unix.Close(q.fd)
	if err := q.greet(false); err != nil {
		return "", err
	}
	h, body, err := q.ask(c.begin("").end(), -1)
	if err != nil {
		return "", err
	}
	return h.firstText(body)
}

// begin writes the call up to its arguments.
func (c Call) begin(signature string) *draft {
	flags := byte(0)
	if c.NoStart {
		flags = noAutoStart
	}
	d := begin(nil, methodCall, flags, callSerial)
	d.field(fieldPath, c.Path)
	d.field(fieldInterface, c.Interface)
	d.field(fieldMember, c.Member)
	d.field(fieldDestination, c.Name)
	if signature == "" {
		d.body()
	} else {
		d.field(fieldSignature, signature)
	}
	return d
}

func dial(address string, patience time.Duration) (*caller, error) {
	names, err := Sockets(address)
	if err != nil {
		return nil, err
	}
	fd := -1
	for _, name := range names {
		if fd, err = relay.Dial(name); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &caller{fd: fd, until: time.Now().Add(patience)}, nil
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

// write sends bytes, with a descriptor unless that is -1.
func (q *caller) write(b []byte, file int) error {
	var rights []byte
	if file >= 0 {
		rights = unix.UnixRights(file)
	}
	n, err := unix.SendmsgN(q.fd, b, rights, nil, unix.MSG_NOSIGNAL) // a new socket's buffer takes it whole
	if err == nil && n < len(b) {
		err = unix.ENOBUFS
	}
	return os.NewSyscallError("sendmsg", err)
}

// greet authenticates by the credentials of the socket (D-Bus specification, "EXTERNAL"), and makes
// way for descriptors.
func (q *caller) greet(descriptors bool) error {
	id := hex.EncodeToString([]byte(strconv.Itoa(os.Getuid())))
	if err := q.write([]byte("\x00AUTH EXTERNAL "+id+"\r\n"), -1); err != nil {
		return err
	}
	if said, err := q.line(); err != nil || !strings.HasPrefix(said, "OK ") {
		return cmp.Or(err, fmt.Errorf("the bus does not know user %d", os.Getuid()))
	}
	if descriptors {
		if err := q.write([]byte("NEGOTIATE_UNIX_FD\r\n"), -1); err != nil {
			return err
		}
		if said, err := q.line(); err != nil || !strings.HasPrefix(said, "AGREE_UNIX_FD") {
			return cmp.Or(err, errors.New("the bus takes no descriptors"))
		}
	}
	hello := callBus(nil, helloSerial, busName, "Hello", "")
	err := q.write(append([]byte("BEGIN\r\n"), hello...), -1)
	if descriptors && err == nil { // dbus-daemon loses those that arrive before it has read BEGIN
		_, _, err = q.answer(helloSerial)
	}
	return err
}

// line reads a line of the authentication.
func (q *caller) line() (string, error) {
	for {
		n, err := line(q.in)
		if err != nil {
			return "", err
		}
		if n > 0 {
			said := string(q.in[:n])
			q.in = q.in[n:]
			return said, nil
		}
		if err := q.read(); err != nil {
			return "", err
		}
	}
}

const helloSerial, callSerial = 1, 2

// ask sends a call, with a descriptor unless that is -1, and waits for its answer.
func (q *caller) ask(call []byte, file int) (*header, []byte, error) {
	if err := q.write(call, file); err != nil {
		return nil, nil, err
	}
	return q.answer(callSerial)
}

// answer waits for the answer to a call. Its body is good until the next.
func (q *caller) answer(serial uint32) (*header, []byte, error) {
	var h header
	for {
		whole, err := h.parse(q.in)
		if err != nil {
			return nil, nil, err
		}
		if !whole || len(q.in) < h.size+h.body {
			if err := q.read(); err != nil {
				return nil, nil, err
			}
			continue
		}
		body := q.in[h.size : h.size+h.body]
		q.in = q.in[h.size+h.body:]
		if h.isReply() && h.replySerial == serial {
			return &h, body, h.problem()
		}
	}
}

// problem is the error that an answer is, or nil.
func (h *header) problem() error {
	if h.kind == errorReply {
		return fmt.Errorf("%s", h.text[fieldErrorName])
	}
	return nil
}

// firstText gives the first value of an answer.
func (h *header) firstText(body []byte) (string, error) {
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
