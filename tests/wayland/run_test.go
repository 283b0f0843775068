package wayland_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// By snug itself: an app has the filter in the compositor's place, watch tells what it was not given and what
// would, and that grant does.
func TestRun(t *testing.T) {
	need.Program(t, "grim")
	s := newSway(t)
	const id = "org.example.Screen"
	bed.Write(t, filepath.Join(s.Home, ".config/snug/apps", id+".toml"), "schema = 1\nid = \""+id+"\"\ncommand = [\"sleep\", \"1000\"]\n[display]\nwayland = \"filtered\"\n")
	if out := s.Outside("grim", s.Dir+"/control.png"); out != "" {
		t.Fatalf("control: %s", out)
	}
	s.Must("snug", "run", "--detach", id)
	defer s.Outside("snug", "kill", "--all")
	if out := s.Outside("snug", "exec", id, "--", "grim", "/tmp/x.png"); !strings.Contains(out, "wlr-screencopy") {
		t.Errorf("an app takes a picture of the screen: %q", out)
	}
	if out := s.Outside("snug", "exec", id, "--", "wayland-info"); !strings.Contains(out, "xdg_wm_base") || strings.Contains(out, "zwlr_") {
		t.Errorf("an app is shown %s", out)
	}
	s.Start("sh", "-c", "exec snug watch --json "+id+" >"+s.Dir+"/watched")
	s.Poll("a watcher hears what is hidden, and what would show it", func() bool {
		s.Outside("snug", "exec", id, "--", "wayland-info")
		return strings.Contains(bed.Read(t, s.Dir+"/watched"), `"what":"global zwlr_screencopy_manager_v1","decision":"hide","allow":"display.allow=screencopy"`)
	})
	s.Must("snug", "stop", id)
	s.Must("snug", "grant", id, "display.allow=screencopy", "accept=display:screencopy", "--keep")
	s.Must("snug", "run", "--detach", id)
	if out := s.Outside("snug", "exec", id, "--", "grim", "/tmp/x.png"); out != "" {
		t.Errorf("with the grant: %s", out)
	}
	if out := s.Must("snug", "explain", id); !strings.Contains(out, "take pictures of the whole screen") || !strings.Contains(out, "display:screencopy") {
		t.Errorf("explain:\n%s", out)
	}
}

// A compositor that starts a program gives it a connection (WAYLAND_SOCKET): it goes behind the filter, too.
func TestGivenConnection(t *testing.T) {
	s := newSway(t)
	const give = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); os.set_inheritable(s.fileno(), True)
os.environ["WAYLAND_SOCKET"] = str(s.fileno())
os.execvp(sys.argv[2], sys.argv[2:])`
	out := s.Outside("python3", "-c", give, s.socket, "snug", "run", "--wayland", "filtered", "--", "sh", "-c", `ls -l /proc/self/fd; echo "[$WAYLAND_SOCKET]"; wayland-info`)
	if !strings.Contains(out, "[]") || !strings.Contains(out, "xdg_wm_base") || strings.Contains(out, "zwlr_") || strings.Contains(out, "socket:") {
		t.Errorf("got %s", out)
	}
}
