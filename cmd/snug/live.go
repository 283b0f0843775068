package main

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/manifests/compose"
	"snug/sandbox"
)

// This file connects the two sides of a live grant: the sandbox, and the ledger that says what it has.

// openLive takes the ledger of an instance, and opens its sandbox for changes.
func openLive(r *instances.Record) (*instances.Ledger, *sandbox.Live, error) {
	if r.Live == nil {
		return nil, nil, notLive(r)
	}
	dir, err := openInstances()
	if err != nil {
		return nil, nil, err
	}
	l, err := dir.Ledger(r.Name)
	if err != nil {
		return nil, nil, hasEnded(r, err)
	}
	live, err := l.Record.State.Live("")
	if err != nil {
		l.Close()
		return nil, nil, hasEnded(r, err)
	}
	if err := findMounts(l, live); err != nil {
		l.Close()
		live.Close()
		return nil, nil, err
	}
	return l, live, nil
}

// findMounts completes what a snug that was killed could not write down any more: a grant may have come
// to be all the same, and one may have gone, whose number the kernel gives to the next mount.
func findMounts(l *instances.Ledger, live *sandbox.Live) error {
	mounts, err := live.Mounts()
	if err != nil {
		return err
	}
	for _, g := range slices.Clone(l.Record.Live.Grants) {
		if err := findMount(l, live, mounts, g); err != nil {
			return err
		}
	}
	return nil
}

func findMount(l *instances.Ledger, live *sandbox.Live, mounts map[uint64]bool, g instances.Grant) error {
	if mounts[g.Mount] {
		return nil
	}
	if g.Mount != 0 {
		return takeAway(l, live, g)
	}
	sight, err := live.Look(g.Dest, false)
	if err != nil || sight.Mount == 0 || sight.Mount == g.Below || l.Record.Live.Has(sight.Mount) {
		return nil // nothing of it is there but perhaps its place
	}
	g.Mount = sight.Mount
	return l.Mounted(&g)
}

// takeAway revokes one grant. What was made for it stays if another grant, or another instance of the
// app, needs it.
func takeAway(l *instances.Ledger, live *sandbox.Live, g instances.Grant) error {
	dir, err := openInstances()
	if err != nil {
		return err
	}
	if err := l.Inherit(g); err != nil {
		return err
	}
	granted := sandbox.Granted{Dest: g.Dest, Mount: g.Mount}
	for _, p := range g.Places {
		if dir.Claimed(l.Record.Live.Outside(p.Path), l.Record.Name) == nil {
			granted.Places = append(granted.Places, p)
		}
	}
	if err := live.Revoke(granted); err != nil {
		return err
	}
	return l.Gone(g.Number)
}

// hasEnded says it plainly, if an error comes of that.
func hasEnded(r *instances.Record, err error) error {
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, unix.ESRCH) {
		return &failure{status: exitNo, err: &hinted{"instance " + quote(r.Name) + " has ended", ""}}
	}
	return err
}

// notLive says how an instance comes to take grants.
func notLive(r *instances.Record) error {
	what := "instance " + quote(r.Name) + " was not started so that files can be granted to it"
	if r.App == "" {
		command := "snug run --files-live --"
		for _, word := range r.Command {
			command += " " + shellWord(word)
		}
		return &hinted{what, "start it with --files-live: " + command}
	}
	return &hinted{what, "its manifest needs live = true below [files]: snug grant " + r.App + " files.live=true --keep, and start it again"}
}

// changeable are the folders outside that the app may change, and so plant links in.
func changeable(v *instances.Live) (folders []string) {
	for _, f := range v.Folders {
		folders = append(folders, f.Source)
	}
	for _, g := range v.Grants {
		if g.Write {
			folders = append(folders, g.Source)
		}
	}
	return folders
}

// adopt takes over the empty file or folder that another instance of the app, with which this one
// shares its home, has made for the same path: so the last of them removes it.
func adopt(r *instances.Record, g *instances.Grant, sight *sandbox.Sight) error {
	if sight.Type == 0 {
		return nil
	}
	dir, err := openInstances()
	if err != nil {
		return err
	}
	if p := dir.Claimed(r.Live.Outside(g.Dest), r.Name); p != nil && p.ID == sight.ID {
		g.Places = []sandbox.Place{{Path: g.Dest, Folder: p.Folder, Mode: p.Mode, ID: p.ID}}
	}
	return nil
}

// show makes a grant and keeps the ledger, so that whatever is killed, it is known what to remove.
func show(l *instances.Ledger, live *sandbox.Live, g *instances.Grant, add *compose.Addition) error {
	for _, folder := range add.Folders {
		if _, err := folder.Make(); err != nil {
			return err
		}
	}
	places := g.Places
	if len(places) > 0 && places[0].ID != (sandbox.FileID{}) {
		places = nil // they are there
	}
	if err := l.Begin(g); err != nil {
		return err
	}
	done, err := live.Grant(&sandbox.Grant{Dest: g.Dest, Steps: add.Steps, Places: places,
		Made: func(made []sandbox.Place) error { copy(g.Places, made); return l.Made(g) }})
	if err == nil {
		g.Mount = done.Mount
		return l.Mounted(g)
	}
	if _, e := os.Lstat(l.Record.Live.Outside(g.Dest)); e != nil {
		l.Gone(g.Number) // else who removes the record looks again for what was made outside
	}
	return err
}
