package main

import (
	"errors"
	"strings"

	"snug/manifests"
	"snug/manifests/compose"
)

// keep makes changes in the person's own drop-in of an app. A word that is no app may be an instance
// of one.
func (c *console) keep(w *compose.World, word string, changes []manifests.Change) error {
	catalogue := c.apps(w)
	app, err := catalogue.Find(word)
	if err != nil {
		r, e := findInstance(word)
		if e != nil || r.App == "" {
			return c.noApp(err, []string{word})
		}
		app = manifests.App{ID: r.App, Known: true}
	}
	path := catalogue.DropIn(app.ID)
	did, err := catalogue.Keep(app, facts(w), changes, func(m *manifests.Manifest) error { return checkFiles(w, m, changes, path) })
	var p manifests.Problem
	switch {
	case errors.As(err, &p):
		return manifests.Problems{p}
	case err != nil:
		return err
	case did:
		return nil
	}
	if changes[0].Remove {
		return &failure{status: exitNo, err: &hinted{quote(path) + " does not say so", "snug explain " + app.ID + " says which line does"}}
	}
	c.say(quote(path)+" says so already", "")
	return nil
}

// checkFiles looks at what is to be kept of files as at a start: of them the words alone do not tell
// whether they are dangerous.
func checkFiles(w *compose.World, m *manifests.Manifest, changes []manifests.Change, path string) error {
	for _, change := range changes {
		if change.Remove || change.Key != "files.read" && change.Key != "files.write" {
			continue
		}
		asks := manifests.Text{Value: change.Value, Origin: manifests.Origin(homePath(w, path))}
		if _, err := compose.Live(m, w, change.Key == "files.write", asks, nil); err != nil {
			return err
		}
	}
	return nil
}

// homePath shortens a path below the home.
func homePath(w *compose.World, path string) string {
	if rest, found := strings.CutPrefix(path, w.Home+"/"); found && w.Home != "" && w.Home != "/" {
		return "~/" + rest
	}
	return path
}
