package portal

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// Reason is why a request came to nothing. What to do about it depends on it.
type Reason byte

// Reasons.
const (
	NoBus     Reason = iota + 1 // there is no bus, or it does not talk to us
	NoPortal                    // nobody on the bus has portals, that we may see
	NoBackend                   // the desktop has portals, but not this one
	Denied                      // a filter or the bus does not allow the call
	Refused                     // the portal takes the call for wrong
	Cancelled                   // by the person
	Ended                       // the portal could not do it, and does not say why
	Gone                        // the portal or the bus went away before it answered
	Late                        // the time is over
)

// Error is a request that came to nothing.
type Error struct {
	Reason    Reason
	Interface string // of the portal: OpenURI, Email
	Err       error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// wrong makes an Error of a failed call. A call whose time is over has failed for no other reason.
func wrong(ctx context.Context, portal string, err error) *Error {
	var said dbus.Error
	switch {
	case ctx.Err() != nil:
		return late(portal)
	case errors.As(err, &said):
		return &Error{reason(said.Name), portal, fmt.Errorf("the portal %s: %w", portal, err)}
	case errors.Is(err, dbus.ErrClosed):
		return &Error{Gone, portal, errors.New("the bus closed the connection")}
	}
	return &Error{Gone, portal, fmt.Errorf("the bus: %w", err)}
}

func late(portal string) *Error {
	return &Error{Late, portal, fmt.Errorf("the portal %s did not answer in time", portal)}
}

// reason sorts the names of errors by what they mean to us.
func reason(name string) Reason {
	switch name {
	case "org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.TimedOut", // it did not start
		"org.freedesktop.DBus.Error.Spawn.ChildExited",
		"org.freedesktop.DBus.Error.Spawn.ChildSignaled",
		"org.freedesktop.DBus.Error.Spawn.ExecFailed",
		"org.freedesktop.DBus.Error.Spawn.Failed",
		"org.freedesktop.DBus.Error.Spawn.FileInvalid":
		return NoPortal
	case "org.freedesktop.DBus.Error.UnknownObject",
		"org.freedesktop.DBus.Error.UnknownInterface",
		"org.freedesktop.DBus.Error.UnknownMethod":
		return NoBackend
	case "org.freedesktop.DBus.Error.AccessDenied":
		return Denied
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected":
		return Gone
	}
	return Refused
}
