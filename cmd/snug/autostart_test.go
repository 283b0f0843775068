package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"snug/manifests/desktop"
	"snug/portals"
)

func TestAutostart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "autostart")
	a := &autostart{dir: dir, id: "org.example.App", app: "org.example.App", title: "The App", program: "/opt/my tools/snug", command: []string{"/usr/bin/app", "--gui"}}
	path := filepath.Join(dir, "org.example.App.desktop")
	exec := func() string {
		file, err := desktop.Read(path)
		if err != nil {
			return err.Error()
		}
		value, _ := file.Get(desktop.Entry, "Exec")
		e, err := desktop.ParseExec(value)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := e.Expand(desktop.Fields{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(commands[0].Argv, "|")
	}
	const plain = "/opt/my tools/snug|run|--autostart|--files-arguments=off|org.example.App"
	for _, tt := range []struct {
		name    string
		command []string
		want    string
		err     error
	}{
		{"as it was started", nil, plain, nil},
		{"words of its own", []string{"app", "--hidden", "/home/ann/.ssh/id", "100%U", "$(x)"}, plain + "|--hidden|/home/ann/.ssh/id|100%U|$(x)", nil},
		{"another program", []string{"sh", "-c", "x"}, "", errOtherProgram},
		{"a line of its own", []string{"app", "a\nExec=sh"}, "", errOtherProgram},
	} {
		os.Remove(path)
		if err := a.set(portals.Autostart{On: true, Command: tt.command}); err != tt.err {
			t.Errorf("%s: %v", tt.name, err)
		}
		if got := exec(); tt.err == nil && got != tt.want {
			t.Errorf("%s: %s", tt.name, got)
		}
		if _, err := os.Stat(path); tt.err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: there is a launcher: %v", tt.name, err)
		}
	}
	if err := a.set(portals.Autostart{On: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.set(portals.Autostart{}); err != nil {
		t.Error(err)
	}
	if err := a.set(portals.Autostart{}); err != nil {
		t.Errorf("off when it is off: %v", err)
	}
	os.WriteFile(path, []byte("[Desktop Entry]\nExec=mine\n"), 0o600)
	for _, on := range []bool{true, false} {
		if err := a.set(portals.Autostart{On: on}); err != errOtherLauncher {
			t.Errorf("a person's own launcher, %v: %v", on, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}
