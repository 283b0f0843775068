// Package wayland_test uses the filter of Wayland as people do: real programs on real compositors.
package wayland_test

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// screen is a session with a compositor. What a test does as an app goes the upper way, its control the
// lower one, and so does the person.
//
//	app ──► snug-broker ──► sway or weston
//	same program, raw ─────────▲
type screen struct {
	*bed.Bed
	socket string   // the compositor's
	log    string   // the file of the filter, in a session that has one in front
	raw    *bed.Bed // the session without it
}

// newSway starts sway.
func newSway(t *testing.T) *screen {
	t.Helper()
	need.Time(t)
	b := bed.New(t)
	b.Sway()
	return &screen{Bed: b, raw: b, socket: filepath.Join(b.Runtime, variable(b, "WAYLAND_DISPLAY"))}
}

// newLaterSway starts one that has security contexts, from a later Debian.
func newLaterSway(t *testing.T) *screen {
	t.Helper()
	need.Time(t)
	need.Program(t, "bwrap")
	root := os.Getenv("IMAGES") + "/screen"
	if !bed.Exists(root + "/usr/bin/sway") {
		need.Missing(t, "wanted a later sway in $IMAGES/screen, which tests/run.sh makes as root; got none at "+root)
	}
	b := bed.New(t)
	b.SwayBy("bwrap", "--ro-bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/home", "--tmpfs", "/var",
		"--bind", b.Dir, b.Dir, "--die-with-parent", "--", "sway")
	return &screen{Bed: b, raw: b, socket: filepath.Join(b.Runtime, variable(b, "WAYLAND_DISPLAY"))}
}

// newWeston starts weston, whose headless screen has neither keyboard nor pointer.
func newWeston(t *testing.T) *screen {
	t.Helper()
	need.Time(t)
	b := bed.New(t)
	b.Start("weston", "--backend=headless-backend.so", "--use-pixman", "--debug", "--socket=wl-weston", "--idle-time=0", "--width=1024", "--height=768")
	s := &screen{Bed: b, raw: b, socket: b.Runtime + "/wl-weston"}
	b.Env = append(b.Env, "WAYLAND_DISPLAY=wl-weston")
	b.Poll("weston answers", func() bool { return strings.Contains(b.Outside("wayland-info"), "wl_compositor") })
	return s
}

// with is the screen for a part of the test.
func (s *screen) with(t *testing.T) *screen {
	return &screen{s.With(t), s.socket, s.log, s.raw.With(t)}
}

// filtered is the session of an app: its display is a filter's, of a policy in the words of snug-broker.
func (s *screen) filtered(t *testing.T, words ...string) *screen {
	t.Helper()
	s = s.with(t)
	dir, err := os.MkdirTemp(s.Dir, "filter-")
	if err != nil {
		t.Fatal(err)
	}
	socket := dir + "/wayland"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	listener, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s.log = dir + "/log"
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	broker := s.Command(append([]string{bed.Built(t, "snug-broker"), "--log=4", "--wayland=wayland", "--listen=3", "--socket=" + s.socket}, words...)...)
	broker.ExtraFiles = []*os.File{listener, log}
	s.Launch(broker)
	s.Env = append(slices.Clip(s.Env), "WAYLAND_DISPLAY="+socket) // others have the same session
	return s
}

// refusals gives what the filter has refused so far, and nothing that passed.
func (s *screen) refusals() (list []string) {
	for line := range strings.Lines(bed.Read(s, s.log)) {
		if strings.Contains(line, `"decision":"refuse"`) {
			list = append(list, line)
		}
	}
	return list
}

// knows gives the globals that a client is shown, with their versions.
func (s *screen) knows() map[string]int {
	s.Helper()
	all := map[string]int{}
	for line := range strings.Lines(s.Must("wayland-info")) {
		rest, ok := strings.CutPrefix(line, "interface: '")
		name, rest, found := strings.Cut(rest, "',")
		if !ok || !found {
			continue
		}
		_, version, _ := strings.Cut(rest, "version:")
		version, _, _ = strings.Cut(version, ",")
		all[name], _ = strconv.Atoi(strings.TrimSpace(version))
	}
	return all
}

// keyboard keeps one at the seat: a headless screen has one only while somebody types.
func (s *screen) keyboard() {
	s.Helper()
	s.Start("wtype", "-s", "1000000", "x")
	s.Poll("the seat has a keyboard", func() bool { return strings.Contains(s.raw.Outside("wayland-info"), "keyboard") })
}

// copies sets the clipboard, as a person does, and waits until it is.
func (s *screen) copies(text string) {
	s.Helper()
	s.Start("wl-copy", "--foreground", text)
	s.Poll("the clipboard has "+text, func() bool { return s.clipboard() == text })
}

// clipboard is what the person would paste.
func (s *screen) clipboard() string {
	s.Helper()
	raw := *s
	raw.Bed = s.raw
	return raw.Outside("timeout", "10", "wl-paste", "--no-newline")
}

// variable is one that the session has.
func variable(b *bed.Bed, name string) (value string) {
	for _, v := range b.Env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}
