package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"snug/manifests/desktop"
	"snug/portals"
)

// autostart writes or removes the launcher by which the session starts an app at login. The app has
// asked, so nothing in it is the app's own but words behind the app's id; and those are never files
// that the next start would grant.
type autostart struct {
	dir     string // $XDG_CONFIG_HOME/autostart
	id      string // of the app
	app     string // what snug run is told to start: the id, or the path of a manifest
	title   string // Name and Icon of its desktop file, if it has one
	icon    string
	program string   // snug itself
	command []string // of the app, as its manifest has it
}

// ownLauncher marks a launcher that snug wrote, so that nobody else's is overwritten or removed.
const ownLauncher = "X-Snug-Autostart"

var (
	errOtherProgram  = errors.New("the app asks for another program")
	errOtherLauncher = errors.New("a launcher that snug did not write")
)

// ask does what the app asks for, and tells the person.
func (a *autostart) ask(asked portals.Autostart) error {
	before, _ := os.ReadFile(a.path())
	err := a.set(asked)
	after, _ := os.ReadFile(a.path())
	switch {
	case err != nil:
		os.Stderr.WriteString("snug: " + a.id + " has asked to be started at login, in vain: " + clean(err.Error()) + "\n")
	case bytes.Equal(before, after):
	case asked.On:
		os.Stderr.WriteString("snug: " + a.id + " will be started at login, as it has asked (" + clean(a.path()) + ")\n")
	default:
		os.Stderr.WriteString("snug: " + a.id + " will not be started at login any more, as it has asked\n")
	}
	return err
}

func (a *autostart) path() string { return filepath.Join(a.dir, a.id+".desktop") }

func (a *autostart) set(asked portals.Autostart) error {
	path := a.path()
	if old, err := desktop.Read(path); err == nil {
		if _, own := old.Get(desktop.Entry, ownLauncher); !own {
			return errOtherLauncher
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if !asked.On {
		if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	words := asked.Command
	if len(words) > 0 {
		if len(a.command) == 0 || filepath.Base(words[0]) != filepath.Base(a.command[0]) {
			return errOtherProgram
		}
		words = words[1:]
	}
	for _, word := range words {
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errOtherProgram
		}
	}
	argv := append([]string{a.program, "run", "--autostart", "--files-arguments=off", a.app}, words...)
	text := "[Desktop Entry]\nType=Application\nName=" + oneLine(a.title, a.id) + "\n"
	if a.icon != "" {
		text += "Icon=" + oneLine(a.icon, a.id) + "\n"
	}
	text += "Exec=" + desktop.FormatExec(argv) + "\n" +
		"# The app asked for this by the portal Background, which its manifest allows.\n" + ownLauncher + "=" + a.id + "\n"
	return replaceFile(path, []byte(text))
}

// oneLine is a value of a desktop file that was read from another, or something else if that is odd.
func oneLine(value, otherwise string) string {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return otherwise
	}
	return value
}

// replaceFile writes a file so that it is there whole or not at all.
func replaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".snug-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
