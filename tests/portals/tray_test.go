package portals_test

import (
	"strings"
	"testing"
)

// did reports whether a peer of the test was reached by a call.
func did(member string) func(string) bool {
	return func(out string) bool { return strings.Contains(out, "did "+member) }
}

// An app with a tray icon owns a name for it and registers that, and reaches neither the icons of others
// nor what else their owners have on the bus. A pattern in the manifest's own words gives no more.
func TestTray(t *testing.T) {
	const (
		watcher = "org.kde.StatusNotifierWatcher"
		path    = "/StatusNotifierWatcher"
		other   = "org.kde.StatusNotifierItem-4711-1"
	)
	d := newDesk(t)
	its := d.peer(d.Socket(), nil, other)
	d.peer(d.Socket(), nil, watcher)
	tray := "--display-allow tray"
	for _, x := range []threat{
		{name: "own the icon's name", words: requestByName("org.kde.StatusNotifierItem-2-1", 4), did: ownedNow},
		{name: "own it as Chromium spells it", words: requestByName("org.freedesktop.StatusNotifierItem-2-1", 4), did: ownedNow},
		{name: "register it", words: gdbus(watcher, path, watcher+".RegisterStatusNotifierItem"), did: did("RegisterStatusNotifierItem")},
		{name: "ask for what the tray can", words: gdbus(watcher, path, "org.freedesktop.DBus.Properties.GetAll"), did: did("GetAll")},
	} {
		if out := d.inside(tray, x.words...); !x.did(out) {
			t.Errorf("%s: got %s", x.name, out)
		}
	}
	list := []threat{
		{name: "another's icon", words: gdbus(other, "/StatusNotifierItem", "org.kde.StatusNotifierItem.Activate"), did: did("Activate")},
		{name: "its menu", words: gdbus(other, "/MenuBar", "com.canonical.dbusmenu.Event"), did: did("Event")},
		{name: "its owner by the unique name", words: gdbus(its.Unique, "/x", "com.example.Host.Do"), did: did("Do")},
		{name: "be the tray", words: gdbus(watcher, path, watcher+".RegisterStatusNotifierHost"), did: did("RegisterStatusNotifierHost")},
		{name: "what else the watcher's owner has", words: gdbus(watcher, "/x", "com.example.Host.Do"), did: did("Do")},
		{name: "be the watcher", words: requestByName("org.freedesktop.StatusNotifierWatcher", 4), did: ownedNow},
	}
	d.stand(t, tray, list)
	d.stand(t, "--bus-session-own org.kde.StatusNotifierItem-*", list[:3])
}

// An app that keeps the screen awake does not lock it, and does not learn whether somebody is there.
func TestInhibit(t *testing.T) {
	const saver = "org.freedesktop.ScreenSaver"
	d := newDesk(t)
	d.peer(d.Socket(), nil, saver)
	d.peer(d.Socket(), nil, "org.gnome.SessionManager")
	flags := "--display-allow inhibit"
	for _, path := range []string{"/org/freedesktop/ScreenSaver", "/ScreenSaver"} {
		for _, member := range []string{"Inhibit", "UnInhibit"} {
			if out := d.inside(flags, gdbus(saver, path, saver+"."+member)...); !did(member)(out) {
				t.Errorf("%s at %s: got %s", member, path, out)
			}
		}
	}
	var list []threat
	for _, member := range []string{"Lock", "SetActive", "SimulateUserActivity", "GetSessionIdleTime", "GetActive"} {
		list = append(list, threat{name: member, words: gdbus(saver, "/ScreenSaver", saver+"."+member), did: did(member)})
	}
	d.stand(t, flags, append(list,
		threat{name: "hold up the end of the session", words: gdbus("org.gnome.SessionManager", "/org/gnome/SessionManager", "org.gnome.SessionManager.Inhibit"), did: did("Inhibit")},
		threat{name: "be the screen saver", words: requestByName("org.freedesktop.ScreenSaver.x", 4), did: ownedNow}))
}
