package wrap

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"snug/manifests/desktop"
)

// Written is a file that snug wrote.
type Written struct {
	Path   string
	App    string // the app's id; empty of a person's file that was kept and whose place is empty
	ID     string // of a launcher, such as "org.example.App.desktop"
	Source string // what it stands for; empty of a shim
	Stale  bool   // that has changed since, or is gone
	Edited bool   // the file itself has been changed by somebody else
}

// Written returns all files that snug wrote, launchers first.
func (f *Folders) Written() (list []Written) {
	launchers := filepath.Join(f.Data[0], "applications")
	seen := map[string]bool{} // two links to one folder show a file twice
	for _, name := range desktop.Files(launchers) {
		path := filepath.Join(launchers, name)
		w, ours := written(path, ".desktop")
		if !ours {
			continue
		}
		dir, _ := filepath.EvalSymlinks(filepath.Dir(path))
		if real := filepath.Join(dir, filepath.Base(w.Path)); !seen[real] {
			seen[real] = true
			w.ID = f.ID(w.Path)
			list = append(list, w)
		}
	}
	for _, place := range [...]struct{ dir, suffix string }{
		{filepath.Join(f.Data[0], "dbus-1/services"), ".service"},
		{filepath.Join(f.Config[0], "autostart"), ".desktop"},
		{f.Bin, ""},
	} {
		entries, _ := os.ReadDir(place.dir)
		for _, e := range entries {
			if w, ours := written(filepath.Join(place.dir, e.Name()), place.suffix); ours {
				list = append(list, w)
			}
		}
	}
	return list
}

// written reports whether a file is one that snug wrote, or a person's that was kept and whose place is empty.
func written(path, suffix string) (w Written, ours bool) {
	if place, found := strings.CutSuffix(path, keptSuffix); found && suffix != "" && !exists(place) {
		return Written{Path: place}, true
	}
	if !strings.HasSuffix(path, suffix) {
		return w, false
	}
	limit := int64(maxText)
	if suffix == "" {
		limit = maxShim
	}
	s, ours := readSeal(readPlain(path, limit))
	if !ours {
		return w, false
	}
	w = Written{Path: path, App: s.app, Source: s.source, Edited: s.broken}
	if w.Source != "" {
		source, err := desktop.Read(w.Source)
		w.Stale = err != nil || digest(source.Bytes()) != s.of
	}
	return w, true
}

// Unwrap returns what has to change so that a file that snug wrote is gone, and the person's own is back
// in its place.
func (f *Folders) Unwrap(w Written) (Change, error) {
	c := Change{Path: w.Path, App: w.App, Old: w.Path}
	if w.Edited {
		return c, wasEdited(w.Path)
	}
	text, err := os.ReadFile(w.Path)
	switch {
	case w.App == "" && errors.Is(err, fs.ErrNotExist):
		c.Old = ""
		return c, nil
	case err != nil:
		return c, err
	}
	switch s, is := readSeal(text); {
	case !is || s.app != w.App: // somebody was faster
		return c, &Refusal{w.Path + " is not what snug wrote any more", "snug apps lists what is wrapped"}
	case s.broken:
		return c, wasEdited(w.Path)
	}
	c.Before, c.now, c.state = text, text, ours
	return c, nil
}

// wasEdited refuses to touch what somebody has changed.
func wasEdited(path string) error {
	return &Refusal{path + " was changed since snug wrote it", "to lose those changes, remove it; to keep them, take the lines out of it that begin with X-Snug, and what snug put before the program in its Exec"}
}

// Then is what counts when a file of ours is gone: the path of a launcher and its text, or nothing.
func (w Written) Then() (path string, text []byte) {
	source := w.Source
	if w.App == "" {
		source = w.Path + keptSuffix
	}
	file, err := desktop.Read(source)
	if source == "" || err != nil {
		return "", nil
	}
	return source, file.Bytes()
}
