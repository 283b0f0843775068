package apps_test

import (
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// TestInputMethod types Vietnamese into an editor, whose input method is IBus: what is typed comes from
// the daemon outside. Without the grant the keys alone arrive.
func TestInputMethod(t *testing.T) {
	for _, p := range []string{"mousepad", "ibus-daemon", "wtype", "/usr/libexec/ibus-portal", "/usr/libexec/ibus-engine-unikey"} {
		need.Program(t, p)
	}
	s := newDesktop(t)
	s.Env = append(s.Env, "GTK_IM_MODULE=ibus")
	s.Start("ibus-daemon", "--panel", "disable", "--config", "disable")
	s.Poll("the engine is there", func() bool {
		s.Outside("ibus", "engine", "Unikey") // it complains that there is no X server
		return s.Outside("ibus", "engine") == "Unikey\n"
	})
	s.Start("/usr/libexec/ibus-portal")
	s.Poll("its service for sandboxes is on the bus", func() bool {
		return strings.Contains(s.Outside("busctl", "--user", "list"), "org.freedesktop.portal.IBus")
	})
	for _, c := range []struct{ flags, want string }{
		{"--display-allow=ime", "tiếng Việt"},
		{"--without=display.allow:ime", "tieengs Vieetj"},
	} {
		file := s.Home + "/Downloads/letter.txt"
		bed.Write(t, file, "")
		editor := s.Start("snug", "run", c.flags, "org.xfce.mousepad", file)
		s.window("letter.txt")
		s.Must("wtype", "-s", "500", "-d", "50", "tieengs Vieetj ", "-s", "500", "-M", "ctrl", "s", "-m", "ctrl", "-s", "500")
		got := ""
		s.Poll("the letter is saved", func() bool { got = strings.TrimSpace(bed.Read(t, file)); return got != "" })
		if got != c.want {
			t.Errorf("%s: typed %q, want %q", c.flags, got, c.want)
		}
		editor.Stop()
	}
}
