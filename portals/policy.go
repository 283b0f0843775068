package portals

import (
	"strings"

	"snug/portals/dbus"
)

// Names of the services that portals have on the session bus.
const (
	Desktop   = "org.freedesktop.portal.Desktop"
	Documents = "org.freedesktop.portal.Documents"
)

// What an app may call of a portal, in prose. Portals share one name and one object, so they are told
// apart by their interfaces. A portal's requests and sessions are objects below that one, whose only
// calls are to close them; that some are another app's is for the portal to see. Reading properties
// passes for all portals at once, as the interface asked for is in a message's body: they are version
// numbers and what a portal can do.

const (
	desktopPath = "/org/freedesktop/portal/desktop"
	properties  = "org.freedesktop.DBus.Properties."
)

// Allow adds the calls and signals of a portal, such as "FileChooser", to a policy of the session bus.
// Of "Background" there are none: see [Config].
func Allow(p *dbus.Policy, portal string) {
	if !hasRule(p.Call, Desktop) {
		addRules(&p.Call, Desktop, properties+"Get@"+desktopPath, properties+"GetAll@"+desktopPath,
			"org.freedesktop.DBus.Introspectable.Introspect@"+desktopPath, "org.freedesktop.DBus.Peer.*",
			"org.freedesktop.portal.Request.Close@"+desktopPath+"/request/*",
			"org.freedesktop.portal.Session.Close@"+desktopPath+"/session/*")
		addRules(&p.Broadcast, Desktop, properties+"PropertiesChanged@"+desktopPath)
	}
	if portal == "Background" {
		return // the broker answers
	}
	iface := "org.freedesktop.portal." + portal + ".*"
	addRules(&p.Call, Desktop, iface+"@"+desktopPath)
	addRules(&p.Broadcast, Desktop, iface+"@"+desktopPath)
}

// AllowDocuments adds the portal of documents to a policy of the session bus, and that of files that
// are dragged or pasted, which is at the same name.
func AllowDocuments(p *dbus.Policy) {
	const path = "/org/freedesktop/portal/documents"
	addRules(&p.Call, Documents, "org.freedesktop.portal.Documents.*@"+path, "org.freedesktop.portal.FileTransfer.*@"+path,
		properties+"Get@"+path, properties+"GetAll@"+path, "org.freedesktop.DBus.Introspectable.Introspect@"+path)
	addRules(&p.Broadcast, Documents, "org.freedesktop.portal.FileTransfer.*@"+path)
}

// AllowInput adds the services by which IBus and Fcitx 5 work for apps in sandboxes to a policy of the
// session bus. Of what others type they tell nothing; of what else their processes do, no more passes.
func AllowInput(p *dbus.Policy) {
	const (
		ibus  = "org.freedesktop.portal.IBus"
		fcitx = "org.freedesktop.portal.Fcitx"
	)
	addRules(&p.Call, ibus, "*@/org/freedesktop/IBus/*")
	addRules(&p.Broadcast, ibus, "*@/org/freedesktop/IBus/*")
	addRules(&p.Call, fcitx, "*@/org/freedesktop/portal/inputmethod", "*@/org/freedesktop/portal/inputcontext/*")
	addRules(&p.Broadcast, fcitx, "*@/org/freedesktop/portal/inputcontext/*")
}

// AllowTray lets an app show an icon in the tray. It owns the name of an item, of which others may call
// what they like, as panels do; it calls nobody but the watcher, and of other apps' items it learns the names.
func AllowTray(p *dbus.Policy) {
	const (
		watcher = "org.kde.StatusNotifierWatcher"
		path    = "@/StatusNotifierWatcher"
	)
	Own(p, "org.kde.StatusNotifierItem-*")
	p.Take = append(p.Take, "org.freedesktop.StatusNotifierItem-*") // Chromium's spelling
	addRules(&p.Call, watcher, watcher+".RegisterStatusNotifierItem"+path, properties+"Get"+path, properties+"GetAll"+path,
		"org.freedesktop.DBus.Introspectable.Introspect"+path)
	addRules(&p.Broadcast, watcher, watcher+".*"+path, properties+"PropertiesChanged"+path)
}

// isTray reports whether a name is that of a tray icon, or a pattern of such (StatusNotifierItem specification).
func isTray(name string) bool {
	return strings.HasPrefix(name, "org.kde.StatusNotifierItem-") || strings.HasPrefix(name, "org.freedesktop.StatusNotifierItem-")
}

