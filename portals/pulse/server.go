package pulse

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// Server is a sound server, where an app reaches it, and what it may do there.
type Server struct {
	// Listener is a listening unix stream socket. It stays the caller's, who may close it after Listen,
	// which sets it non-blocking, for all who share it.
	Listener *os.File
	// Socket is the server's: a path, or an abstract name after '@'. It need not be there yet.
	Socket string
	// Cookie is the server's own, of 256 bytes, which the app never sees; nil is none: a server knows
	// this process by its user, too.
	Cookie []byte
	Policy Policy
	// Log is told each decision; nil is silent.
	Log *decisions.Log
	// Name stands in the log, to tell brokers from each other.
	Name string
	// Ask begins to ask the person whether the app may record. done is called once, in the loop's
	// goroutine, at once or later. nil: nobody can be asked, so the answer is no.
	Ask func(done func(allowed bool))

	patience time.Duration // with a person, if not the usual one
}

// What one Server may have at a time, since a server has limits for all apps of a person.
const (
	maxConnections = 8
	maxStreams     = 32
)

// CookieSize is the bytes of a server's cookie.
const CookieSize = 256

// Listen lets a loop stand between apps and the server. Each connection of an app gets one of its own to
// the server, with the credentials of this process.
func (s Server) Listen(loop *relay.Loop) error {
	if err := s.Policy.Check(); err != nil {
		return fmt.Errorf("policy of %q: %w", s.Name, err)
	}
	if s.Cookie != nil && len(s.Cookie) != CookieSize {
		return errors.New("the cookie of a sound server has 256 bytes")
	}
	f := newFamily(s, loop)
	limits := relay.Limits{Links: maxConnections, Greeting: maxConnections}
	id, server := 0, -1
	dial := func() (fd int, err error) {
		server, err = s.dial()
		return server, err
	}
	return loop.Listen(s.Listener, limits, dial, func() relay.Judge {
		id++
		return newConn(f, id, server)
	})
}

// dial connects to the server. PulseAudio wants to be told who greets it, and asks for that only when it has
// accepted the connection: what comes before says it if the sender's socket wants such news itself.
func (s Server) dial() (int, error) {
	fd, err := relay.Dial(s.Socket)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}
