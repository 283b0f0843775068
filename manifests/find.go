package manifests

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
)

// Find makes an app of a word on the command line: the exact id of a manifest, else the base name
// of a desktop file, else a last part of an id that only one app has. It is a path only if it
// holds "/", and then of a manifest or a desktop file. What is none of these is a Problem:
// Find never falls back to a command.
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
	if app, err := c.findDesktop(word + ".desktop"); app.ID != "" || err != nil {
		return app, err
	}
	for _, ids := range [...]func() []string{c.IDs, c.Desktop.IDs} {
		switch found := lastParts(ids(), word); {
		case len(found) > 1:
			return App{}, ambiguous(word, found)
		case len(found) == 1 && c.has(found[0]):
			return App{ID: found[0], Known: true}, nil
		case len(found) == 1:
			return c.findDesktop(found[0] + ".desktop")
		}
	}
	return App{}, c.unknown(word)
}

// lastParts returns the ids whose last part is word.
func lastParts(ids []string, word string) (found []string) {
	for _, id := range ids {
		if strings.HasSuffix(id, "."+word) {
			found = append(found, id)
		}
	}
	return found
}

// has reports whether some source holds the manifest of an id.
func (c *Catalogue) has(id string) bool {
	for _, source := range c.sources() {
		name := source.dir + "/" + id + ".toml"
		var err error
		if source.builtIn {
			_, err = fs.Stat(builtin, name)
		} else {
			_, err = os.Stat(name)
		}
		if err == nil {
			return true
		}
	}
	return false
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
			return App{}, Problem{Origin(words.Printable(path)), "there is no such file", ""}
		}
		id := layer.ID.Value
		if id == "" {
			id = strings.TrimSuffix(filepath.Base(path), ".toml")
		}
		if what, hint := checkID(id); what != "" {
			return App{}, Problem{Origin(words.Printable(path)), "id: " + words.Quote(id) + " " + what, hint}
		}
		return App{ID: id, File: path, Known: true}, nil
	case ".desktop":
		if _, err := os.Stat(path); err != nil {
			return App{}, Problem{Origin(words.Printable(path)), "cannot be read: " + files.Reason(err), ""}
		}
		return c.desktopApp(filepath.Base(path), path)
	}
	return App{}, Problem{Origin(words.Printable(path)), "is neither a manifest nor a desktop file", "to run a command: snug run -- " + words.Printable(path)}
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

// manifestOf returns the app whose manifest names a desktop file, or the zero App. Parsing every
// manifest would be slow, so only those are parsed whose text holds the name.
func (c *Catalogue) manifestOf(name string) (App, error) {
	var found []string
	seen := map[string]bool{}
	for _, source := range c.sources() {
		ids, err := source.names(".")
		if err != nil {
			return App{}, err
		}
		for _, id := range ids {
			if !seen[id] && source.mentions(id, name) {
				found = append(found, id)
			}
			seen[id] = true
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

// mentions reports whether the manifest of id names a desktop file. One that does not parse names
// none: Load says so when it is asked for.
func (s source) mentions(id, desktopFile string) bool {
	var text []byte
	var err error
	if s.builtIn {
		text, err = builtin.ReadFile(s.dir + "/" + id + ".toml")
	} else {
		text, err = readManifest(s.dir + "/" + id + ".toml")
	}
	if err != nil || !bytes.Contains(text, []byte(desktopFile)) {
		return false
	}
	layer, err := Parse(id, text)
	return err == nil && holds(layer.Desktop, desktopFile)
}

// unknown is the error for a word that is no app, with the nearest names.
func (c *Catalogue) unknown(word string) error {
	known := append(c.IDs(), c.Desktop.IDs()...)
	var names []string
	for _, id := range known {
		last := id[strings.LastIndexByte(id, '.')+1:]
		if nearest(strings.ToLower(word), []string{strings.ToLower(id), strings.ToLower(last)}) != "" {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	var hints []string
	if len(names) > 0 {
		hints = append(hints, "did you mean "+strings.Join(names[:min(len(names), 5)], ", ")+"?")
	}
	if what, _ := checkID(word); what == "" {
		hints = append(hints, "to run a command: snug run -- "+word)
	}
	return Problem{What: "there is no app " + words.Quote(word), Hint: strings.Join(hints, "\n")}
}

// ambiguous is the error for a word that several apps go by.
func ambiguous(word string, ids []string) error {
	return Problem{What: words.Quote(word) + " is more than one app: " + strings.Join(ids, ", "), Hint: "write one of these ids"}
}
