package dbus

import (
	"context"
	"fmt"
	"os"

	"snug/portals/decisions"
	"snug/portals/internal/relay"
)

// Bus is one bus, where an app reaches it, and what it may do there.
type Bus struct {
	// Listener is a listening unix stream socket. It stays the caller's, who may close it once Serve
	// has begun and closes it in the end; Serve sets it non-blocking, for all who share it.
	Listener *os.File
	// Address is the bus's, as in DBUS_SESSION_BUS_ADDRESS. It need not be there yet.
	Address string
	Policy  Policy
	// Stands are calls that are answered here.
	Stands []Stand
	// Log is told each decision; nil is silent.
	Log *decisions.Log
	// Connections bounds those at a time; those beyond wait. 0 is 1,000, of which 64 may be
	// authenticating. A bus has a limit for all programs of a user.
	Connections int
	// Name stands in the log, to tell several buses from each other.
	Name string
	// Refused, if it is not nil, is called for each call of the app that is refused, with the name that it
	// asked to own, in whatever bytes it did, or "". It must not block.
	Refused func(name string)
}

const maxConnections, maxGreeting = 1000, 64

// Serve stands between apps and buses until ctx ends, and then closes all connections and gives nil.
// Each connection of an app gets one of its own to the bus, with the credentials of this process.
// Serve needs no other goroutine, and leaves none.
func Serve(ctx context.Context, buses ...Bus) error {
	loop, err := relay.NewLoop()
	if err != nil {
		return err
	}
	defer loop.Close()
	for _, b := range buses {
		if err := b.Listen(loop); err != nil {
			return err
		}
	}
	return loop.Run(ctx)
}

// Listen lets a loop stand between apps and one bus, as Serve does.
func (b Bus) Listen(loop *relay.Loop) error {
	p, err := compile(b.Policy)
	if err != nil {
		return fmt.Errorf("policy of the bus %q: %w", b.Name, err)
	}
	l := log{b.Log, b.Name}
	limits := relay.Limits{Links: maxConnections, Greeting: maxGreeting}
	if b.Connections > 0 {
		limits = relay.Limits{Links: min(b.Connections, maxConnections), Greeting: min(max(b.Connections/8, 1), maxGreeting)}
	}
	id, relatives := 0, newFamily(b.Policy.Private)
	return loop.Listen(b.Listener, limits, dialer(b.Address), func() relay.Judge {
		id++
		return &conn{state: newState(p, relatives, b.Stands), log: l, refused: b.Refused, id: id}
	})
}
