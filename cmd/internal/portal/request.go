package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

const (
	busName     = "org.freedesktop.DBus"
	desktopName = "org.freedesktop.portal.Desktop"
	desktopPath = "/org/freedesktop/portal/desktop"
	prefix      = "org.freedesktop.portal." // of interfaces
	response    = prefix + "Request.Response"
)

// options are the last argument of every call.
type options map[string]dbus.Variant

// session is one connection to the bus, for one request to one portal.
type session struct {
	*dbus.Conn
	portal  string // its interface, without prefix
	signals chan *dbus.Signal
}

// dial connects. The end of ctx closes the connection.
func dial(ctx context.Context, address, portal string) (*session, error) {
	if address == "" {
		return nil, &Error{NoBus, portal, errors.New("there is no session bus: DBUS_SESSION_BUS_ADDRESS is not set")}
	}
	// Answers and news of names must be seen in the order of their coming.
	conn, err := dbus.Connect(address, dbus.WithContext(ctx), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	switch {
	case ctx.Err() != nil:
		return nil, late(portal)
	case err != nil:
		return nil, &Error{NoBus, portal, fmt.Errorf("connect to the session bus: %w", err)}
	}
	s := &session{conn, portal, make(chan *dbus.Signal, 16)}
	conn.Signal(s.signals)
	return s, nil
}

// ask makes a request of the portal and waits for its answer. A nil argument stands for none: OpenURI
// has a URI, OpenFile a descriptor, ComposeEmail nothing between window and options.
func (s *session) ask(ctx context.Context, method string, argument any, with options) error {
	token := "snug" + strings.ToLower(rand.Text())
	handle := s.expected(token)
	if err := s.listen(ctx, handle); err != nil {
		return err
	}
	with["handle_token"] = dbus.MakeVariant(token)
	arguments := []any{""} // no window is the parent of what opens
	if argument != nil {
		arguments = append(arguments, argument)
	}
	arguments = append(arguments, with)
	call := s.Object(desktopName, desktopPath).CallWithContext(ctx, prefix+s.portal+"."+method, 0, arguments...)
	var given dbus.ObjectPath
	if err := call.Store(&given); err != nil {
		return wrong(ctx, s.portal, err)
	}
	if given != handle {
		if err := s.match(ctx, answersAt(given)...); err != nil {
			return err
		}
	}
	return s.wait(ctx, handle, given)
}

// expected is the path that a portal of today gives the request with this token.
func (s *session) expected(token string) dbus.ObjectPath {
	sender := strings.ReplaceAll(strings.TrimPrefix(s.Names()[0], ":"), ".", "_")
	return dbus.ObjectPath(desktopPath + "/request/" + sender + "/" + token)
}

// listen subscribes to the answer, and to the end of who would give it.
func (s *session) listen(ctx context.Context, handle dbus.ObjectPath) error {
	if err := s.match(ctx, answersAt(handle)...); err != nil {
		return err
	}
	return s.match(ctx, dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, desktopName))
}

func answersAt(handle dbus.ObjectPath) []dbus.MatchOption {
	return []dbus.MatchOption{dbus.WithMatchSender(desktopName), dbus.WithMatchInterface(prefix + "Request"),
		dbus.WithMatchMember("Response"), dbus.WithMatchObjectPath(handle)}
}

func (s *session) match(ctx context.Context, rule ...dbus.MatchOption) error {
	if err := s.AddMatchSignalContext(ctx, rule...); err != nil {
		return wrong(ctx, s.portal, err)
	}
	return nil
}

// wait returns when there is an answer at one of the paths, or can be none any more.
func (s *session) wait(ctx context.Context, handles ...dbus.ObjectPath) error {
	for {
		select {
		case <-ctx.Done():
			return late(s.portal) // the connection ends with ctx, and so does the request
		case signal, open := <-s.signals:
			switch {
			case !open && ctx.Err() != nil:
				return late(s.portal)
			case !open:
				return &Error{Gone, s.portal, errors.New("the bus went away before the portal answered")}
			case lost(signal):
				return &Error{Gone, s.portal, fmt.Errorf("the portal %s went away before it answered", s.portal)}
			}
			for _, handle := range handles {
				if signal.Name == response && signal.Path == handle {
					return s.outcome(signal.Body)
				}
			}
		}
	}
}

// lost reports whether a signal is the news that the portal has left, or another has taken its place.
// The first owner of the name is no loss: our call has started it.
func lost(signal *dbus.Signal) bool {
	if signal.Name != busName+".NameOwnerChanged" || signal.Sender != busName || len(signal.Body) != 3 {
		return false
	}
	name, before := signal.Body[0], signal.Body[1]
	return name == desktopName && before != ""
}

// outcome reads the body of an answer.
func (s *session) outcome(body []any) error {
	var code uint32
	var results map[string]dbus.Variant
	if err := dbus.Store(body, &code, &results); err != nil {
		return &Error{Ended, s.portal, fmt.Errorf("the portal %s gave an answer that cannot be read: %w", s.portal, err)}
	}
	switch code {
	case 0:
		return nil
	case 1:
		return &Error{Cancelled, s.portal, errors.New("cancelled")}
	}
	return &Error{Ended, s.portal, fmt.Errorf("the portal %s gave up", s.portal)}
}
