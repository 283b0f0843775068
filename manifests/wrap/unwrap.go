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
	f.written(filepath.Join(f.Data[0], "applications"), ".desktop", 8, &list)
	for i := range list {
		list[i].ID = f.ID(list[i].Path)
	}
	f.written(filepath.Join(f.Data[0], "dbus-1/services"), ".service", 1, &list)
	f.written(filepath.Join(f.Config[0], "autostart"), ".desktop", 1, &list)
	f.written(f.Bin, "", 1, &list)
	return list
}

func (f *Folders) written(dir, suffix string, depth int, list *[]Written) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() && depth > 1 {
			f.written(path, suffix, depth-1, list)
			continue
		}
		if place, found := strings.CutSuffix(path, keptSuffix); found && suffix != "" && !exists(place) {
			*list = append(*list, Written{Path: place})
			continue
		}
		if !e.Type().IsRegular() || !strings.HasSuffix(path, suffix) {
			continue
		}
		if stat, err := e.Info(); err != nil || suffix == "" && stat.Size() > maxShim || stat.Size() > maxText {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if s, is := readSeal(text); is {
			w := Written{Path: path, App: s.app, Source: s.source, Edited: s.broken}
			if w.Source != "" {
				source, err := desktop.Read(w.Source)
				w.Stale = err != nil || digest(source.Bytes()) != s.of
			}
			*list = append(*list, w)
		}
	}
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
