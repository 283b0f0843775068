package main

import (
	"errors"
	"path/filepath"
	"slices"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/terminal"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/systemdimg/subid"
)

// What is kept of booted systems is data as the homes of apps are, under the same verbs.

// machines is the folder in which the changes of systems are kept.
func machines(w *compose.World) string { return filepath.Join(w.Data, "snug/machines") }

// systems are the kept systems that words name, and the words that name none.
func (k *kept) systems(words []string) (list []boot.Kept, rest []string, err error) {
	all, err := boot.List(machines(k.world))
	for _, word := range words {
		if i := slices.IndexFunc(all, func(s boot.Kept) bool { return s.Name == word }); i >= 0 {
			list = append(list, all[i])
		} else {
			rest = append(rest, word)
		}
	}
	return list, rest, err
}

// listed is a system as a row of snug data ls.
func listedSystem(s boot.Kept) homeListed {
	l := homeListed{ID: s.Name, Path: s.Path, Folder: true, Used: s.Used.Unix(), System: s.Image}
	if s.Running {
		l.Running = s.Name
	}
	return l
}

// removeSystems removes what is kept of systems, after asking.
func (c *console) removeSystems(k *kept, list []boot.Kept, yes bool) error {
	if len(list) == 0 {
		return nil
	}
	if !yes {
		if !terminal.Is(0) || !isTerminal(c.err) {
			return &hinted{"without a terminal nobody can be asked", "--yes removes without asking"}
		}
		for _, s := range list {
			c.say("  system "+shown(s.Name)+", which has changed "+line(s.Image), "")
		}
		if !c.confirm("remove for ever what these systems have changed") {
			return &failure{status: exitNo, err: &hinted{"nothing was removed", ""}}
		}
	}
	ids, _ := subid.Own() // without any, all of it is the caller's
	users := sandbox.Users{UIDs: ids.UIDs, GIDs: ids.GIDs}
	for _, s := range list {
		err := boot.Forget(users, s.Path)
		if errors.Is(err, boot.ErrRunning) {
			return &failure{status: exitNo, err: &hinted{"system " + quote(s.Name) + " runs", "snug stop " + shellWord(s.Name)}}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
