package manifests

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/desktop"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
	"snug/manifests/wrap"
)

// Find makes an app of a word on the command line: the exact id of a manifest, else the base name
// of a desktop file, else what only one app is called (see names.go). It is a path only if it holds
// "/", and then of a manifest or a desktop file. What is none of these is a Problem: Find never
// falls back to a command.
func (c *Catalogue) Find(word string) (App, error) {
	if strings.Contains(word, "/") {
		return c.findPath(word)
	}
	if what, _ := checkID(word); what != "" {
		return App{}, c.unknown(word)
	}
	// The file is only looked at here, not read: Load reads it and reports what is wrong with it.
	if c.has(word) {
		return App{ID: word, Known: true}, nil
	}
	if app, err := c.findDesktop(strings.TrimSuffix(word, ".desktop") + ".desktop"); app.ID != "" || err != nil {
		return app, err
	}
	if app, err := c.findByName(word); app.ID != "" || err != nil {
		return app, err
	}
	return App{}, c.unknown(word)
}

// has reports whether some source holds the manifest of an id.
func (c *Catalogue) has(id string) bool {
	return slices.ContainsFunc(c.sources(), func(s source) bool { return s.holds(id) })
}

func (s source) holds(id string) bool {
	name := s.dir + "/" + id + ".toml"
	var err error
	if s.builtIn {
		_, err = fs.Stat(builtin, name)
	} else {
		_, err = os.Stat(name)
	}
	return err == nil
}

// findPath finds the app of a manifest or a desktop file by its path.
func (c *Catalogue) findPath(path string) (App, error) {
	switch filepath.Ext(path) {
	case ".toml":
		layer, err := c.file(path)
		if err != nil {
			return App{}, err
		}
		if layer == nil {
			return App{}, Problem{"", "there is no file " + words.Quote(path), ""}
		}
		id, where := layer.ID.Value, layer.ID.Origin
		if id == "" {
			id, where = strings.TrimSuffix(filepath.Base(path), ".toml"), Origin(words.Printable(path))
		}
		if what, hint := checkID(id); what != "" {
			return App{}, Problem{where, "id: " + words.Quote(id) + " " + what, hint}
		}
		return App{ID: id, File: path, Known: true}, nil
	case ".desktop":
		if _, err := os.Stat(path); err != nil {
			return App{}, Problem{"", words.Quote(path) + " cannot be read: " + files.Reason(err), ""}
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return App{}, err
		}
		app, err := c.desktopApp(c.Desktop.ID(path), path)
		if err == nil {
			err = c.checkClaim(app)
		}
		return app, err
	}
	return App{}, Problem{"", words.Quote(path) + " is neither a manifest nor a desktop file", "their names end in .toml and .desktop"}
}

// findDesktop finds the app of a desktop file by its id, or the zero App: the manifest that names
// the file, or the file alone if it is installed.
func (c *Catalogue) findDesktop(name string) (App, error) {
	file, err := c.Desktop.Lookup(name)
	switch {
	case err == nil:
		return c.desktopApp(name, file.Path)
	case errors.Is(err, fs.ErrNotExist):
		return c.manifestOf(name)
	}
	return App{}, err
}

// desktopApp is the app of a desktop file at a path.
func (c *Catalogue) desktopApp(name, path string) (App, error) {
	app, err := c.manifestOf(name)
	if err != nil {
		return App{}, err
	}
	app.Desktop = path
	if app.ID == "" {
		app.ID = strings.TrimSuffix(name, ".desktop")
		app.Known = c.has(app.ID)
	}
	if what, hint := checkID(app.ID); what != "" {
		return App{}, Problem{Origin(words.Printable(path)), "id: " + words.Quote(app.ID) + " " + what, hint}
	}
	return app, nil
}

// checkClaim refuses a desktop file that is called as one of an installed app and is none of the app's: by
// its name alone a download would get what that may reach, and its home.
func (c *Catalogue) checkClaim(app App) error {
	file, err := desktop.Read(app.Desktop)
	if err != nil {
		return err
	}
	names := []string{c.Desktop.ID(app.Desktop), app.ID + ".desktop"}
	if layer, err := c.first(app.ID + ".toml"); err == nil && layer != nil {
		for _, name := range layer.Desktop {
			names = append(names, name.Value)
		}
	}
	installed := ""
	for _, name := range names {
		for _, path := range c.Desktop.Locate(name) {
			other, err := desktop.Read(path)
			if err == nil {
				other, err = wrap.Behind(other)
			}
			switch {
			case path == app.Desktop, err == nil && bytes.Equal(other.Bytes(), file.Bytes()):
				return nil
			case err == nil:
				installed = cmp.Or(installed, path)
			}
		}
	}
	if installed == "" {
		return nil
	}
	return Problem{"", words.Quote(app.Desktop) + " is called as the app " + words.Quote(app.ID) + ", whose launcher is " + words.Quote(installed) + ", and is another",
		"rename it, if it is an app of its own; the installed one is " + app.ID}
}

// manifestOf returns the app whose manifest names a desktop file, or the zero App.
func (c *Catalogue) manifestOf(name string) (App, error) {
	layers, err := c.mentioning(name)
	if err != nil {
		return App{}, err
	}
	var found []string
	for id, layer := range layers {
		if holds(layer.Desktop, name) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return App{}, nil
	case 1:
		return App{ID: found[0], Known: true}, nil
	}
	slices.Sort(found)
	return App{}, ambiguous(strings.TrimSuffix(name, ".desktop"), found)
}

// unknown is the error for a word that is no app, with the nearest names.
func (c *Catalogue) unknown(word string) error {
	known := append(c.IDs(), c.Desktop.IDs()...)
	var names []string
	for _, id := range known {
		if Nearest(strings.ToLower(word), []string{strings.ToLower(id), strings.ToLower(lastPart(id))}) != "" {
			names = append(names, words.Printable(id))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var hints []string
	if len(names) > 0 {
		hints = append(hints, "did you mean "+strings.Join(names[:min(len(names), 5)], ", ")+"?")
	}
	if over := c.passedOver(word); over != nil {
		hints = append(hints, "the name of an interpreter names no app that it runs: "+strings.Join(over[:min(len(over), 5)], ", "))
	}
	return Problem{What: "there is no app " + words.Quote(word), Hint: strings.Join(hints, "\n")}
}

// ambiguous is the error for a word that several apps go by.
func ambiguous(word string, ids []string) error {
	return Problem{What: words.Quote(word) + " is more than one app: " + strings.Join(ids, ", "), Hint: "write one of these ids"}
}
