package wayland_test

import (
	"testing"

	"snug/tests/bed"
)

// A compositor with security contexts knows an app for one: it hides by itself what it keeps from
// sandboxed apps, even what the filter would let through.
func TestSecurityContext(t *testing.T) {
	const capture, manager = "zwlr_screencopy_manager_v1", "wp_security_context_manager_v1"
	s := newLaterSway(t)
	raw := s.knows()
	if raw[capture] == 0 || raw[manager] == 0 {
		t.Fatalf("control: want a compositor with security contexts, got %v", raw)
	}
	// What it hides from all in a context is granted by a manifest, and accepted there as a danger.
	if got := s.filtered(t, "--allow=screencopy", "--app-id=org.example.App", "--instance=7").knows(); got[capture] == 0 || got[manager] > 0 {
		t.Errorf("with the grant the app is shown %v", got)
	}
	app := s.filtered(t, "--app-id=org.example.App", "--instance=7")
	for range 3 {
		if got := app.knows(); got[capture] > 0 || got[manager] > 0 || got["xdg_wm_base"] == 0 || got["wl_seat"] == 0 {
			t.Errorf("the app is shown %v", got)
		}
	}
	app.Start("foot", "sh", "-c", "sleep 1000")
	s.Await("a window", func(w bed.Window) bool { return w.Called("foot") })
	if list := app.refusals(); len(list) > 0 {
		t.Errorf("refused: %q", list)
	}
}
