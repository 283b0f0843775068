package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"snug/manifests/compose"
	"snug/manifests/desktop"
	"snug/manifests/wrap"
)

// wrapFolders are where this session's launchers are.
func wrapFolders(w *compose.World, search desktop.Search) *wrap.Folders {
	folders := &wrap.Folders{Data: search.Data, Config: []string{w.Config}, Bin: w.Home + "/.local/bin", Path: search.Path, Snug: ownProgram()}
	dirs := os.Getenv("XDG_CONFIG_DIRS")
	if dirs == "" {
		dirs = "/etc/xdg"
	}
	for dir := range strings.SplitSeq(dirs, ":") {
		if filepath.IsAbs(dir) {
			folders.Config = append(folders.Config, dir)
		}
	}
	return folders
}

// ownProgram is the path by which launchers start snug: that of PATH if it is this program, since that
// one stays when an update puts the program itself elsewhere.
func ownProgram() string {
	self, err := os.Executable()
	if err != nil {
		return "snug"
	}
	found := lookPath("snug", os.Getenv("PATH"))
	a, errA := os.Stat(self)
	b, errB := os.Stat(found)
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return found
	}
	return self
}

// finish makes the planned changes, or prints them.
func (g *wrapping) finish() error {
	if g.dry {
		for _, change := range g.changes {
			g.c.print(diff(change.Old, change.Before, change.Path, change.After))
		}
		return nil
	}
	if err := g.folders.Apply(g.changes); err != nil {
		return refused(err)
	}
	g.refresh()
	if g.c.verb.name == "unwrap" {
		wrap.Tidy(g.changes)
	}
	return nil
}

// refresh tells the desktop: the cache of which launcher opens what, and the bus. Menus watch the
// folders themselves.
func (g *wrapping) refresh() {
	launchers, services := false, false
	for _, change := range g.changes {
		launchers = launchers || strings.HasPrefix(change.Path, g.folders.Data[0]+"/applications/")
		services = services || strings.HasSuffix(change.Path, ".service")
	}
	if dir := g.folders.Data[0] + "/applications"; launchers {
		if err := runTool("update-desktop-database", "-q", dir); err != nil && !notInstalled(err) {
			g.c.say("warning: update-desktop-database: "+err.Error(), "")
		}
	}
	if services && os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		err := runTool("dbus-send", "--session", "--type=method_call", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.ReloadConfig")
		if err != nil {
			g.c.say("warning: the session bus was not told of the changed service, and may know it from the next login on", "")
		}
	}
}

func notInstalled(err error) bool { _, is := err.(*exec.Error); return is }

// runTool runs a program of the host. What it prints is lost.
func runTool(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, name, args...).Run()
}

// behind is a launcher as it was before snug wrapped it.
func behind(file *desktop.File) (*desktop.File, error) {
	source, err := wrap.Behind(file)
	if err != nil {
		return nil, &hinted{file.Path + " stands for a launcher that is not there: " + err.Error(), "if the app is gone: snug unwrap " + strings.TrimSuffix(filepath.Base(file.Path), ".desktop")}
	}
	return source, nil
}

// launcherCommand is the command of a wrapped launcher: all words behind the app, as the launcher would
// have started them, but for the marks around files. Only what stands between those is a file.
func launcherCommand(words []string, mark string) (compose.Command, error) {
	argv, places := desktop.Unmark(words, mark)
	if len(argv) == 0 {
		return compose.Command{}, &hinted{"--launcher and no command behind the app", "only launchers that snug wrap wrote use it"}
	}
	return compose.Command{Argv: argv, Fixed: len(argv), Files: places}, nil
}
