package question

import (
	"context"
	"crypto/rand"
	"html"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Notifications (Desktop Notifications Specification 1.2).
const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// button is one of a notification. Daemons let anybody replace a notification by its number, so an app that may
// show some can put its own words and buttons into the place of a question. What it cannot do is to guess the key
// of a button, by which the daemon tells what was pressed.
type button struct {
	key, label string
	answer     Answer
}

func (q *Question) buttons() []button {
	list := []button{{answer: Once, label: "Allow this time"}, {answer: No, label: "Don't allow"}}
	if q.Keep {
		list = append(list, button{answer: Always, label: "Always allow"}, button{answer: Never, label: "Never allow"})
	}
	for i := range list {
		list[i].key = rand.Text()
	}
	return list
}

// actions are buttons as the specification has them: pairs of a key and a label.
func actions(buttons []button) (list []string) {
	for _, b := range buttons {
		list = append(list, b.key, b.label)
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
	buttons := q.buttons()
	var id uint32
	err := daemon.CallWithContext(ctx, notifyName+".Notify", 0, "snug", uint32(0), q.App, q.Title, text, actions(buttons), hints, forever).Store(&id)
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
			if answer, given := heard(s, owner, id, buttons); given {
				daemon.CallWithContext(ctx, notifyName+".CloseNotification", 0, id) // some leave it, and it could be pressed again
				return answer, nil
			}
		}
	}
}

// heard reads a signal of the daemon.
func heard(s *dbus.Signal, owner string, id uint32, buttons []button) (Answer, bool) {
	if s.Sender != owner || len(s.Body) < 2 || s.Body[0] != id {
		return Later, false
	}
	switch s.Name {
	case notifyName + ".ActionInvoked":
		for _, b := range buttons {
			if b.key == s.Body[1] {
				return b.answer, true
			}
		}
	case notifyName + ".NotificationClosed":
		return Later, true
	}
	return Later, false
}
