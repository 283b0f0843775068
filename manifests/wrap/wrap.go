package wrap

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
)

// Wrap returns what has to change so that the desktop file of an id, and whatever else starts its
// program, starts the app by snug. Nothing: it is so already. The file itself comes last, so that it is
// wrapped only if all is. Warnings are what the person should know.
//
// An error that matches fs.ErrNotExist says that there is no such launcher, a Refusal why it stays as it is.
func (f *Folders) Wrap(id string, app App) (changes []Change, warnings []string, err error) {
	p, err := f.launcherPlace(id)
	if err != nil {
		return nil, nil, err
	}
	return f.wrap(p, id, app)
}

// WrapFile is Wrap for a launcher that lies where no menu looks. It comes into the menus, but not in the place
// of another that is there.
func (f *Folders) WrapFile(path string, app App) (changes []Change, warnings []string, err error) {
	id := f.ID(path)
	source, err := desktop.Read(path)
	if err != nil {
		return nil, nil, err
	}
	p, err := f.launcherPlace(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.source = source
	case err != nil:
		return nil, nil, err
	case !bytes.Equal(p.source.Bytes(), source.Bytes()):
		return nil, nil, &Refusal{p.source.Path + " has the same name", "snug wrap " + strings.TrimSuffix(id, ".desktop") + " wraps that one"}
	}
	return f.wrap(p, id, app)
}

func (f *Folders) wrap(p *place, id string, app App) (changes []Change, warnings []string, err error) {
	text, lost, err := f.launcher(p.source, app)
	if err != nil {
		return nil, nil, err
	}
	for _, group := range lost {
		warnings = append(warnings, p.source.Path+": ["+group+"]: of a file that it is opened with the app gets the name alone: it stands in one word with another code")
	}
	last, err := p.change(text, 0o644)
	if err != nil {
		return nil, nil, err
	}
	program := f.programOf(p.source)
	changes, told, err := f.wrapServices(strings.TrimSuffix(id, ".desktop"), program, app)
	if err != nil {
		return nil, nil, err
	}
	logins, more, err := f.wrapLogins(id, program, app)
	if err != nil {
		return nil, nil, err
	}
	warnings = slices.Concat(warnings, told, more)
	for _, o := range f.findOthers() {
		if (o.program.is(program) || o.program.mayStart(program)) && !sameFile(o.path, p.path) {
			warnings = append(warnings, "it may also be started by "+o.path+", and that stays as it is")
		}
	}
	return slices.Concat(changes, logins, last), warnings, nil
}

// wrapServices wraps the files by which the bus starts the owner of a name. What they are called does not
// matter to the bus, and of keys that stand twice buses take different ones. One for another name may be for
// another end, and is told if it starts the program.
func (f *Folders) wrapServices(name string, program program, app App) (changes []Change, warnings []string, err error) {
	for _, file := range f.serviceFiles() {
		p, err := plainPlace(f.Data, "dbus-1/services", file)
		switch {
		case err != nil && file == name+".service" && !errors.Is(err, fs.ErrNotExist):
			return nil, nil, err
		case err != nil:
			continue // nothing that a bus could read
		case !hasName(p.source, name):
			if other := f.programOfService(p.source); p.state != ours && (other.is(program) || other.mayStart(program)) {
				warnings = append(warnings, "it may also be started by the message bus, by "+file+", and that stays as it is")
			}
			continue
		}
		text, err := f.service(p.source, app)
		if err != nil {
			return nil, nil, err
		}
		more, err := p.change(text, 0o644)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, more...)
	}
	return changes, warnings, nil
}

