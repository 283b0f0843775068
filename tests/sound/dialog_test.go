package sound_test

import (
	"path/filepath"
	"testing"

	"snug/tests/bed"
)

// Where no notifications are shown, a person is asked by the dialog of the desktop's portals, and answers by keys.
func TestDialog(t *testing.T) {
	r := newDesktop(t)
	r.Start("xdg-desktop-portal-gtk")
	r.Owned("org.freedesktop.impl.portal.desktop.gtk")
	const id = "org.example.Recorder"
	// It starts the recorder of the test: the question's answer can be kept for an app that has a manifest.
	bed.Write(t, filepath.Join(r.Home, ".config/snug/apps", id+".toml"), "schema = 1\nid = \""+id+"\"\ncommand = [\"env\"]\n[sound]\nrecord = \"ask\"\n")
	unknown, known := []string{"snug", "run", "--sound-record", "ask", "--"}, []string{"snug", "run", id}
	tone := r.tone(700, 0.5, 1)
	for _, tt := range []struct {
		by, keys []string
		allowed  bool
	}{
		{unknown, []string{"Return"}, false}, // the button with the focus
		{unknown, []string{"Tab", "Return"}, true},
		{unknown, []string{"Escape"}, false},
		{known, []string{"Tab", "Tab", "Return"}, true},          // past the choice to keep it
		{known, []string{"space", "Tab", "Tab", "Return"}, true}, // which is made
		{known, nil, true},
	} {
		empty := r.Screenshot("empty")
		heard := r.recorded("vmic", tt.by, func() {
			if tt.keys == nil {
				return // nobody is asked
			}
			r.Await("the dialog", func(w bed.Window) bool { return w.Called("xdg-desktop-portal-gtk") && w.Focused })
			r.Drawn("dialog", empty)
			var words []string
			for _, key := range tt.keys {
				words = append(words, "-k", key)
			}
			r.Keys(words...)
			r.Poll("the dialog is gone", func() bool { return len(r.Windows()) == 0 })
		}, func() { r.must("paplay", "--device=booth", tone) })
		if got, _ := strength(heard, 700); got > 0.001 != tt.allowed {
			t.Errorf("%q %q: want %v, recorded the tone at %.3f", tt.by, tt.keys, tt.allowed, got)
		}
	}
}
