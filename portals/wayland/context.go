package wayland

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/internal/relay"
)

// The security context of wp_security_context_v1: the compositor takes connections from a listener of ours,
// and knows by it whose they are. The listener has an abstract address that the kernel chooses: nobody
// but this process's network namespace can find it.
//
// Whoever finds it all the same gets a connection that is confined like the app's own.

const (
	contextManager = "wp_security_context_manager_v1"
	engine         = "snug"

	patience = 2 * time.Second // of all that is said to make a context
	rest     = 5 * time.Second // for a compositor that did not answer, until it is asked again
)

var errLate = errors.New("the compositor does not answer")

// upstream makes connections to the compositor.
type upstream struct {
	socket, app, instance string
	first                 int // see Display
	log                   log

	known   bool   // whether there is a context
	context string // its address, or ""
	hold    int    // closing it ends the context; -1 is none
	failed  error  // why there is no way to the compositor
	again   time.Time
}

func (u *upstream) close() {
	for _, fd := range []*int{&u.first, &u.hold} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
}

// dial connects to the compositor.
func (u *upstream) dial() (int, error) {
	if fd := u.first; fd >= 0 {
		u.first = -1
		return fd, unix.SetNonblock(fd, true)
	}
	if !u.known {
		u.open()
	}
	if !u.known {
		u.log.refuses(0, "connect: "+u.failed.Error(), "")
		return -1, u.failed
	}
	if u.context == "" {
		return relay.Dial(u.socket)
	}
	fd, err := relay.Dial(u.context)
	if err == unix.ECONNREFUSED {
		// The compositor that held the listener has ended. There may be another one.
		u.known = false
		if u.open(); u.known {
			return u.dialOnce()
		}
	}
	return fd, err
}

func (u *upstream) dialOnce() (int, error) {
	if u.context == "" {
		return relay.Dial(u.socket)
	}
	return relay.Dial(u.context)
}

// open finds out whether the compositor has security contexts, and makes one. While it fails nobody
// connects: an app is not less confined because something went wrong.
func (u *upstream) open() {
	if time.Now().Before(u.again) {
		return
	}
	if u.hold >= 0 {
		unix.Close(u.hold)
		u.hold = -1
	}
	u.context, u.failed = "", nil
	u.failed = u.ask()
	if errors.Is(u.failed, errLate) {
		u.again = time.Now().Add(rest)
	}
	u.known = u.failed == nil
}

// Objects of the conversation.
const (
	askedRegistry = 2 + iota
	askedSync
	askedManager
	askedContext
	askedCommit
)

// ask makes a context if the compositor has them.
func (u *upstream) ask() error {
	t := talk{until: time.Now().Add(patience)}
	if err := t.connect(u.socket); err != nil {
		return err
	}
	defer unix.Close(t.fd)
	number, found, err := t.find(contextManager)
	if err != nil || !found {
		return err
	}
	if err := u.make(&t, number); err != nil {
		return fmt.Errorf("%s: %w", contextManager, err)
	}
	return nil
}

// make hands a listener to the compositor.
func (u *upstream) make(t *talk, number uint32) error {
	listener, address, err := listen()
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(pipe[0])
	const createListener, setEngine, setApp, setInstance, commit = 1, 1, 2, 3, 4
	b := newMessage(askedRegistry, bind, number).text(contextManager).words(1, askedManager).done()
	b = append(b, newMessage(askedManager, createListener, askedContext).done()...)
	b = append(b, newMessage(askedContext, setEngine).text(engine).done()...)
	if u.app != "" {
		b = append(b, newMessage(askedContext, setApp).text(u.app).done()...)
	}
	if u.instance != "" {
		b = append(b, newMessage(askedContext, setInstance).text(u.instance).done()...)
	}
	b = append(b, newMessage(askedContext, commit).done()...)
	b = append(b, newMessage(theDisplay, 0, askedCommit).done()...)
	err = t.send(b, listener, pipe[0])
	if err == nil {
		err = t.wait(askedCommit, nil)
	}
	if err != nil {
		unix.Close(pipe[1])
		return err
	}
	u.context, u.hold = address, pipe[1]
	return nil
}

// listen makes a listening socket with an address that the kernel chooses.
func listen() (fd int, address string, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, "", os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err = unix.Bind(fd, &unix.SockaddrUnix{}); err != nil {
		return -1, "", os.NewSyscallError("bind", err)
	}
	if err = unix.Listen(fd, maxConnections); err != nil {
		return -1, "", os.NewSyscallError("listen", err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		return -1, "", os.NewSyscallError("getsockname", err)
	}
	return fd, at.(*unix.SockaddrUnix).Name, nil
}