// serviceFiles are the names of all files by which the session's bus starts programs.
func (f *Folders) serviceFiles() (names []string) {
	for _, data := range f.Data {
		entries, _ := os.ReadDir(filepath.Join(data, "dbus-1/services"))
		for _, e := range entries {
			name := strings.TrimSuffix(e.Name(), keptSuffix)
			if strings.HasSuffix(name, ".service") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// hasName reports whether a service file gives a name anywhere.
func hasName(file *desktop.File, name string) (found bool) {
	file.Changed(func(_, key, raw string) string {
		found = found || key == "Name" && raw == name
		return raw
	})
	return found
}

// wrapLogins wraps what starts a launcher's program at login, and tells of what cannot be wrapped or may
// start it all the same.
func (f *Folders) wrapLogins(id string, program program, app App) (changes []Change, warnings []string, err error) {
	for _, l := range f.findLogins() {
		if l.name != id && !l.program.is(program) {
			if l.program.mayStart(program) {
				warnings = append(warnings, "it may also be started at login by "+l.name+", and that stays as it is")
			}
			continue
		}
		if !f.takeLogin(l.name, id, app) {
			continue
		}
		more, err := f.wrapLogin(l.name, app)
		var no *Refusal
		if errors.As(err, &no) {
			warnings = append(warnings, "it is also started at login by "+l.name+", and that stays as it is: "+no.What)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, more...)
	}
	return changes, warnings, nil
}

// takeLogin reports whether what is started at login by a name is an app's to wrap, with a launcher of an id. Of
// several apps with one program the one whose launcher has that name goes first, then the one that asks first;
// and of several launchers of an app the first.
func (f *Folders) takeLogin(name, id string, app App) bool {
	if owner, taken := f.taken[name]; taken && (name != id || owner == app.ID) {
		return false
	}
	if name != id {
		if p, err := f.launcherPlace(name); err == nil {
			if s, ours := readSeal(p.now); ours && s.app != app.ID {
				return false
			}
		}
	}
	if f.taken == nil {
		f.taken = map[string]string{}
	}
	f.taken[name] = app.ID
	return true
}

// wrapLogin wraps what is started at login.
func (f *Folders) wrapLogin(name string, app App) ([]Change, error) {
	p, err := plainPlace(f.Config, "autostart", name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.state == ours && p.forLogin() || p.source.True("Hidden") {
		return nil, nil // in its sandbox already, or not at all
	}
	text, _, err := f.launcher(p.source, app)
	if err != nil {
		return nil, err
	}
	return p.change(text, 0o644)
}

// change is what makes a place hold a text, or nothing if it does.
func (p *place) change(text []byte, mode fs.FileMode) ([]Change, error) {
	switch {
	case p.state == edited:
		return nil, wasEdited(p.path)
	case p.state == ours && bytes.Equal(text, p.now):
		return nil, nil
	}
	if p.source != nil {
		mode &= p.sourceMode() | 0o600
	}
	c := Change{Path: p.path, After: text, state: p.state, now: p.now, mode: mode}
	if p.counts != nil {
		c.Old, c.Before = p.counts.Path, p.counts.Bytes()
	}
	return []Change{c}, nil
}

// sourceMode is the mode of what is to be wrapped, in whose copy nobody shall read what was closed to them.
func (p *place) sourceMode() fs.FileMode {
	path := p.source.Path
	if p.state == persons {
		path = p.path
	}
	stat, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return stat.Mode()
}

// Shim returns what has to change so that a program's name starts an app on the command line.
func (f *Folders) Shim(program string, app App) ([]Change, error) {
	name := filepath.Base(program)
	if IsShared(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\n") {
		return nil, &Refusal{"a shim named " + name + " would take that name from every other program", ""}
	}
	p := &place{path: filepath.Join(f.Bin, name)}
	if exists(p.path) {
		text := readPlain(p.path, maxShim)
		s, is := readSeal(text)
		if !is || s.app != app.ID {
			return nil, &Refusal{p.path + " is there already", "rename it, or start the app by its id: snug run " + app.ID}
		}
		if p.now, p.state = text, ours; s.broken {
			p.state = edited
		}
		p.counts = &desktop.File{Path: p.path}
	}
	changes, err := p.change(f.shim(app), 0o755)
	for i := range changes {
		changes[i].Before = p.now
	}
	return changes, err
}

// Program is the program that the launcher of an id starts, or "".
func (f *Folders) Program(id string) string {
	p, err := f.launcherPlace(id)
	if err != nil {
		return ""
	}
	value, _ := p.source.Get(desktop.Entry, "Exec")
	exec, err := desktop.ParseExec(value)
	if err != nil {
		return ""
	}
	return exec.Program()
}

// isShim reports whether a program is one that snug wrote.
func (f *Folders) isShim(path string) bool {
	if filepath.Dir(path) != f.Bin {
		return false
	}
	_, is := readSeal(readPlain(path, maxShim))
	return is
}

// maxShim bounds what is looked at for a shim.
const maxShim = 16 << 10

// readPlain reads a file that may be anything, or nothing if it is none of ours.
func readPlain(path string, limit int64) []byte {
	stat, err := os.Lstat(path)
	if err != nil || !stat.Mode().IsRegular() || stat.Size() > limit {
		return nil
	}
	text, _ := os.ReadFile(path)
	return text
}
