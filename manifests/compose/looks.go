package compose

import (
	"golang.org/x/sys/unix"

	"snug/manifests"
)

// The person's own fonts, themes and icons, so that a window looks as it does outside. They are
// only for apps with a display, and only to be read.
var (
	looksOfHome   = [...]string{".fonts", ".gtkrc-2.0", ".icons", ".themes"}
	looksOfConfig = [...]string{"Kvantum", "fontconfig", "gtk-3.0/settings.ini", "gtk-4.0/settings.ini", "kdeglobals", "qt5ct", "qt6ct"}
	looksOfData   = [...]string{"fonts", "icons", "themes"}
)

func (c *composer) looks() {
	if !c.display.wayland && !c.display.x11 {
		return
	}
	origin := c.m.Display.Wayland.Origin
	if !c.display.wayland {
		origin = c.m.Display.X11.Origin
	}
	shown := false
	for _, path := range looksOfHome {
		shown = c.look(child(c.home, path), child(c.home, path), origin) || shown
	}
	for _, path := range looksOfConfig {
		shown = c.look(child(c.w.Config, path), child(c.insideOf(c.w.Config, ".config"), path), origin) || shown
	}
	for _, path := range looksOfData {
		shown = c.look(child(c.w.Data, path), child(c.insideOf(c.w.Data, ".local/share"), path), origin) || shown
	}
	if shown {
		c.tell(groupFiles, "read your fonts, themes and icons", origin)
	}
}

// look shows a file or folder if there is one that may be shown, and reports whether.
func (c *composer) look(path, dest string, origin manifests.Origin) bool {
	real, found := c.exists(path)
	if !found || !real.file.is(unix.S_IFREG) && !real.file.is(unix.S_IFDIR) {
		return false
	}
	if c.secret(real.path) || c.forbiddenIn(real.path) != nil || inside(c.realHome(), real.path) {
		return false // a link led astray
	}
	c.bindFor(real.path, dest, origin)
	return true
}

// insideOf returns where the app looks for what the person keeps in an XDG folder: at the same
// path if that lies in the home, else at the default one.
func (c *composer) insideOf(folder, otherwise string) string {
	if folder != c.home && inside(folder, c.home) {
		return folder
	}
	return child(c.home, otherwise)
}
