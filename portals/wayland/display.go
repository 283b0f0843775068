package wayland

import (
	"fmt"
	"os"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// Display is a compositor, where an app reaches it, and what it may do there.
type Display struct {
	// Listener is a listening unix stream socket. It stays the caller's, who may close it once Listen has
	// returned and closes it in the end; it is set non-blocking, for all who share it.
	Listener *os.File
	// Socket is the compositor's: a path, or an abstract name after '@'. It need not be there yet.
	Socket string
	// First is the descriptor of a socket that the compositor has connected already, as WAYLAND_SOCKET
	// names one: the first connection of the app goes there. -1 is none. Listen owns it, also if it fails.
	First  int
	Policy Policy
	// Log is told what is refused and hidden; nil is silent.
	Log *decisions.Log
	// Name stands in the log.
	Name string
}

// maxConnections bounds those of an app at a time; others wait. A browser has some five.
const maxConnections = 64

// Listen lets a loop stand between apps and the compositor. Each connection of an app gets one of its own
// to the compositor. Before it returns it asks the compositor for a security context, unless the policy grants
// what compositors hide from such, and waits for the answer for some seconds at most.
func (d Display) Listen(loop *relay.Loop) error {
	l := log{d.Log, d.Name}
	up := &upstream{socket: d.Socket, app: d.Policy.App, instance: d.Policy.Instance, first: d.First, hold: -1, log: l}
	loop.Closing(up.close)
	v, err := compile(d.Policy)
	if err != nil {
		return fmt.Errorf("policy of the display %q: %w", d.Name, err)
	}
	if up.known = v.privileged(); !up.known {
		up.open()
	}
	id := 0
	return loop.Listen(d.Listener, relay.Limits{Links: maxConnections}, up.dial, func() relay.Judge {
		id++
		return newConn(v, l, id)
	})
}
