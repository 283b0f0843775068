package relay

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pause is how long to wait when the host's queue is full, or this process has no descriptors left.
const pause = 5 * time.Millisecond

// Limits bound the links of one listening socket, so that who connects to it cannot use up what the
// host has for all. Those beyond wait in the kernel's queue.
type Limits struct {
	Links    int // at a time
	Greeting int // of these, before the judge calls Established; 0: there is no greeting, and silence is no fault
}

// porch is a listening socket and what to do with who comes.
type porch struct {
	loop   *Loop
	fd     int
	dial   func() (int, error)
	judge  func() Judge
	caller int // who waits for the host to have room, or -1
	limits Limits
	inside Limits // how many there are
	shut   bool   // as there are as many as may be
	asleep bool   // until a moment has passed
}

// Listen serves a listening unix socket: for each connection dial makes one to the host,
// non-blocking, which the loop owns, and judge makes a judge. unix.EAGAIN of dial means that the
// host's queue is full: it is tried again soon. The file stays the caller's, who may close it right
// after; it is set non-blocking, for all who share it.
func (l *Loop) Listen(f *os.File, limits Limits, dial func() (int, error), judge func() Judge) error {
	fd, err := listening(f)
	if err != nil {
		return err
	}
	p := &porch{loop: l, fd: fd, dial: dial, judge: judge, caller: -1, limits: limits}
	l.porches = append(l.porches, p)
	return l.watch(p.fd, p, unix.EPOLLIN)
}

func (p *porch) close() {
	p.loop.forget(p.fd)
	unix.Close(p.fd)
	if p.caller >= 0 {
		unix.Close(p.caller)
	}
}

// ready lets in all who wait.
func (p *porch) ready(uint32) {
	for range 64 {
		if p.full() {
			p.shut = true
			p.loop.forget(p.fd)
			return
		}
		fd := p.caller
		if p.caller = -1; fd < 0 {
			var err error
			fd, _, err = unix.Accept4(p.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
			switch err {
			case nil:
			case unix.EINTR, unix.ECONNABORTED:
				continue
			case unix.EAGAIN:
				return
			default: // no descriptors or memory: those who wait stay in the kernel's queue
				p.rest()
				return
			}
		}
		if !p.welcome(fd) {
			p.caller = fd
			p.rest()
			return
		}
	}
}

// welcome makes a link, and reports whether the host had room. Where it cannot be reached at all
// the app is told by the end of its connection.
func (p *porch) welcome(fd int) bool {
	host, err := p.dial()
	switch err {
	case nil:
		p.inside.Links++
		p.inside.Greeting++
		if k, err := p.loop.join(fd, host, p.judge(), p); err == nil && p.limits.Greeting == 0 {
			k.Established()
		}
	case unix.EAGAIN, unix.EMFILE, unix.ENFILE:
		return false
	default:
		unix.Close(fd)
	}
	return true
}

// full reports whether nobody else may come in for now.
func (p *porch) full() bool {
	return p.inside.Links >= p.limits.Links || p.limits.Greeting > 0 && p.inside.Greeting >= p.limits.Greeting
}

// less is called when a link has ended, or its greeting has.
func (p *porch) less(links, greeting int) {
	p.inside.Links -= links
	p.inside.Greeting -= greeting
	if p.shut && !p.asleep && !p.full() {
		p.shut, p.asleep = false, true
		p.loop.after(0, p.wake) // not now: the loop may be about to give the number of a closed descriptor to another
	}
}

// rest stops listening for a moment.
func (p *porch) rest() {
	p.loop.forget(p.fd)
	p.asleep = true
	p.loop.after(pause, p.wake)
}

func (p *porch) wake() {
	p.asleep = false
	if p.loop.watch(p.fd, p, unix.EPOLLIN) == nil {
		p.ready(0)
	}
}

// door is a listening socket whose callers are handed on.
type door struct {
	loop *Loop
	fd   int
	in   func(fd int)
}

// Accept hands on who connects to a listening unix socket: in owns the descriptor, which does not block.
// The file stays the caller's, who may close it right after; it is set non-blocking, for all who share it.
func (l *Loop) Accept(f *os.File, in func(fd int)) error {
	fd, err := listening(f)
	if err != nil {
		return err
	}
	d := &door{l, fd, in}
	l.doors = append(l.doors, d)
	return l.watch(fd, d, unix.EPOLLIN)
}

func (d *door) ready(uint32) {
	for range 64 {
		fd, _, err := unix.Accept4(d.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		switch err {
		case nil:
			d.in(fd)
		case unix.EINTR, unix.ECONNABORTED:
		case unix.EAGAIN:
			return
		default: // no descriptors or memory: those who wait stay in the kernel's queue
			d.loop.forget(d.fd)
			d.loop.after(pause, func() { d.loop.watch(d.fd, d, unix.EPOLLIN) })
			return
		}
	}
}

// listening gives a descriptor of its own for a socket, set non-blocking.
func listening(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	failed := raw.Control(func(shared uintptr) {
		if fd, err = unix.FcntlInt(shared, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(fd, true)
		}
	})
	if failed != nil {
		return -1, failed
	}
	return fd, os.NewSyscallError("fcntl", err)
}

// Dial connects to a unix socket without waiting. name is a path, or an abstract name after '@'.
func Dial(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