// Own lets an app own a name, and send the signals for all that come with it. Names of tray icons hold
// a process id, which no manifest knows, so patterns of them are those of other apps, too: of such only
// what is free can be taken, as to own the pattern would be to talk to every app that has an icon.
func Own(p *dbus.Policy, name string) {
	if isTray(name) {
		p.Take = append(p.Take, name)
	} else {
		p.Own = append(p.Own, name)
	}
	Speak(p, name)
}

// AllowInhibit lets an app keep the screen from going dark and locking itself, until it ends or says
// otherwise. Of the same service it cannot lock or unlock, pretend that somebody is there
// (SimulateUserActivity), or see for how long nobody was. org.gnome.SessionManager, which has a call of
// that name, could also hold up the end of the session; GNOME answers by this name, too.
func AllowInhibit(p *dbus.Policy) {
	const saver = "org.freedesktop.ScreenSaver"
	for _, path := range [...]string{"@/org/freedesktop/ScreenSaver", "@/ScreenSaver"} { // the specification's, and KDE's
		addRules(&p.Call, saver, saver+".Inhibit"+path, saver+".UnInhibit"+path)
	}
}

// AllowAccessible makes the policy of the accessibility bus: an app joins the tree of widgets, hears
// which events somebody listens to, and sends those. It calls nobody but the registry, so it cannot
// walk other apps' widgets; who reads the screen calls the app.
func AllowAccessible(p *dbus.Policy) {
	const (
		registry = "org.a11y.atspi.Registry"
		keys     = "org.a11y.atspi.DeviceEventController."
		keysPath = "@/org/a11y/atspi/registry/deviceeventcontroller"
		path     = "@/org/a11y/atspi/registry"
		root     = "@/org/a11y/atspi/accessible/root"
	)
	addRules(&p.Call, registry, "org.a11y.atspi.Socket.Embed"+root, "org.a11y.atspi.Socket.Unembed"+root,
		registry+".GetRegisteredEvents"+path, keys+"GetKeystrokeListeners"+keysPath, keys+"GetDeviceEventListeners"+keysPath,
		keys+"NotifyListenersSync"+keysPath, keys+"NotifyListenersAsync"+keysPath)
	addRules(&p.Broadcast, registry, registry+".*"+path, keys+"*"+keysPath)
	for _, event := range [...]string{"Object", "Window", "Focus", "Document", "Terminal", "Mouse", "Keyboard"} {
		p.Emit = append(p.Emit, "org.a11y.atspi.Event."+event+".*@/org/a11y/atspi/*")
	}
	p.Emit = append(p.Emit, "org.a11y.atspi.Cache.*@/org/a11y/atspi/cache")
	p.UniqueNames = true // toolkits watch who reads the screen come and go
}

// Speak lets an app send the signals for all of a name that it may own. A service's objects lie, by
// the convention that GApplication and others keep, below the path that its name spells; two kinds of
// service have paths of their own (MPRIS specification, StatusNotifierItem specification).
func Speak(p *dbus.Policy, own string) {
	name := strings.TrimSuffix(own, ".*")
	glob := strings.Contains(name, "*")
	switch {
	case strings.HasPrefix(name, "org.mpris.MediaPlayer2."):
		p.Emit = append(p.Emit, "*@/org/mpris/MediaPlayer2")
	case isTray(name):
		p.Emit = append(p.Emit, "org.kde.StatusNotifierItem.*", "org.freedesktop.StatusNotifierItem.*", "com.canonical.dbusmenu.*")
	case !glob:
		p.Emit = append(p.Emit, "*@/"+strings.Map(pathRune, name)+"/*")
	}
}

// pathRune turns a character of a name into that of a path, as GApplication does.
func pathRune(r rune) rune {
	switch r {
	case '.':
		return '/'
	case '-':
		return '_'
	}
	return r
}

func hasRule(rules []dbus.NameRule, name string) bool {
	for _, r := range rules {
		if r.Name == name {
			return true
		}
	}
	return false
}

func addRules(to *[]dbus.NameRule, name string, rules ...string) {
	for _, rule := range rules {
		*to = append(*to, dbus.NameRule{Name: name, Rule: rule})
	}
}
