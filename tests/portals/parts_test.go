package portals_test

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/tests/bed"
	"snug/tests/need"
)

// portals starts what answers an app that asks for files, links and settings. The compositor is
// there before.
func (d *desk) portals() {
	d.Helper()
	d.portalsIn(d.Runtime)
}

// portalsInRun is portals with the documents where they are on a person's machine. There is only
// one such place, so tests take turns.
func (d *desk) portalsInRun() {
	d.Helper()
	dir := "/run/user/" + strconv.Itoa(os.Getuid())
	lock, err := os.OpenFile(filepath.Join(dir, ".snug-test-doc"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		need.Missing(d, "wanted a runtime folder of one's own as systemd makes it, got "+err.Error())
	}
	d.Cleanup(func() { lock.Close() })
	d.Poll("no other test has documents in "+dir, func() bool {
		return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil && !mounted(filepath.Join(dir, "doc"))
	})
	d.portalsIn(dir)
}

// portalsIn starts them with the documents mounted in a folder.
func (d *desk) portalsIn(dir string) {
	d.Helper()
	need.Program(d, "fusermount3")
	if !bed.Exists("/dev/fuse") {
		need.Missing(d, "wanted /dev/fuse for the document portal, got none")
	}
	d.Start("xdg-permission-store")
	d.Owned("org.freedesktop.impl.portal.PermissionStore")
	documents := d.Command("xdg-document-portal", "-v")
	documents.Env = append(documents.Env, "XDG_RUNTIME_DIR="+dir)
	d.Launch(documents)
	d.Owned("org.freedesktop.portal.Documents")
	d.doc = filepath.Join(dir, "doc")
	d.Poll("the documents are mounted", func() bool { return mounted(d.doc) })
	d.Cleanup(d.unmount)
	d.Start("xdg-desktop-portal-gtk", "-v")
	d.Owned("org.freedesktop.impl.portal.desktop.gtk")
	d.Start("xdg-desktop-portal", "-v")
	d.Owned("org.freedesktop.portal.Desktop")
}

// unmount makes sure that the document portal has taken its mount away.
func (d *desk) unmount() {
	if mounted(d.doc) {
		d.Outside("fusermount3", "-u", d.doc)
	}
	if mounted(d.doc) {
		d.Errorf("still mounted: %s", d.doc)
	}
}

// notifications starts what shows them.
func (d *desk) notifications() {
	d.Helper()
	d.Start("dunst")
	d.Owned("org.freedesktop.Notifications")
}

// settings lets the bus start dconf's service.
func (d *desk) settings() {
	d.Helper()
	need.Program(d, "dconf")
	d.Service("ca.desrt.dconf", need.Program(d, "/usr/libexec/dconf-service"))
}

// a11y starts the accessibility bus; programs that start later register there.
func (d *desk) a11y() {
	d.Helper()
	d.Start("at-spi-bus-launcher", "--launch-immediately")
	d.Owned("org.a11y.Bus")
}

// focused waits until a window has the keys whose application id or title holds a word.
func (d *desk) focused(word string) {
	d.Helper()
	d.Await("a window with the keys that is called "+word, func(w bed.Window) bool { return w.Focused && w.Called(word) })
}
