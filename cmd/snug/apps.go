package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/manifests"
	"snug/manifests/desktop"
)

func appsFlags(f *pflag.FlagSet) {
	f.Bool("json", false, "print JSON")
	f.Bool("running", false, "only those that run")
}

// listedApp is an app for machines.
type listedApp struct {
	ID        string         `json:"id"`
	Name      string         `json:"name,omitempty"`     // in the person's language
	Manifest  string         `json:"manifest,omitempty"` // its path, or "builtin"
	Installed bool           `json:"installed"`          // it has a launcher
	Wrapped   bool           `json:"wrapped"`
	Files     []wrappedFiles `json:"files,omitempty"` // what snug wrap wrote
	Running   []string       `json:"running,omitempty"`
}

// wrappedFiles is a file that snug wrap wrote, for machines.
type wrappedFiles struct {
	Path   string `json:"path"`
	Source string `json:"source,omitempty"`
	Stale  bool   `json:"stale,omitempty"`
	Edited bool   `json:"edited,omitempty"`
}

func runApps(c *console, args []string) error {
	f := c.newFlags()
	appsFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	if len(words) > 1 {
		return &hinted{"too many words: " + quote(words[1]), "snug apps [APP]"}
	}
	g, err := c.newWrapping(f)
	if err != nil {
		return err
	}
	list := g.apps()
	if len(words) == 1 {
		if list, err = g.oneApp(list, words[0]); err != nil {
			return err
		}
	}
	if running, _ := f.GetBool("running"); running {
		list = slices.DeleteFunc(list, func(a *listedApp) bool { return len(a.Running) == 0 })
	}
	if asJSON, _ := f.GetBool("json"); asJSON {
		return c.printJSON(list)
	}
	c.printApps(list)
	return nil
}

// apps lists every app that has a manifest or is wrapped, by id.
func (g *wrapping) apps() []*listedApp {
	list := []*listedApp{}
	byID := map[string]*listedApp{}
	get := func(id string) *listedApp {
		if byID[id] == nil {
			byID[id] = &listedApp{ID: id, Manifest: g.catalogue.Whence(id)}
			list = append(list, byID[id])
		}
		return byID[id]
	}
	for _, id := range g.catalogue.IDs() {
		get(id).describe(g)
	}
	for _, w := range g.folders.Written() {
		if w.App == "" {
			continue
		}
		a := get(w.App)
		a.Wrapped = a.Wrapped || w.ID != ""
		a.Files = append(a.Files, wrappedFiles{w.Path, w.Source, w.Stale, w.Edited})
		if file, err := g.catalogue.Desktop.Lookup(w.ID); a.Name == "" && err == nil {
			a.Name, a.Installed = nameOf(file), true
		}
	}
	if dir, err := openInstances(); err == nil {
		running, _ := dir.List()
		for _, r := range running {
			if a := byID[r.App]; a != nil {
				a.Running = append(a.Running, r.Name)
			}
		}
	}
	slices.SortFunc(list, func(a, b *listedApp) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// describe looks for the app's launcher.
func (a *listedApp) describe(g *wrapping) {
	app := manifests.App{ID: a.ID, Known: true}
	ids := []string{a.ID + ".desktop"}
	if m, err := g.merge(app); err == nil {
		ids = launchersOf(m, app)
	}
	for _, id := range ids {
		file, err := g.catalogue.Desktop.Lookup(id)
		if err == nil {
			a.Name, a.Installed = nameOf(file), true
			return
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// oneApp finds the app that a word means in the list.
func (g *wrapping) oneApp(list []*listedApp, word string) ([]*listedApp, error) {
	app, err := g.catalogue.Find(word)
	id := app.ID
	if err != nil {
		id = word
	}
	for _, a := range list {
		if a.ID == id {
			return []*listedApp{a}, nil
		}
	}
	for _, w := range g.meant(word, g.folders.Written()) { // one whose manifest is gone
		return slices.DeleteFunc(list, func(a *listedApp) bool { return a.ID != w.App }), nil
	}
	if err != nil {
		return nil, err
	}
	if app.Desktop == "" {
		return nil, &hinted{"there is no app " + quote(word), ""}
	}
	a := &listedApp{ID: app.ID, Installed: true}
	if file, err := desktop.Read(app.Desktop); err == nil {
		a.Name = nameOf(file)
	}
	return []*listedApp{a}, nil
}

// nameOf is the name of a launcher in the person's language.
func nameOf(file *desktop.File) string {
	name, _ := file.Localized(desktop.Entry, "Name", cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_MESSAGES"), os.Getenv("LANG")))
	return name
}

func (c *console) printApps(list []*listedApp) {
	if len(list) == 0 {
		return
	}
	rows := [][]string{{"ID", "WRAPPED", "MANIFEST", "RUNNING", "NAME"}}
	var outdated []string
	for _, a := range list {
		state := a.state()
		if state == isOutdated {
			outdated = append(outdated, a.ID)
		}
		rows = append(rows, []string{line(a.ID), state, cmp.Or(line(a.Manifest), "-"), cmp.Or(line(strings.Join(a.Running, " ")), "-"), line(a.Name)})
	}
	c.table(rows)
	switch what := "outdated, as the launcher has changed since it was wrapped: " + strings.Join(outdated, ", "); len(outdated) {
	case 0:
	case 1:
		c.say(what, "snug wrap "+shellWord(outdated[0])+" brings it up to date")
	default:
		c.say(what, "snug wrap APP brings each up to date")
	}
}

const isOutdated = "outdated"

// kind is what an app has that has no wrapped launcher, in a word.
func (f *wrappedFiles) kind() string {
	switch dir := filepath.Dir(f.Path); {
	case filepath.Base(dir) == "autostart":
		return "autostart"
	case strings.HasSuffix(dir, "/dbus-1/services"):
		return "service"
	}
	return "cli"
}

// state is whether the app is wrapped, in a word.
func (a *listedApp) state() string {
	edited, stale := false, false
	for _, f := range a.Files {
		edited, stale = edited || f.Edited, stale || f.Stale
	}
	switch {
	case a.Wrapped && edited:
		return "edited"
	case a.Wrapped && stale:
		return isOutdated
	case a.Wrapped:
		return "yes"
	case len(a.Files) > 0:
		return a.Files[0].kind()
	case !a.Installed:
		return "-"
	}
	return "no"
}
