package wayland_test

import (
	"bytes"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// Real programs behind the filter, by the policy of a plain window.

// A window looks as it looks without the filter.
func TestSamePicture(t *testing.T) {
	red := "av://lavfi:color=c=red:size=320x240:rate=5"
	for _, tt := range []struct {
		name, window string
		env          []string
		words        []string
	}{
		{"foot", "foot", nil, []string{"foot", "--title", "foot", "sh", "-c", "echo some text; sleep 1000"}},
		{"gtk4-demo", "gtk", nil, []string{"gtk4-demo", "--run", "builder"}},
		{"mpv", "mpv", nil, []string{"mpv", "--no-config", "--vo=wlshm", "--ao=null", "--osc=no", "--title=mpv", "--loop", red}},
		{"SDL", "mpv", []string{"SDL_VIDEODRIVER=wayland", "SDL_RENDER_DRIVER=software"},
			[]string{"mpv", "--no-config", "--vo=sdl", "--ao=null", "--osc=no", "--title=mpv", "--loop", red}},
		{"Qt", "featherpad", []string{"QT_QPA_PLATFORM=wayland"}, []string{"featherpad", "--standalone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			need.Program(t, tt.words[0])
			s := newSway(t)
			empty := s.Screenshot("empty")
			run := func(app *screen, look func()) {
				cmd := app.Command(tt.words...)
				cmd.Env = append(cmd.Env, tt.env...)
				p := app.Launch(cmd)
				s.Await("a window", func(w bed.Window) bool { return strings.Contains(strings.ToLower(w.Name+w.App), tt.window) })
				look()
				p.Stop()
				s.Poll("the window has gone", func() bool { return len(s.Windows()) == 0 })
			}
			var want []byte
			run(s, func() { want = s.Drawn("raw", empty) })
			app := s.filtered(t)
			run(app, func() {
				// Not at once: an editor's cursor may blink.
				s.Poll("the picture is as without the filter", func() bool { return bytes.Equal(s.Screenshot("filtered"), want) })
			})
			if list := app.refusals(); len(list) > 0 {
				t.Errorf("a plain window was refused something: %q", list)
			}
			if log := bed.Read(t, app.log); !strings.Contains(log, `"what":"bind xdg_wm_base`) {
				t.Errorf("control: want it to go through the filter, got %s", log)
			}
		})
	}
}

// What a person types arrives in the window that has the focus.
func TestTyping(t *testing.T) {
	s := newSway(t)
	s.keyboard()
	app, typed := s.filtered(t), s.Dir+"/typed"
	app.Start("foot", "sh", "-c", "cat >"+typed)
	s.Await("a terminal", func(w bed.Window) bool { return w.Called("foot") && w.Focused })
	s.Enter(typed, "person", func() { s.Must("wtype", "\nperson\n") }) // the first key may be lost
}

// Text is copied out of an editor and pasted into it, if the clipboard is not off; within the editor
// it is in any case.
func TestCopyAndPaste(t *testing.T) {
	need.Program(t, "gnome-text-editor")
	for _, policy := range []string{"raw", "focused", "off"} {
		t.Run(policy, func(t *testing.T) {
			s := newSway(t)
			s.keyboard()
			app, letter := s, s.Home+"/letters/letter.txt"
			if policy != "raw" {
				app = s.filtered(t, "--clipboard="+policy)
			}
			bed.Write(t, letter, "letter")
			s.copies("before")
			app.Start("gnome-text-editor", "--standalone", letter)
			s.Await("the letter", func(w bed.Window) bool { return w.Called("letter") && w.Focused })
			press := func(words ...string) { s.Must(append([]string{"wtype"}, words...)...) }
			s.Enter(letter, "letterletter", func() { // anew, all of it copied, pasted at the end, saved
				press("-M", "ctrl", "-k", "a", "-m", "ctrl", "letter", "-M", "ctrl", "-k", "a", "-k", "c", "-m", "ctrl", "-k", "End",
					"-M", "ctrl", "-k", "v", "-k", "s", "-m", "ctrl")
			})
			if policy == "off" {
				if got := s.clipboard(); got != "before" {
					t.Errorf("the clipboard became %q", got)
				}
				return
			}
			if got := s.clipboard(); !strings.Contains(got, "letter") {
				t.Errorf("the clipboard is %q", got)
			}
			s.copies("from outside")
			s.Enter(letter, "from outside", func() {
				press("-M", "ctrl", "-k", "a", "-k", "v", "-k", "s", "-m", "ctrl")
			})
		})
	}
}

// weston's own clients draw on it, with and without the filter.
func TestWeston(t *testing.T) {
	need.Program(t, "weston-simple-shm")
	s := newWeston(t)
	for way, app := range map[string]*screen{"raw": s, "filtered": s.filtered(t)} {
		cmd := app.Command("timeout", "2", "weston-simple-shm")
		cmd.Env = append(cmd.Env, "WAYLAND_DEBUG=1")
		p := app.Launch(cmd)
		p.Wait()
		if frames := strings.Count(p.Said(), ".frame("); frames < 20 {
			t.Errorf("%s: %d frames in two seconds: %.2000s", way, frames, p.Said())
		}
	}
}
