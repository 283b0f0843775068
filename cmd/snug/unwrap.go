package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/homes"
	"snug/manifests/wrap"
)

func unwrapFlags(f *pflag.FlagSet) {
	f.Bool("all", false, "everything that snug wrap has written")
	f.Bool("dry-run", false, "print what would change, and change nothing")
	f.Bool("purge", false, "also remove the homes that are kept, after asking")
	f.BoolP("yes", "y", false, "with --purge: do not ask")
}

func runUnwrap(c *console, args []string) error {
	f := c.newFlags()
	unwrapFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	all, _ := f.GetBool("all")
	purge, _ := f.GetBool("purge")
	yes, _ := f.GetBool("yes")
	switch {
	case yes && !purge:
		return &hinted{"--yes without --purge: nothing would be asked", ""}
	case all && len(words) > 0:
		return &hinted{"--all and " + quote(words[0]), "one or the other"}
	case !all && len(words) == 0:
		return &hinted{"which app?", "snug unwrap APP, or snug unwrap --all; snug apps lists them"}
	case len(words) > 1:
		return &hinted{"too many words: " + quote(words[1]), "one app at a time, or --all"}
	}
	g, err := c.newWrapping(f)
	if err != nil {
		return err
	}
	written := g.folders.Written()
	if !all {
		if written = g.meant(words[0], written); len(written) == 0 {
			hint := "snug apps lists what is"
			if purge {
				hint = "its home alone: snug data rm " + shellWord(words[0])
			}
			return &failure{status: exitNo, err: &hinted{"nothing of " + quote(words[0]) + " is wrapped", hint}}
		}
	}
	if purge {
		return g.purge(written, yes)
	}
	if err := g.unwrap(written); err != nil {
		return err
	}
	g.tellHomes()
	return nil
}

// purge takes back what was written, and removes the homes of those apps. It asks before it does anything,
// and where something cannot be taken back no home goes.
func (g *wrapping) purge(written []wrap.Written, yes bool) error {
	k, err := g.c.openKept()
	if err != nil {
		return err
	}
	defer k.homes.Close()
	var list []homes.Home
	all := g.folders.Written()
	for _, w := range written {
		if i := slices.IndexFunc(all, func(o wrap.Written) bool { return o.App == w.App && o.ID != "" && !slices.Contains(written, o) }); i >= 0 {
			g.c.say("the home of "+quote(w.App)+" stays: "+line(all[i].ID)+" is wrapped still", "all of it: snug unwrap --purge "+shellWord(w.App))
			continue
		}
		h, err := k.homes.Find(w.App)
		if w.App == "" || errors.Is(err, fs.ErrNotExist) || slices.ContainsFunc(list, func(o homes.Home) bool { return o.ID == w.App }) {
			continue
		}
		if err == nil {
			err = k.checkUnused(h.ID)
		}
		if err != nil {
			return err
		}
		list = append(list, *h)
	}
	if g.dry {
		for _, h := range list {
			g.c.print("remove ", line(k.homes.Path(h.ID)), "\n")
		}
		return g.unwrap(written)
	}
	if len(list) > 0 && !yes {
		if err := g.c.askRemoval(k, list); err != nil {
			return err
		}
	}
	if err := g.unwrap(written); err != nil {
		return err
	}
	for _, h := range list {
		if err := g.c.removeHome(k, h.ID); err != nil {
			return err
		}
	}
	return nil
}

// unwrap takes back all that can be, and then says what cannot.
func (g *wrapping) unwrap(written []wrap.Written) error {
	var refusal error
	for _, w := range written {
		change, err := g.folders.Unwrap(w)
		if err != nil {
			if refusal != nil {
				g.c.complain(refused(refusal))
			}
			refusal = err
			continue
		}
		if g.dry {
			old := change.Path
			change.Path, change.After = w.Then()
			g.c.print(diff(old, change.Before, change.Path, change.After))
			continue
		}
		g.changes = append(g.changes, change)
	}
	if err := g.finish(); err != nil {
		return err
	}
	return refused(refusal)
}

// tellHomes says where the files are that unwrapped apps have kept: outside they do not see them.
func (g *wrapping) tellHomes() {
	var told []string
	for _, change := range g.changes {
		home := g.world.Data + "/snug/home/" + change.App
		if stat, err := os.Stat(home); change.App == "" || slices.Contains(told, home) || err != nil || !stat.IsDir() {
			continue
		}
		told = append(told, home)
		g.c.say("what "+quote(change.App)+" has kept stays in "+quote(home), "")
	}
}

// meant are the files that a word means: all of an app by its id, by the last part of that or by what the
// catalogue makes of the word; or a launcher by its own id, with the service of that name, and with all of
// its app if that has no other launcher.
func (g *wrapping) meant(word string, written []wrap.Written) []wrap.Written {
	if strings.Contains(word, "/") {
		word = g.folders.ID(word)
	}
	word = strings.TrimSuffix(word, ".desktop")
	if list := writtenFor(written, word); len(list) > 0 {
		return list
	}
	var apps []string
	for _, w := range written {
		if strings.EqualFold(w.App[strings.LastIndexByte(w.App, '.')+1:], word) && w.App != "" {
			apps = append(apps, w.App)
		}
	}
	slices.Sort(apps)
	if apps = slices.Compact(apps); len(apps) == 1 {
		return writtenFor(written, apps[0])
	}
	if app, err := g.catalogue.Find(word); err == nil {
		return writtenFor(written, app.ID)
	}
	return nil
}

// writtenFor are the files of an app or a launcher by its id.
func writtenFor(written []wrap.Written, id string) (list []wrap.Written) {
	last := map[string]bool{} // apps of which no launcher would be left
	for _, w := range written {
		if isNamed(w, id) {
			last[w.App] = w.App != ""
		}
	}
	for _, w := range written {
		if w.ID != "" && !isNamed(w, id) {
			last[w.App] = false
		}
	}
	for _, w := range written {
		if isNamed(w, id) || last[w.App] {
			list = append(list, w)
		}
	}
	return list
}

func isNamed(w wrap.Written, id string) bool {
	base := filepath.Base(w.Path)
	return w.App == id || base == id+".desktop" || base == id+".service" || w.ID == id+".desktop"
}
