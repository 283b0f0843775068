package wayland_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"snug/tests/bed"
	"snug/tests/need"
)

// Threats that are real on the compositor's own socket: each has its control there.

var privileged = regexp.MustCompile(`^(zwlr|ext|weston)_|virtual|input_method|input_panel|shortcuts|gamma|drm|inhibit|primary`)

// What a compositor has for programs of the desktop is not shown to an app, and what is shown works.
func TestGlobals(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *screen{"sway": newSway, "weston": newWeston} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			raw, app := s.knows(), s.filtered(t).knows()
			for _, want := range []string{"wl_compositor", "wl_shm", "xdg_wm_base", "wl_output", "wl_data_device_manager"} {
				if app[want] == 0 && raw[want] > 0 {
					t.Errorf("an app has no %s", want)
				}
			}
			hidden := 0
			for name := range raw {
				if app[name] == 0 {
					hidden++
				}
			}
			for name, version := range app {
				if raw[name] < version {
					t.Errorf("an app is shown %s %d, of %d", name, version, raw[name])
				}
				if privileged.MatchString(name) {
					t.Errorf("an app is shown %s", name)
				}
			}
			if hidden < 5 {
				t.Errorf("control: want what is hidden to be there, got %v", raw)
			}
		})
	}
}

// W1: reading the clipboard while another window has the focus.
func TestClipboardWithoutFocus(t *testing.T) {
	need.Program(t, "wl-paste")
	s := newSway(t)
	watch := func(s *screen, file string) *bed.Part {
		return s.Start("sh", "-c", "exec wl-paste --watch sh -c 'cat >>"+file+"'")
	}
	raw, granted := s.Dir+"/raw", s.Dir+"/granted"
	watch(s, raw)
	watch(s.filtered(t, "--clipboard=full"), granted)
	for _, policy := range []string{"off", "focused"} {
		app := s.filtered(t, "--clipboard="+policy)
		if out := app.Outside("timeout", "10", "wl-paste", "--watch", "cat"); !strings.Contains(out, "data-control") {
			t.Errorf("%s: want wl-paste to miss a protocol, got %s", policy, out)
		}
	}
	for _, file := range []string{raw, granted} {
		s.Enter(file, "secret", func() { s.copies("secret") })
	}
}

// With the clipboard off, an app with the focus does not read it either, nor sets it.
func TestClipboardOff(t *testing.T) {
	need.Program(t, "wl-paste")
	s := newSway(t)
	s.keyboard()
	s.copies("secret")
	// What has no data-control opens a window to get the focus.
	paste := []string{"timeout", "10", "wl-paste", "--no-newline"}
	off, focused := s.filtered(t, "--clipboard=off"), s.filtered(t, "--clipboard=focused")
	if out := off.Outside(paste...); strings.Contains(out, "secret") || strings.Contains(out, "text/plain") {
		t.Errorf("an app reads the clipboard: %s", out)
	}
	if out := off.Outside("timeout", "10", "wl-paste", "--list-types"); strings.Contains(out, "text/plain") {
		t.Errorf("an app is told of what type the clipboard is: %s", out)
	}
	if out := focused.Outside(paste...); out != "secret" {
		t.Errorf("control: want an app that has the focus to read, got %s", out)
	}
	off.Start("timeout", "5", "wl-copy", "--foreground", "forged")
	off.Poll("the app has tried", func() bool { return len(off.refusals()) > 0 })
	if out := s.Outside(paste...); out != "secret" {
		t.Errorf("an app has set the clipboard: %s", out)
	}
	focused.Start("timeout", "5", "wl-copy", "--foreground", "good")
	s.Poll("control: an app that has the focus sets the clipboard", func() bool { return s.Outside(paste...) == "good" })
	if got := strings.Join(off.refusals(), ""); !strings.Contains(got, `"allow":"display.clipboard=focused","advice":"--display-clipboard 'focused'"`) {
		t.Error(got)
	}
}

