package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/words"
	"snug/portals"
	"snug/portals/dbus"
	"snug/sandbox"
)

// portals grants portals by name.
func (c *composer) portals(session *dbus.Policy, names []manifests.Text) {
	if !c.w.hasPortal() {
		c.warn("portals.allow", names[0], "this desktop has no portals", "install xdg-desktop-portal and a backend for your desktop, such as xdg-desktop-portal-gtk")
	}
	for _, name := range names {
		portals.Allow(session, name.Value)
		c.out.Background = c.out.Background || name.Value == "Background"
	}
	if c.m.Portals.FlatpakInfo.Value {
		c.add(portals.InfoPath, &sandbox.Data{Dest: portals.InfoPath, Content: c.out.Identity.Info(), Mode: 0o444, Origin: c.m.Portals.FlatpakInfo.Origin})
	} else {
		c.usePortals(names)
	}
	c.documents(session)
	c.opener(names)
	c.hideHandlers(names)
}

// usePortals makes toolkits use portals, as they do not see that they are in a sandbox: GLib, GTK 3 and
// GTK 4 before 4.12, later GTK 4, and Qt.
func (c *composer) usePortals(names []manifests.Text) {
	if indexOf(names, "FileChooser") >= 0 || indexOf(names, "OpenURI") >= 0 {
		c.env = append(c.env, "GTK_USE_PORTAL=1")
	}
	if indexOf(names, "FileChooser") >= 0 {
		c.env = append(c.env, "GDK_DEBUG=portals", "QT_QPA_PLATFORMTHEME=xdgdesktopportal")
	}
}

func indexOf(names []manifests.Text, name string) int {
	return slices.IndexFunc(names, func(text manifests.Text) bool { return text.Value == name })
}

// hideHandlers takes away what tells GLib which of the host's programs opens what. It would start them
// inside, before it asks the portal, with the app's rights and none of their own.
func (c *composer) hideHandlers(names []manifests.Text) {
	at := indexOf(names, "OpenURI")
	if at < 0 {
		return
	}
	for _, dir := range [...]string{"/etc/xdg", "/usr/share/applications", "/usr/local/share/applications"} {
		entries, err := c.w.Files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			if name := entry.Name; entry.is(unix.S_IFREG) && (name == "mimeinfo.cache" || name == "defaults.list" || strings.HasSuffix(name, "mimeapps.list")) {
				c.covers = append(c.covers, &sandbox.Mask{Dest: child(dir, name), Origin: names[at].Origin})
			}
		}
	}
}

// openers are the programs that a Portal does the work of.
var openers = [...]struct{ portal, name string }{{"OpenURI", "xdg-open"}, {"OpenURI", "gio"}, {"Email", "xdg-email"}}

// opener puts programs that ask portals in the place of those that would look for a browser inside:
// first in PATH, and over the host's own.
func (c *composer) opener(names []manifests.Text) {
	const dir = ownDir + "/bin"
	program, shown := "", false
	if c.w.Opener != nil {
		program = c.w.Opener()
	}
	for _, opener := range openers {
		at := indexOf(names, opener.portal)
		if at < 0 || program == "" {
			continue
		}
		shown = true
		c.bindFor(program, child(dir, opener.name), names[at].Origin)
		host := "/usr/bin/" + opener.name
		if file, err := c.w.Files.Lstat(host); err == nil && file.is(unix.S_IFREG) && c.inTree(host) && opener.name != "gio" { // of which it is only one verb
			c.bindFor(program, host, names[at].Origin)
		}
	}
	if shown {
		c.env = append(c.env, "PATH="+dir+":"+defaultPath)
	}
}

// hasPortalID reports whether the app has an id by which portals can know it, and refuses it if not.
func (c *composer) hasPortalID(portal manifests.Text) bool {
	if isPortalID(c.m.ID.Value) {
		return true
	}
	what, hint := "needs an id by which portals know the app", "--id org.example.App"
	if c.m.ID.Value != "" {
		what, hint = "portals do not take "+words.Quote(c.m.ID.Value)+" for an id", "two or more parts with dots between, hyphens only in the last"
	}
	c.refuse("portals.allow", portal, what, hint)
	return false
}

