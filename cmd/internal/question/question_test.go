package question_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"snug/cmd/internal/question"
	"snug/tests/portal"
)

// desktop shows notifications and dialogs, as somebody does who answers at once.
type desktop struct {
	conn    *dbus.Conn
	can     []string
	answer  string // the label of an action; "" closes the notification, "-" does nothing
	closed  chan uint32
	asked   []string // title, text and actions of the last question
	dialog  uint32   // response of a dialog
	choices any
}

func (d *desktop) GetCapabilities() ([]string, *dbus.Error) { return d.can, nil }

func (d *desktop) Notify(app string, replaces uint32, icon, title, text string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	d.asked = append([]string{title, text}, actions...)
	const id = 7
	go func() {
		time.Sleep(50 * time.Millisecond) // the answer to the call comes first
		emit := func(member string, body ...any) {
			d.conn.Emit("/org/freedesktop/Notifications", "org.freedesktop.Notifications."+member, body...)
		}
		for _, key := range actions {
			emit("ActionInvoked", uint32(id+1), key) // of another one
		}
		switch d.answer {
		case "":
			emit("NotificationClosed", uint32(id), uint32(2))
		case "-":
		default:
			emit("ActionInvoked", uint32(id), "an action that was not offered")
			if i := slices.Index(actions, d.answer); i > 0 {
				emit("ActionInvoked", uint32(id), actions[i-1])
			}
			emit("ActionInvoked", uint32(id), "always") // of what an app has put into the question's place
			emit("NotificationClosed", uint32(id), uint32(2))
		}
	}()
	return id, nil
}

func (d *desktop) CloseNotification(id uint32) *dbus.Error { d.closed <- id; return nil }

func (d *desktop) AccessDialog(handle dbus.ObjectPath, app, parent, title, subtitle, body string, options map[string]dbus.Variant) (uint32, map[string]dbus.Variant, *dbus.Error) {
	d.asked = []string{title, body}
	return d.dialog, map[string]dbus.Variant{"choices": dbus.MakeVariant(d.choices)}, nil
}

// show puts a desktop onto a bus of its own.
func show(t *testing.T, d *desktop, names ...string) (address string) {
	t.Helper()
	address = portal.Bus(t)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d.conn, d.closed = conn, make(chan uint32, 8)
	conn.Export(d, "/org/freedesktop/Notifications", "org.freedesktop.Notifications")
	conn.Export(d, "/org/freedesktop/portal/desktop", "org.freedesktop.impl.portal.Access")
	for _, name := range names {
		if _, err := conn.RequestName(name, 0); err != nil {
			t.Fatal(err)
		}
	}
	return address
}

const notifications = "org.freedesktop.Notifications"

var microphone = question.Question{App: "org.example.App", Title: "Record", Text: "May it <b>?", Keep: true}

func TestNotification(t *testing.T) {
	for answer, label := range map[question.Answer]string{
		question.Once: "Allow this time", question.No: "Don't allow", question.Always: "Always allow", question.Never: "Never allow",
	} {
		d := &desktop{can: []string{"actions", "body-markup"}, answer: label}
		got, err := question.Ask(t.Context(), show(t, d, notifications), nil, microphone)
		if got != answer || err != nil {
			t.Errorf("want %s, got %s, %v", answer, got, err)
		}
		if len(d.asked) != 10 || d.asked[1] != "May it &lt;b&gt;?" {
			t.Errorf("asked %q", d.asked)
		}
	}
	d := &desktop{can: []string{"actions"}, answer: "Always allow"}
	once := microphone
	once.Keep = false
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if got, err := question.Ask(ctx, show(t, d, notifications), nil, once); got != question.Later || err != nil || len(d.asked) != 6 {
		t.Errorf("what was not offered: %s, %v, %q", got, err, d.asked)
	}
	d = &desktop{can: []string{"actions"}}
	if got, err := question.Ask(t.Context(), show(t, d, notifications), nil, microphone); got != question.Later || err != nil {
		t.Errorf("put away: %s, %v", got, err)
	}
}

// An app that may show notifications replaces the question by words and buttons of its own, as daemons let it do
// who knows the number: whatever the person presses there is no answer.
func TestReplaced(t *testing.T) {
	for _, key := range []string{"always", "once", "default", "Always allow", "0", "2", ""} {
		d := &desktop{can: []string{"actions"}, answer: "-"}
		address := show(t, d, notifications)
		ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
		time.AfterFunc(100*time.Millisecond, func() {
			d.conn.Emit("/org/freedesktop/Notifications", notifications+".ActionInvoked", uint32(7), key)
		})
		if got, err := question.Ask(ctx, address, nil, microphone); got != question.Later || err != nil {
			t.Errorf("a button of the app's whose key is %q: %s, %v", key, got, err)
		}
		stop()
	}
}

// Nobody answers in time: the question goes.
func TestTakenBack(t *testing.T) {
	d := &desktop{can: []string{"actions"}, answer: "-"}
	address := show(t, d, notifications)
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if got, err := question.Ask(ctx, address, nil, microphone); got != question.Later || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	select {
	case id := <-d.closed:
		if id != 7 {
			t.Errorf("closed %d", id)
		}
	case <-time.After(5 * time.Second):
		t.Error("the question stays")
	}
}

func TestDialog(t *testing.T) {
	type pairs []struct{ ID, Value string }
	keep := pairs{{"other", "true"}, {"keep", "true"}}
	byGTK := func(value string) map[string]dbus.Variant {
		return map[string]dbus.Variant{"other": dbus.MakeVariant("true"), "keep": dbus.MakeVariant(value)}
	}
	for _, tt := range []struct {
		response uint32
		choices  any
		want     question.Answer
	}{{0, pairs{}, question.Once}, {0, 7, question.Once}, {0, byGTK("true"), question.Always}, {0, byGTK("false"), question.Once}, {0, keep, question.Always}, {1, keep[:1], question.No}, {1, keep, question.Never}, {2, keep, question.Later}} {
		d := &desktop{dialog: tt.response, choices: tt.choices}
		got, err := question.Ask(t.Context(), show(t, d, "org.freedesktop.impl.portal.desktop.example"), []string{"odd name", "Example"}, microphone)
		if got != tt.want || err != nil || !slices.Equal(d.asked, []string{"Record", "May it <b>?"}) {
			t.Errorf("want %s, got %s, %v, asked %q", tt.want, got, err, d.asked)
		}
	}
}

func TestNobody(t *testing.T) {
	if got, err := question.Ask(t.Context(), show(t, &desktop{}), nil, microphone); got != question.Later || !errors.Is(err, question.ErrNobody) {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := question.Ask(t.Context(), "unix:path=/nonexistent", nil, microphone); err == nil {
		t.Error("want an error without a bus")
	}
}
