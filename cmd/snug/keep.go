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
	var all manifests.Problems
	switch {
	case errors.As(err, &all):
		return pasteable(app.ID, changes, all)
	case errors.As(err, &p):
		return pasteable(app.ID, changes, manifests.Problems{p})
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

// pasteable makes the hint of a danger that nobody has accepted the command that does accept it.
func pasteable(app string, changes []manifests.Change, problems manifests.Problems) error {
	for i := range problems {
		if !strings.HasPrefix(problems[i].Hint, "if you mean it, ") {
			continue
		}
		_, rest, _ := strings.Cut(problems[i].Hint, `"`)
		code, _, _ := strings.Cut(rest, `"`)
		hint := "if you mean it: snug grant " + shellWord(app)
		for _, change := range changes {
			hint += " " + shellWord(change.Key+"="+change.Value)
		}
		problems[i].Hint = hint + " " + shellWord("accept="+code) + " --keep"
	}
	return problems
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
