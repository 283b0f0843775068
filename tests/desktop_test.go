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
	letter string // what the person changes; no app may have it unless it is opened with it
}

func newDesktop(t *testing.T, typist string) *desktop {
	t.Helper()
	need.Time(t)
	need.Program(t, typist)
	b := bed.New(t)
	bed.Write(t, b.Home+"/.config/user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"$HOME/Downloads\"\n")
	return &desktop{b, typist, b.Home + "/letters/letter.txt"}
}

// sway has a Wayland compositor.
func sway(t *testing.T) *desktop {
	t.Helper()
	d := newDesktop(t, "wtype")
	d.Sway()
	return d
}

// xvfb has an X server.
func xvfb(t *testing.T) *desktop {
	t.Helper()
	d := newDesktop(t, "xdotool")
	d.Xvfb()
	return d
}

// press types, in the words of who does it.
func (d *desktop) press(words ...string) {
	d.Helper()
	d.Must(append([]string{d.typist}, words...)...)
}
