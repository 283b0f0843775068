package question

import (
	"context"
	"errors"

	"github.com/godbus/dbus/v5"
)

// Question is what a person is asked.
type Question struct {
	App   string // the id of the app, by which desktops find its icon
	Title string // in a few words
	Text  string
	Keep  bool // the answer can be kept for ever
}

// Answer is what the person has said.
type Answer string

// The answers. Later is none: the person has not looked, or has put the question away.
const (
	Later  Answer = "later"
	No     Answer = "no"     // for as long as the app runs
	Once   Answer = "once"   // likewise
	Never  Answer = "never"  // from now on
	Always Answer = "always" // likewise
)

// ErrNobody says that the session has nothing that shows questions.
var ErrNobody = errors.New("the desktop shows neither notifications with actions nor dialogs")

// Ask asks by the session bus at an address, and waits for the answer until ctx ends; then it is taken back.
// desktops are the words of XDG_CURRENT_DESKTOP.
func Ask(ctx context.Context, address string, desktops []string, q Question) (Answer, error) {
	bus, err := dbus.Connect(address)
	if err != nil {
		return Later, err
	}
	defer bus.Close()
	answer, err := notify(ctx, bus, q)
	if errors.Is(err, ErrNobody) {
		answer, err = dialog(ctx, bus, desktops, q)
	}
	if ctx.Err() != nil {
		return Later, nil
	}
	return answer, err
}
