package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"

	"snug/manifests/desktop"
	"snug/manifests/wrap"
	"snug/portals"
)

// maxLogins is how often an app may change in one run whether it is started at login, or ask for what is
// refused: each time writes a file or a line, and no person changes their mind more often.
const maxLogins = 20

var errTooOften = errors.New("it has asked too often")

// errOtherProgram is what an app gets that wants another program to be started for it.
var errOtherProgram = errors.New("it asks for another program than its own")

// startAtLogin does what an app of a plan has asked for, and tells the person. The app gets a launcher
// in which nothing is its own but words behind its id.
func (p *plan) startAtLogin(asked portals.Autostart) error {
	folders := wrapFolders(p.world, p.search)
	if p.logins > maxLogins {
		return errTooOften
	}
	changes, err := p.loginChanges(folders, asked)
	if err != nil || len(changes) > 0 {
		p.logins++
	}
	switch {
	case p.logins > maxLogins:
		err = errTooOften
	case err == nil && len(changes) > 0:
		err = folders.Apply(changes)
	}
	switch {
	case err != nil:
		os.Stderr.WriteString("snug: " + p.app.ID + " has asked to be started at login, in vain: " + line(err.Error()) + "\n")
	case len(changes) == 0:
	case asked.On:
		os.Stderr.WriteString("snug: " + p.app.ID + " will be started at login, as it has asked (" + line(changes[0].Path) + ")\n")
	default:
		os.Stderr.WriteString("snug: " + p.app.ID + " will not be started at login any more, as it has asked\n")
	}
	return err
}

func (p *plan) loginChanges(folders *wrap.Folders, asked portals.Autostart) ([]wrap.Change, error) {
	app := wrap.App{ID: p.app.ID, Word: cmp.Or(p.manifestFile(), p.app.ID)}
	if !asked.On {
		return folders.NotAtLogin(app)
	}
	words := asked.Command
	if len(words) > 0 {
		if len(p.command) == 0 || filepath.Base(words[0]) != filepath.Base(p.command[0]) {
			return nil, errOtherProgram
		}
		words = words[1:]
	}
	title, icon := "", ""
	if file, err := p.search.Lookup(app.ID + ".desktop"); err == nil {
		title, _ = file.Get(desktop.Entry, "Name")
		icon, _ = file.Get(desktop.Entry, "Icon")
	}
	return folders.AtLogin(app, title, icon, words)
}