// portalNames gives the portals that a manifest allows, also by other keys.
func (c *composer) portalNames() []manifests.Text {
	names := slices.Clone(c.m.Portals.Allow)
	for _, key := range [...]struct {
		asks   manifests.Text
		portal string
	}{{c.m.Devices.Camera, "Camera"}, {c.m.Devices.Printer, "Print"}} {
		if key.asks.Value == "portal" {
			names = append(names, manifests.Text{Value: key.portal, Origin: key.asks.Origin})
		}
	}
	// Beside other portals, as none is no reason to want an id by which portals know the app.
	if at := indexOf(c.m.Display.Allow, "inhibit"); at >= 0 && len(names) > 0 && indexOf(names, "Inhibit") < 0 {
		names = append(names, manifests.Text{Value: "Inhibit", Origin: c.m.Display.Allow[at].Origin})
	}
	return names
}

// tellPortals accounts for each portal.
func (c *composer) tellPortals(names []manifests.Text) {
	if len(names) == 0 {
		c.withoutPortals()
	} else if asks := c.m.Portals.Documents; asks.Value {
		c.tell(groupFiles, "files that you pick in a portal's dialog, in "+c.runtime+"/doc", asks.Origin)
	}
	for _, name := range names {
		text := "ask the desktop by the portal " + name.Value
		if name.Value == "Background" {
			text = "be started at login, in its sandbox"
		}
		c.tell(groupApps, text, name.Origin)
	}
}

// withoutPortals refuses what means something only with a portal.
func (c *composer) withoutPortals() {
	const hint = `portals.allow = ["FileChooser"], say`
	for _, key := range [...]struct {
		name string
		asks manifests.Flag
	}{{"portals.documents", c.m.Portals.Documents}, {"portals.flatpak-info", c.m.Portals.FlatpakInfo}} {
		if key.asks.Value {
			c.refuse(key.name, manifests.Text{Value: "true", Origin: key.asks.Origin}, "means nothing without a portal", hint)
		}
	}
}

// documents shows the files that the person has picked for this app.
func (c *composer) documents(session *dbus.Policy) {
	asks := c.m.Portals.Documents
	if !asks.Value {
		return
	}
	portals.AllowDocuments(session)
	folder := ""
	if c.w.Documents != nil {
		folder = c.w.Documents()
	}
	text := manifests.Text{Value: "true", Origin: asks.Origin}
	if folder == "" && c.w.NoStart {
		return // nobody has asked for it yet
	}
	if folder == "" {
		c.warn("portals.documents", text, "no document portal answers", "install xdg-desktop-portal and fuse3")
		return
	}
	c.documentsAt = folder
	// The portal names files by its own mount point, which need not be where documents are by default.
	for _, dest := range slices.Compact([]string{c.runtime + "/doc", folder}) {
		c.add(dest, &sandbox.Bind{Source: child(folder, "by-app/"+c.m.ID.Value), Dest: dest, Writable: true, NoSymlinks: true, Origin: asks.Origin})
	}
}

// CanAskPortals reports whether there is a session bus that can start the portals, as far as can be
// known without asking it.
func (w *World) CanAskPortals() bool {
	if w.Answers == nil || !w.hasPortal() {
		return false
	}
	names, _ := dbus.Sockets(sessionAddress(w))
	return slices.ContainsFunc(names, w.Answers)
}

// hasPortal reports whether the session can start the portals, by a service file as the D-Bus
// specification describes them ("Message Bus Starting Services").
func (w *World) hasPortal() bool {
	dirs := w.getenv("XDG_DATA_DIRS")
	if dirs == "" {
		dirs = "/usr/local/share:/usr/share"
	}
	for dir := range strings.SplitSeq(w.Data+":"+dirs, ":") {
		if !strings.HasPrefix(dir, "/") {
			continue
		}
		if file, err := w.Files.Lstat(child(dir, "dbus-1/services/"+portals.Desktop+".service")); err == nil && (file.is(unix.S_IFREG) || file.is(unix.S_IFLNK)) {
			return true
		}
	}
	return false
}

// isPortalID reports whether portals take an id: that of xdg-desktop-portal, two or more parts of
// letters, digits and underscores, and hyphens in the last.
func isPortalID(id string) bool {
	last := strings.LastIndexByte(id, '.')
	if last <= 0 || last == len(id)-1 {
		return false
	}
	return !strings.Contains(id[:last], "-")
}
