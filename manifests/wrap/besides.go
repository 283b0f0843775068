package wrap

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
)

// What else starts the program of a launcher: at login, by the bus, by other launchers of the menus. What
// certainly does is wrapped with it, or left to who calls; what may, as links and shells hide it, is told.

// login is a launcher that is started at login.
type login struct {
	name    string
	program program
}

// findLogins lists what is started at login, once.
func (f *Folders) findLogins() []login {
	if f.logins != nil {
		return f.logins
	}
	f.logins = []login{}
	seen := map[string]bool{}
	for _, dir := range f.Config {
		entries, _ := os.ReadDir(filepath.Join(dir, "autostart"))
		for _, e := range entries {
			name := strings.TrimSuffix(e.Name(), keptSuffix)
			if !strings.HasSuffix(name, ".desktop") || seen[name] {
				continue
			}
			seen[name] = true
			l := login{name: name}
			if file, err := desktop.Read(filepath.Join(dir, "autostart", e.Name())); err == nil && !file.True("Hidden") {
				l.program = f.programOf(file)
				if _, ours := readSeal(file.Bytes()); ours {
					l.program.words = nil // it starts in a sandbox
				}
			}
			f.logins = append(f.logins, l)
		}
	}
	return f.logins
}

// other is a launcher, or a unit of systemd, that no copy of the person's can stand before.
type other struct {
	path    string
	program program
}

// findOthers lists the launchers in otherFolders and the units that are enabled, once.
func (f *Folders) findOthers() []other {
	if f.others != nil {
		return f.others
	}
	f.others = []other{}
	for _, dir := range f.otherFolders() {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if filepath.Ext(path) != ".desktop" || filepath.Base(dir) == "autostart" && f.isLogin(e.Name()) {
				continue
			}
			if file, err := desktop.Read(path); err == nil && !file.True("Hidden") {
				if _, ours := readSeal(file.Bytes()); !ours {
					f.others = append(f.others, other{path, f.programOf(file)})
				}
			}
		}
	}
	for _, dir := range f.Units {
		units, _ := filepath.Glob(filepath.Join(dir, "*.wants/*.service"))
		for _, path := range units {
			f.others = append(f.others, f.unit(path)...)
		}
	}
	return f.others
}

// otherFolders are those of icons on the desktop, of XFCE's panel, which copies launchers of the menu, and of what
// GNOME and MATE alone start at login: in the person's folder all desktops would.
func (f *Folders) otherFolders() []string {
	dirs := []string{f.Icons}
	panel := filepath.Join(f.Config[0], "xfce4/panel")
	entries, _ := os.ReadDir(panel)
	for _, e := range entries {
		dirs = append(dirs, filepath.Join(panel, e.Name()))
	}
	for _, data := range f.Data[1:] {
		dirs = append(dirs, filepath.Join(data, "gnome/autostart"), filepath.Join(data, "mate/autostart"))
	}
	return dirs
}

// unit lists what a unit starts.
func (f *Folders) unit(path string) (list []other) {
	file, err := desktop.Read(path)
	if err == nil {
		file, err = desktop.Parse([]byte(strings.ReplaceAll(string(file.Bytes()), "\\\n", " ")))
	}
	if err != nil {
		return nil
	}
	file.Changed(func(_, key, raw string) string {
		if strings.HasPrefix(key, "ExecStart") {
			line := strings.ReplaceAll(strings.TrimLeft(raw, "@-:+!|"), "%", "%%") // no code of a launcher's
			list = append(list, other{path, f.programIn(line)})
		}
		return raw
	})
	return list
}

// isLogin reports whether all desktops start something at login by a name, so that it hides others.
func (f *Folders) isLogin(name string) bool {
	return slices.ContainsFunc(f.findLogins(), func(l login) bool { return l.name == name })
}

// Siblings returns the ids of the other launchers that start the program of one: those of its parts, and
// of kinds of files, which menus do not show; and of those that may start it, though not plainly.
func (f *Folders) Siblings(id string) (ids, maybe []string) {
	if f.programs == nil {
		f.programs = map[string]program{}
		search := desktop.Search{Data: f.Data}
		for _, name := range search.IDs() {
			name += ".desktop"
			if paths := search.Locate(name); len(paths) > 0 {
				if file, err := desktop.Read(paths[0]); err == nil && !file.True("Hidden") {
					f.programs[name] = f.programOf(file)
				}
			}
		}
	}
	program := f.programs[id]
	for name, other := range f.programs {
		switch {
		case name == id:
		case other.is(program):
			ids = append(ids, name)
		case other.mayStart(program):
			maybe = append(maybe, name)
		}
	}
	slices.Sort(ids)
	slices.Sort(maybe)
	return ids, maybe
}
