package compose

import (
	"slices"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
)

// The person's own fonts, themes and icons, so that a window looks as it does outside. They are only
// for apps with a display, and only to be read. What a link in them names is shown only if that is shown
// anyway; a folder that is a link itself, as programs that manage such files make them, is followed, but
// not if the app could have made the link. What else there is of looks, such as whether windows are to
// be dark, apps ask by the portal Settings; dconf's own file holds much beside it.
var (
	looksOfHome   = [...]string{".fonts", ".fonts.conf", ".gtkrc-2.0", ".icons", ".themes"}
	looksOfConfig = [...]string{"Kvantum", "fontconfig",
		"gtk-3.0/assets", "gtk-3.0/colors.css", "gtk-3.0/gtk-dark.css", "gtk-3.0/gtk.css", "gtk-3.0/settings.ini",
		"gtk-4.0/assets", "gtk-4.0/colors.css", "gtk-4.0/gtk-dark.css", "gtk-4.0/gtk.css", "gtk-4.0/settings.ini",
		"kcminputrc", kdeDefaults, "kdeglobals", "qt5ct", "qt6ct"}
	looksOfData = [...]string{"color-schemes", "fonts", "icons", "themes"}
)

// kdeDefaults is where Plasma keeps what its theme says; its sessions have it in XDG_CONFIG_DIRS.
const kdeDefaults = "kdedefaults"

// linkedLook is a font or theme that was found by links.
type linkedLook struct {
	source target
	dest   string
	origin manifests.Origin
}

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

// look shows a file or folder if there is one that may be shown, and reports whether. Of one that is
// found by links that is not known until linkedLooks.
func (c *composer) look(path, dest string, origin manifests.Origin) bool {
	real, found := c.exists(path)
	if !found || !real.file.is(unix.S_IFREG) && !real.file.is(unix.S_IFDIR) {
		return false
	}
	if c.secret(real.path) || c.forbiddenIn(real.path) != nil || inside(c.realHome(), real.path) {
		return false // a link led astray
	}
	if len(real.links) > 0 {
		c.lookLinks = append(c.lookLinks, linkedLook{real, dest, origin})
		return false
	}
	c.bindFor(real.path, dest, origin)
	return true
}

// linkedLooks shows what was found by links that the app cannot have made: see policy.go, 4. In a granted
// folder there is the link itself, and it leads where it can.
func (c *composer) linkedLooks() {
	for _, l := range c.lookLinks {
		granted := slices.ContainsFunc(c.grants, func(g *grant) bool { return inside(l.dest, g.dest) })
		if _, planted := c.planted(&grant{source: l.source}); planted || granted {
			continue
		}
		c.bindFor(l.source.path, l.dest, l.origin)
		c.tell(groupFiles, "read your fonts, themes and icons in "+words.Quote(l.source.path), l.origin)
	}
}

// insideOf returns where the app looks for what the person keeps in an XDG folder: at the same
// path if that lies in the home, else at the default one.
func (c *composer) insideOf(folder, otherwise string) string {
	if folder != c.home && inside(folder, c.home) {
		return folder
	}
	return child(c.home, otherwise)
}
