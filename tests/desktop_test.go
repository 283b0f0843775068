package tests

import (
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// desktop is a session with a screen, and a person who types.
type desktop struct {
	*bed.Bed
	typist string // the program that presses keys
}

// sway has a Wayland compositor.
func sway(t *testing.T) *desktop {
	t.Helper()
	d := &desktop{bed.New(t), "wtype"}
	need.Program(t, d.typist)
	d.Sway()
	return d
}

// xvfb has an X server.
func xvfb(t *testing.T) *desktop {
	t.Helper()
	d := &desktop{bed.New(t), "xdotool"}
	d.Xvfb()
	return d
}

// press types, in the words of who does it.
func (d *desktop) press(words ...string) {
	d.Helper()
	d.Must(append([]string{d.typist}, words...)...)
}
