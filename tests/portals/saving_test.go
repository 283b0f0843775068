package portals_test

import (
	"path/filepath"
	"strings"
	"testing"

	"snug/tests/bed"
	"snug/tests/need"
)

// Programs that save by a new file in the place of the old save a lone file argument, by the document
// portal: KeePassXC knows no other way.
func TestSavedByPortal(t *testing.T) {
	need.Program(t, "keepassxc-cli")
	d := newDesk(t)
	d.Sway()
	d.portals()
	d.document() // so that the portal runs
	store := filepath.Join(d.Home, "cards/store.kdbx")
	bed.Write(d, filepath.Join(d.Home, "cards/other"), "not for the app")
	if out := d.Outside("sh", "-c", "printf 'a\na\n' | keepassxc-cli db-create -p -t 100 "+store); !strings.Contains(out, "created") {
		t.Fatalf("no store was made: %s", out)
	}
	before := bed.Read(d, store)
	d.Start("snug", "run", "org.keepassxc.KeePassXC", store)
	d.Await("the store", func(w bed.Window) bool { return w.Called("store.kdbx") })
	d.Keys("-s", "500", "a", "-s", "50", "-k", "Return", "-s", "1000")
	d.Keys("-M", "ctrl", "n", "-m", "ctrl", "-s", "500", "new entry", "-s", "300")
	d.Keys("-M", "ctrl", "-k", "Return", "-m", "ctrl", "-s", "1000")
	d.Poll("the store saved", func() bool { return bed.Read(d, store) != before })
	if out := d.Outside("sh", "-c", "echo a | keepassxc-cli ls "+store); !strings.Contains(out, "new entry") {
		t.Errorf("want the new entry in the store, got %s", out)
	}
}
