package main

import (
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
	dir     string   // $XDG_CONFIG_HOME/autostart
	id      string   // of the app
	program string   // snug itself
	command []string // of the app, as its manifest has it
}

// ownLauncher marks a launcher that snug wrote, so that nobody else's is overwritten or removed.
const ownLauncher = "X-Snug-Autostart"

var (
	errOtherProgram  = errors.New("the app asks for another program")
	errOtherLauncher = errors.New("a launcher that snug did not write")
)

func (a *autostart) set(asked portals.Autostart) error {
	path := filepath.Join(a.dir, a.id+".desktop")
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
	argv := append([]string{a.program, "run", "--files-arguments=off", a.id}, words...)
	text := "[Desktop Entry]\nType=Application\nName=" + a.id + "\nExec=" + desktop.FormatExec(argv) + "\n" +
		"# The app asked for this by the portal Background, which its manifest allows.\n" + ownLauncher + "=" + a.id + "\n"
	return replaceFile(path, []byte(text))
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
