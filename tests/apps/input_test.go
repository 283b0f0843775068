package apps_test

import (
	"strings"
	"testing"

	"snug/tests/need"
)

// TestInputMethod types Vietnamese into an editor, whose input method is IBus: what is typed comes from
// the daemon outside. Without the grant the keys alone arrive.
func TestInputMethod(t *testing.T) {
	for _, p := range []string{"mousepad", "ibus-daemon", "wtype", "/usr/libexec/ibus-portal", "/usr/libexec/ibus-engine-unikey"} {
		need.Program(t, p)
	}
	b := newDesktop(t)
	b.env = append(b.env, "GTK_IM_MODULE=ibus")
	b.start("ibus-daemon", "--panel", "disable", "--config", "disable")
	b.poll("the engine is there", func() bool {
		b.outside("ibus", "engine", "Unikey") // it complains that there is no X server
		return b.outside("ibus", "engine") == "Unikey\n"
	})
	b.start("/usr/libexec/ibus-portal")
	b.poll("its service for sandboxes is on the bus", func() bool {
		return strings.Contains(b.outside("busctl", "--user", "list"), "org.freedesktop.portal.IBus")
	})
	for _, c := range []struct{ flags, want string }{
		{"--display-allow=ime", "tiếng Việt"},
		{"--without=display.allow:ime", "tieengs Vieetj"},
	} {
		file := b.home + "/Downloads/letter.txt"
		write(t, file, "")
		stop := b.start("snug", "run", c.flags, "org.xfce.mousepad", file)
		b.window("letter.txt")
		b.silent("wtype", "-s", "500", "-d", "50", "tieengs Vieetj ", "-s", "500", "-M", "ctrl", "s", "-m", "ctrl", "-s", "500")
		got := ""
		b.poll("the letter is saved", func() bool { got = strings.TrimSpace(read(t, file)); return got != "" })
		if got != c.want {
			t.Errorf("%s: typed %q, want %q", c.flags, got, c.want)
		}
		stop()
	}
}
