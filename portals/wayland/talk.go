package wayland

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// talk is a connection of the filter's own to the compositor, which ends before long.
type talk struct {
	fd    int
	until time.Time
	in    []byte // what was read and not understood yet
}

// connect waits for the compositor to have room. Who connects closes the descriptor.
func (t *talk) connect(socket string) (err error) {
	for {
		t.fd, err = relay.Dial(socket)
		switch {
		case err == nil:
			return nil
		case err != unix.EAGAIN:
			return os.NewSyscallError("connect", err)
		case time.Now().After(t.until):
			return errLate
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// find gives the number of a global.
func (t *talk) find(name string) (number uint32, found bool, err error) {
	b := newMessage(theDisplay, getRegistry, askedRegistry).done()
	b = append(b, newMessage(theDisplay, 0, askedSync).done()...)
	if err := t.send(b); err != nil {
		return 0, false, err
	}
	err = t.wait(askedSync, func(h header, b []byte) {
		if a, ok := parseGlobal(b); ok && h.object == askedRegistry && h.opcode == announce && string(a.name) == name {
			number, found = a.number, true
		}
	})
	return number, found, err
}

// send writes some messages, which are short.
func (t *talk) send(b []byte, fds ...int) error {
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	for {
		n, err := unix.SendmsgN(t.fd, b, oob, nil, unix.MSG_NOSIGNAL)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("sendmsg", err)
		case n < len(b):
			return errors.New("the compositor's socket is full")
		default:
			return nil
		}
	}
}

// wait reads until a callback is done. see is shown all else, but errors.
func (t *talk) wait(callback uint32, see func(header, []byte)) error {
	for {
		b, err := t.next()
		if err != nil {
			return err
		}
		h := parse(b)
		switch {
		case h.object == callback:
			return nil
		case h.object == theDisplay && h.opcode == displayError && len(b) > headerSize+8:
			said, _, _ := text(b[headerSize+8:])
			return fmt.Errorf("the compositor says %.200q", said)
		case see != nil:
			see(h, b)
		}
	}
}

// next reads a message. It is good until the next one.
func (t *talk) next() ([]byte, error) {
	for {
		if len(t.in) >= headerSize {
			h := parse(t.in)
			if !h.valid() {
				return nil, errCompositor
			}
			if len(t.in) >= h.size {
				b := t.in[:h.size]
				t.in = t.in[h.size:]
				return b, nil
			}
		}
		if err := t.read(); err != nil {
			return nil, err
		}
	}
}

// read adds what comes. Descriptors are not taken, and so closed by the kernel.
func (t *talk) read() error {
	left := time.Until(t.until)
	if left <= 0 {
		return errLate
	}
	poll := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, int(left/time.Millisecond)+1); err != nil && err != unix.EINTR {
		return os.NewSyscallError("poll", err)
	}
	room := make([]byte, 16<<10)
	n, err := unix.Read(t.fd, room)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return nil
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return errors.New("the compositor has hung up")
	}
	t.in = append(t.in, room[:n]...)
	return nil
}
