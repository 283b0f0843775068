package wrap

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
)

// Folders are where launchers lie, and what they are to start. The person's own folder comes first.
type Folders struct {
	Data   []string // XDG_DATA_HOME, XDG_DATA_DIRS
	Config []string // XDG_CONFIG_HOME, XDG_CONFIG_DIRS
	Icons  string   // the folder whose files the desktop shows as icons, or ""
	Units  []string // folders of systemd's units of the person
	Bin    string   // ~/.local/bin
	Path   []string // PATH
	Snug   string   // the program

	taken    map[string]string  // the app that is to be started at login by a name, since the last Apply
	logins   []login            // what is started at login, once looked for
	others   []other            // what lies elsewhere, once looked for
	programs map[string]program // by the id of a launcher, once looked for
}

// App is what a launcher shall start.
type App struct {
	ID   string
	Word string // what snug run calls it: the id, or the path of a manifest
}

// keptSuffix is behind the name of a person's own file while ours has its place.
const keptSuffix = ".before-snug"

// place is where a file of ours goes, with what is there and what stands behind it.
type place struct {
	path   string
	state  state
	now    []byte        // what is at the path
	counts *desktop.File // what counts before the change, if anything does
	source *desktop.File // what is to be wrapped
}

// state is what a place holds.
type state int

const (
	empty   state = iota // nothing, or a launcher of snug's that is there for a while
	persons              // the person's own file
	ours
	edited // ours, but changed since
)

// look examines a place in the person's folder; others are the files of the same name behind it.
func look(path string, others []string) (*place, error) {
	p := &place{path: path}
	stat, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		p.counts, err = desktop.Read(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Refusal{path + " is a link that leads nowhere", "remove it, and the launcher behind it counts"}
		}
		if err != nil {
			return nil, err
		}
		p.now, p.state = p.counts.Bytes(), persons
		if stat.Mode().IsRegular() {
			if err := p.recognize(); err != nil {
				return nil, err
			}
		}
	}
	return p, p.findSource(others)
}

// recognize tells files of snug's from the person's.
func (p *place) recognize() error {
	if s, is := readSeal(p.now); is {
		if p.state = ours; s.broken {
			p.state = edited
		}
		return nil
	}
	if text := string(p.now); strings.HasPrefix(text, "[Desktop Entry]\n") && strings.HasSuffix(text, "\n"+keyIdentity+"=true\n") {
		p.state, p.counts = empty, nil
	}
	return nil
}

// findSource finds the file that counts without snug.
func (p *place) findSource(others []string) (err error) {
	if p.state == persons {
		kept := *p.counts
		kept.Path += keptSuffix // where it is going to be
		p.source = &kept
		return nil
	}
	recorded := ""
	if s, is := readSeal(p.now); is {
		recorded = s.source
	}
	for _, path := range slices.Concat([]string{p.path + keptSuffix}, others, []string{recorded}) {
		if path == "" || sameEntry(path, p.path) { // the second: XDG_DATA_DIRS may list the person's folder, too
			continue
		}
		if p.source, err = desktop.Read(path); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if p.source == nil {
		return &fs.PathError{Op: "find", Path: filepath.Base(p.path), Err: fs.ErrNotExist}
	}
	if _, claims := readSeal(p.source.Bytes()); claims {
		return &Refusal{p.source.Path + " says that snug wrote it", "it is not where snug writes; look at it"}
	}
	if p.counts == nil {
		p.counts = p.source
	}
	return nil
}

// launcherPlace is the place of a desktop file's id.
func (f *Folders) launcherPlace(id string) (*place, error) {
	mine := desktop.Search{Data: f.Data[:1]}.Locate(id)
	if mine == nil {
		mine = []string{filepath.Join(f.Data[0], "applications", id)}
	}
	return look(mine[0], desktop.Search{Data: f.Data[1:]}.Locate(id))
}

// ID is the id of a desktop file that lies in one of the folders, or its base name.
func (f *Folders) ID(path string) string { return desktop.Search{Data: f.Data}.ID(path) }

// plainPlace is the place of a file below the folders of which only the name counts.
func plainPlace(folders []string, below, name string) (*place, error) {
	var others []string
	for _, dir := range folders[1:] {
		if path := filepath.Join(dir, below, name); exists(path) {
			others = append(others, path)
		}
	}
	return look(filepath.Join(folders[0], below, name), others)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
