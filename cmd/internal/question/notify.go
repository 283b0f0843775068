package question

import (
	"context"
	"html"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Notifications (Desktop Notifications Specification 1.2).
const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// actions are the buttons: pairs of a key and a label.
func (q *Question) actions() []string {
	list := []string{string(Once), "Allow this time", string(No), "Don't allow"}
	if q.Keep {
		list = append(list, string(Always), "Always allow", string(Never), "Never allow")
	}
	return list
}

// notify asks by a notification that stays until the person has chosen.
func notify(ctx context.Context, bus *dbus.Conn, q Question) (Answer, error) {
	daemon := bus.Object(notifyName, notifyPath)
	var can []string
	if err := daemon.CallWithContext(ctx, notifyName+".GetCapabilities", 0).Store(&can); err != nil || !slices.Contains(can, "actions") {
		return Later, ErrNobody
	}
	// Whose signals count is known before the first: others could send them, too.
	var owner string
	if err := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, notifyName).Store(&owner); err != nil {
		return Later, ErrNobody
	}
	signals := make(chan *dbus.Signal, 64)
	bus.Signal(signals)
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(owner), dbus.WithMatchInterface(notifyName)); err != nil {
		return Later, err
	}
	text := q.Text
	if slices.Contains(can, "body-markup") {
		text = html.EscapeString(text)
	}
	const critical, forever = byte(2), int32(0)
	hints := map[string]dbus.Variant{"urgency": dbus.MakeVariant(critical), "desktop-entry": dbus.MakeVariant(q.App), "resident": dbus.MakeVariant(false)}
	var id uint32
	err := daemon.CallWithContext(ctx, notifyName+".Notify", 0, "snug", uint32(0), q.App, q.Title, text, q.actions(), hints, forever).Store(&id)
	if err != nil {
		return Later, err
	}
	for {
		select {
		case <-ctx.Done():
			daemon.Call(notifyName+".CloseNotification", dbus.FlagNoReplyExpected, id)
			return Later, nil
		case s, ok := <-signals:
			if !ok {
				return Later, ErrNobody
			}
			if answer, given := q.heard(s, owner, id); given {
				return answer, nil
			}
		}
	}
}

// heard reads a signal of the daemon.
func (q *Question) heard(s *dbus.Signal, owner string, id uint32) (Answer, bool) {
	if s.Sender != owner || len(s.Body) < 2 || s.Body[0] != id {
		return Later, false
	}
	switch s.Name {
	case notifyName + ".ActionInvoked":
		key, _ := s.Body[1].(string)
		if actions := q.actions(); slices.Index(actions, key)%2 == 0 {
			return Answer(key), true
		}
	case notifyName + ".NotificationClosed":
		return Later, true
	}
	return Later, false
}
