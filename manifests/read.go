package manifests

import (
	"embed"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
)

// builtin holds the manifests that come with snug: apps, and bases below bases/.
//
//go:embed builtin
var builtin embed.FS

// source is one place of the search path.
type source struct {
	dir     string // on disk, or inside builtin
	label   string // dir as Origins print it
	builtIn bool
	pending map[string][]byte // of the Catalogue
}

// read returns a file of the source as a layer, or nil if there is none. The name was checked: it
// cannot lead out of the source.
func (s source) read(name string) (*Layer, error) {
	text, err := s.text(name)
	label := s.label + "/" + name
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case err != nil:
		return nil, Problem{"", words.Quote(label) + " cannot be read: " + files.Reason(err), ""}
	}
	return Parse(label, text)
}

// names returns the base names of the files that end in .toml below dir of the source, sorted.
// A name that no manifest can have is an error: what it says would be lost without a word.
func (s source) names(dir string) ([]string, error) {
	folder := path.Join(s.dir, dir)
	var names []string
	for file := range s.pending {
		if path.Dir(file) == folder {
			names = append(names, strings.TrimSuffix(path.Base(file), ".toml"))
		}
	}
	var entries []fs.DirEntry
	var err error
	if s.builtIn {
		entries, err = builtin.ReadDir(folder)
	} else {
		entries, err = os.ReadDir(folder)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return names, nil
	}
	if err != nil {
		return nil, Problem{"", words.Quote(folder) + " cannot be read: " + files.Reason(err), ""}
	}
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".toml")
		if !found || strings.HasPrefix(name, ".") || entry.IsDir() {
			continue
		}
		if what, _ := checkID(name); what != "" {
			return nil, Problem{Origin(words.Printable(folder + "/" + entry.Name())), "the name of the file " + what, "rename it"}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// apps returns the apps of which the source says something, by a manifest or a drop-in, sorted.
func (s source) apps() ([]string, error) {
	apps, err := s.names(".")
	if err != nil || s.builtIn {
		return apps, err
	}
	entries, _ := os.ReadDir(s.dir) // that it can be read is known
	for _, entry := range entries {
		id, isDropIns := strings.CutSuffix(entry.Name(), ".d")
		if what, _ := checkID(id); isDropIns && what == "" {
			apps = append(apps, id)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps), nil
}

// check refuses a source that is there and no folder: a link that leads nowhere, into what is not mounted
// just now, is not the same as nothing.
func (s source) check() error {
	for dir := s.dir; !s.builtIn; dir = path.Dir(dir) {
		if _, err := os.Lstat(dir); err != nil && dir != path.Dir(dir) {
			continue
		}
		stat, err := os.Stat(dir)
		if err == nil && !stat.IsDir() {
			err = syscall.ENOTDIR
		}
		if err != nil {
			return Problem{"", words.Quote(dir) + " cannot be read: " + files.Reason(err), ""}
		}
		break
	}
	return nil
}

// text reads a file. It follows symbolic links, because keepers of dot files make them.
func (s source) text(name string) ([]byte, error) {
	if s.builtIn {
		return builtin.ReadFile(s.dir + "/" + name)
	}
	if text, found := s.pending[s.dir+"/"+name]; found {
		return text, nil
	}
	return files.Read(s.dir+"/"+name, maxText)
}
