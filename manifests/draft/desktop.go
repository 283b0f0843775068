package draft

import (
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests"
	"snug/manifests/desktop"
	"snug/manifests/internal/words"
)

// Launcher is a desktop file and what its reader knows of it.
type Launcher struct {
	File      *desktop.File
	Name      string // notes.desktop
	Installed bool   // it is found by its name
	Electron  bool   // an app.asar lies beside its program
}

// FromDesktop proposes a manifest for the app of a desktop file. An error is a manifests.Problem: that
// of a launcher whose program is another sandbox's.
func FromDesktop(c *manifests.Catalogue, l Launcher) (*Draft, error) {
	value, _ := l.File.Get(desktop.Entry, "Exec")
	exec, err := desktop.ParseExec(value)
	if err != nil {
		return nil, manifests.Problem{What: words.Quote(l.Name) + ": " + err.Error(), Hint: "snug manifest new PROGRAM takes a program"}
	}
	if err := foreign(exec.Program(), l.File); err != nil {
		return nil, err
	}
	d := &Draft{catalogue: c, about: []string{"A proposal, made of " + shown(l.Name) + ": what neither it nor its bases name the app does not get."}}
	g := &guess{Draft: d, launcher: l, exec: value, terminal: l.File.True("Terminal")}
	g.identity(strings.TrimSuffix(l.Name, ".desktop"))
	if why, _ := d.judge("desktop", l.Name); l.Installed && why == "" {
		d.add(entry{key: "desktop", value: l.Name})
	} else if err := g.command(exec); err != nil {
		return nil, err
	}
	g.role()
	d.add(entry{key: "home.mode", value: "private", why: "Kept for this app alone, apart from yours."})
	g.arguments()
	if !g.terminal {
		d.window()
	}
	g.network()
	g.sound()
	g.portals()
	d.sayMore()
	return d, nil
}

// FromProgram proposes a manifest for a program that runs in a terminal. An error is a
// manifests.Problem: that of a name which no manifest can hold.
func FromProgram(c *manifests.Catalogue, program string) (*Draft, error) {
	d := &Draft{catalogue: c, about: []string{"A proposal for " + shown(program) + ": what neither it nor its bases name the program does not get."}}
	id, why := portalID(filepath.Base(program))
	d.ID = id
	if why, _ := d.judge("command", program); why != "" {
		return nil, manifests.Problem{What: why}
	}
	d.add(entry{key: "id", value: id, why: why})
	d.add(entry{key: "command", value: program})
	d.extend("", "cli")
	d.add(entry{key: "home.mode", value: "private", why: "Kept for this program alone, apart from yours."})
	d.add(entry{key: "files.arguments", value: "write", why: "The files that it is given on its command line, and nothing beside them."})
	d.sayMore()
	return d, nil
}

// foreign refuses launchers of what has a sandbox already.
func foreign(program string, file *desktop.File) error {
	id, isFlatpak := file.Get(desktop.Entry, "X-Flatpak")
	switch base := filepath.Base(program); {
	case isFlatpak || base == "flatpak":
		if id == "" {
			id = "ID"
		}
		return manifests.Problem{What: "it is a Flatpak, which runs in Flatpak's sandbox", Hint: "for the same program of this system: snug manifest import " + shown(id)}
	case strings.HasPrefix(program, "/snap/") || strings.HasPrefix(program, "/var/lib/snapd/"):
		return manifests.Problem{What: "it is a snap, which runs in snapd's sandbox", Hint: "install the program from your distribution, then try again"}
	case base == "snug":
		return manifests.Problem{What: "its launcher starts snug already", Hint: "snug manifest show APP prints the manifest that it names"}
	case base == "bubblejail":
		return manifests.Problem{What: "its launcher starts bubblejail", Hint: "snug manifest import INSTANCE"}
	}
	return nil
}

// guess is what a desktop file speaks for.
type guess struct {
	*Draft
	launcher Launcher
	exec     string
	terminal bool
}

// has reports whether the file is in one of some categories.
func (g *guess) has(categories ...string) bool { return g.lists("Categories", categories...) }

func (g *guess) lists(key string, wanted ...string) bool {
	value, _ := g.launcher.File.Get(desktop.Entry, key)
	for one := range strings.SplitSeq(value, ";") {
		if slices.Contains(wanted, one) {
			return true
		}
	}
	return false
}

// identity derives an id. An app that the bus starts has its name there.
func (g *guess) identity(name string) {
	id, why := portalID(name)
	if g.launcher.File.True("DBusActivatable") && why != "" {
		g.Notes = append(g.Notes, shown(name)+" wants to be started by the bus, and its name is none of a bus")
	}
	g.ID = id
	g.add(entry{key: "id", value: id, why: why})
}