// W2: typing into another window.
func TestTypingForOthers(t *testing.T) {
	need.Program(t, "wtype")
	s := newSway(t)
	s.keyboard()
	typed := s.Dir + "/typed"
	s.Start("foot", "sh", "-c", "cat >"+typed)
	s.Await("a terminal", func(w bed.Window) bool { return w.Called("foot") && w.Focused })
	app := s.filtered(t, "--allow=inhibit", "--allow=shortcuts", "--clipboard=focused")
	if out := app.Outside("wtype", "forged\n"); !strings.Contains(out, "virtual keyboard") {
		t.Errorf("want wtype to miss a protocol, got %s", out)
	}
	s.Enter(typed, "person", func() { s.Must("wtype", "\nperson\n") }) // the first key may be lost
	if text := bed.Read(t, typed); strings.Contains(text, "forged") {
		t.Errorf("an app has typed: %s", text)
	}
}

// W3: the picture of the screen.
func TestScreenshot(t *testing.T) {
	s := newSway(t)
	before := s.Screenshot("raw")
	if out := s.filtered(t).Outside("grim", s.Dir+"/app.png"); !strings.Contains(out, "screencopy") || bed.Exists(s.Dir+"/app.png") {
		t.Errorf("want grim to miss a protocol, got %s", out)
	}
	if got := s.filtered(t, "--allow=screencopy").Screenshot("granted"); !bytes.Equal(got, before) {
		t.Error("control: want the same picture by a grant")
	}
	if got := s.Screenshot("again"); !bytes.Equal(got, before) {
		t.Error("control: want the same picture again")
	}
}

// W3 on weston, by its own protocol.
func TestScreenshotOfWeston(t *testing.T) {
	need.Program(t, "weston-screenshooter")
	s := newWeston(t)
	shoot := func(s *screen, dir string) (string, bool) {
		out := s.Outside("sh", "-c", "mkdir "+dir+" && cd "+dir+" && XDG_PICTURES_DIR="+dir+" timeout 10 weston-screenshooter; ls -A")
		return out, strings.Contains(out, ".png")
	}
	if out, taken := shoot(s.filtered(t), s.Dir+"/app"); taken {
		t.Errorf("an app has the screen's picture: %s", out)
	}
	if out, taken := shoot(s, s.Dir+"/raw"); !taken {
		t.Errorf("control: want a picture, got %s", out)
	}
}

// W4: the compositor's own socket for commands, by which anybody starts programs outside.
func TestCommands(t *testing.T) {
	s := newSway(t)
	version := []string{"swaymsg", "-t", "get_version"}
	if out := s.Outside(version...); !strings.Contains(out, `"variant": "sway"`) {
		t.Errorf("control: want an answer outside, got %s", out)
	}
	inside := func(words ...string) string {
		return s.Outside(append([]string{"snug", "run", "--wayland", "filtered", "--"}, words...)...)
	}
	if out := inside("wayland-info"); !strings.Contains(out, "xdg_wm_base") {
		t.Errorf("control: want a display inside, got %s", out)
	}
	if out := inside(version...); !strings.Contains(out, "Unable to retrieve socket path") {
		t.Errorf("an app finds the socket: %s", out)
	}
	socket := variable(s.Bed, "SWAYSOCK")
	if out := inside(append(version, "-s", socket)...); !strings.Contains(out, "Unable to connect to "+socket) {
		t.Errorf("an app reaches the socket: %s", out)
	}
	if out := inside("sh", "-c", `env; find /run /tmp "$HOME"`); strings.Contains(out, "SWAYSOCK") || strings.Contains(out, "sway-ipc") || !strings.Contains(out, "WAYLAND_DISPLAY") {
		t.Errorf("an app is handed over %s", out)
	}
}

// A client that binds a hidden name ends, and the app's other windows stay.
func TestOnlyTheConnection(t *testing.T) {
	s := newSway(t)
	app := s.filtered(t)
	app.Start("foot", "sh", "-c", "sleep 1000")
	s.Await("a window", func(w bed.Window) bool { return w.Called("foot") })
	if out := binder(app, "zwlr_screencopy_manager_v1"); !strings.Contains(out, "invalid global") {
		t.Errorf("want the protocol's error, got %q", out)
	}
	if out := binder(s, "zwlr_screencopy_manager_v1"); out != "" {
		t.Errorf("control: want the compositor to allow it, got %q", out)
	}
	if list := app.refusals(); len(list) != 1 || !strings.Contains(list[0], `"what":"bind zwlr_screencopy_manager_v1 1","decision":"refuse","allow":"display.allow=screencopy"`) {
		t.Errorf("refused: %q", list)
	}
	time.Sleep(100 * time.Millisecond) // for a window to vanish
	s.Await("the window", func(w bed.Window) bool { return w.Called("foot") })
}
