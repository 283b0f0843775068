package portals_test

import (
	"strings"
	"testing"

	"snug/tests/need"
)

// A Qt program asks by the portal, too, when snug tells it to: it does not look for /.flatpak-info.
func TestQtFileChooser(t *testing.T) {
	need.Program(t, "featherpad")
	d := newDesk(t)
	d.openLetter("org.example.Qt", "featherpad", "featherpad", strings.Replace(editor, "flatpak-info = true\n", "[process.env]\nQT_QPA_PLATFORM = \"wayland\"\n", 1))
}