// portalID makes an id that portals take of a name: two or more parts that begin with no digit, hyphens
// in the last one only.
func portalID(name string) (id, why string) {
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && words.IsLabel(byte(r)) || r == '.' {
			return r
		}
		return '_'
	}, name)
	parts := strings.Split(clean, ".")
	for i, part := range parts {
		if part == "" || !words.IsLetter(part[0]) && part[0] != '_' || i < len(parts)-1 && strings.Contains(part, "-") {
			parts = nil
			break
		}
	}
	if len(parts) > 1 && clean == name && len(name) < 200 {
		return name, ""
	}
	last := strings.Trim(strings.ReplaceAll(clean, ".", "_"), "-")
	if last == "" || words.IsDigit(last[0]) {
		last = "_" + last
	}
	return "local." + last[:min(len(last), 200)], "made up: portals want two parts or more"
}

// command takes the words of Exec that are no files.
func (g *guess) command(exec desktop.Exec) error {
	name, _ := g.launcher.File.Get(desktop.Entry, "Name")
	commands, err := exec.Expand(desktop.Fields{Name: name, Path: g.launcher.File.Path}, nil)
	if err != nil || len(commands) != 1 {
		return manifests.Problem{What: "Exec of " + words.Quote(g.launcher.Name) + " cannot be taken apart"}
	}
	for _, word := range commands[0].Argv {
		if why, _ := g.judge("command", word); why != "" {
			return manifests.Problem{What: "a word of Exec: " + why}
		}
		g.entries = append(g.entries, entry{key: "command", value: word})
	}
	for _, assignment := range exec.Env {
		g.grant("process.env", assignment, "Exec")
	}
	return nil
}

// role chooses the bases: a toolkit's, and that of what the app is.
func (g *guess) role() {
	switch {
	case g.terminal:
		g.extend("it runs in a terminal", "cli")
	case g.has("TerminalEmulator"):
		g.extend("the shell in it is inside, too", "cli")
	case g.launcher.Electron:
		g.extend("Electron", "electron", "gtk")
	case g.has("KDE", "Qt", "LXQt"):
		g.extend("Categories names the toolkit", "qt", "gtk")
	case g.has("GTK", "GNOME", "XFCE", "X-XFCE"):
		g.extend("Categories names the toolkit", "gtk")
	default:
		g.extend("Categories names no toolkit", "gtk")
	}
	switch {
	case g.has("WebBrowser"):
		g.extend("", "browser")
	case g.has("Game"):
		g.extend("", "game")
	}
	if g.has("WebBrowser") || g.launcher.Electron {
		g.add(entry{key: "process.nested", value: "true", why: "It has a sandbox of its own, for its pages."})
	}
}

// arguments grants the files that the app is given, if it takes any.
func (g *guess) arguments() {
	value, _ := g.launcher.File.Get(desktop.Entry, "MimeType")
	takes := false
	for one := range strings.SplitSeq(value, ";") {
		takes = takes || one != "" && !strings.HasPrefix(one, "x-scheme-handler/")
	}
	e := entry{key: "files.arguments", value: "off", why: "It names no type of file that it opens."}
	if takes || g.has("TerminalEmulator") || g.terminal && strings.ContainsAny(g.exec, "%") {
		e = entry{key: "files.arguments", value: "write", why: "The files that it is given, and nothing beside them."}
	}
	if base := g.base(); base == nil || base.Files.Arguments.Value != e.value {
		g.add(e)
	}
}

// window grants the display: filtered where this version can, else the server's own socket.
func (d *Draft) window() {
	for _, key := range [...]string{"display.wayland", "display.x11"} {
		e := entry{key: key, value: "filtered"}
		if !slices.Contains(keyOf(key).Now(), "filtered") {
			e.value = "raw"
			_, e.code = d.judge(key, "raw")
		}
		if key == "display.x11" && e.value == "raw" {
			e.why = "Only where no Wayland server answers."
		}
		d.add(e)
	}
}

// network grants one of its own to what is nothing without.
func (g *guess) network() {
	if g.has("Network", "WebBrowser", "Email", "Chat", "InstantMessaging", "FileTransfer", "P2P", "News", "Feed") {
		g.add(entry{key: "network.mode", value: "user", why: "Categories says that it is about the network."})
	}
}

func (g *guess) sound() {
	if g.has("AudioVideo", "Audio", "Video", "Player", "Game", "WebBrowser") {
		g.grant("sound.play", "true", "Categories says that it is heard")
	}
}

// portals grants what the desktop asks the person about.
func (g *guess) portals() {
	if g.terminal || g.has("TerminalEmulator") {
		return
	}
	const why = "Files that are not granted here come by the desktop's own dialog."
	names := []string{"FileChooser", "OpenURI", "Settings", "Inhibit"}
	if g.launcher.File.True("X-GNOME-UsesNotifications") {
		names = append(names, "Notification")
	}
	g.askPortals(why, names...)
}

func (d *Draft) askPortals(why string, names ...string) {
	for _, name := range names {
		d.add(entry{when: "portal", key: "portals.allow", value: name, why: why})
	}
	d.add(entry{when: "portal", key: "portals.documents", value: "true"})
}
