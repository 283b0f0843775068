package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"snug/cmd/internal/instances"
	"snug/manifests"
	"snug/manifests/compose"
	"snug/sandbox"
)

func grantFlags(f *pflag.FlagSet) {
	f.BoolP("write", "w", false, "let the app change it, too")
	f.Bool("keep", false, "also at its next starts: into ID.d/50-local.toml")
	f.Bool("list", false, "what was granted while it runs")
}

func runGrant(c *console, args []string) error {
	f := c.newFlags()
	grantFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	write, _ := f.GetBool("write")
	keep, _ := f.GetBool("keep")
	list, _ := f.GetBool("list")
	switch {
	case list && len(words) == 1 && !write && !keep:
		return c.listGrants(words[0])
	case list:
		return &hinted{"--list takes an instance alone", "snug grant INSTANCE --list"}
	case len(words) < 2:
		return &hinted{"what is to be granted?", "snug grant INSTANCE PATH, or snug grant APP KEY=VALUE --keep"}
	}
	w, kept, err := c.keepWords(words, keep)
	if kept || err != nil {
		return err
	}
	return c.grantPath(w, words[0], words[1], write, keep)
}

// keepWords makes the changes that words behind an app ask for, and reports whether there are any: else it
// is a path that they name.
func (c *console) keepWords(words []string, keep bool) (w *compose.World, kept bool, err error) {
	changes, err := c.readChanges(words, keep)
	if err != nil {
		return nil, false, err
	}
	if w, err = compose.Session(); err != nil || changes == nil {
		return w, false, err
	}
	return w, true, c.keep(w, words[0], changes)
}

// readChanges reads KEY=VALUE words, or returns nil if there is one path.
func (c *console) readChanges(words []string, keep bool) (changes []manifests.Change, err error) {
	for _, word := range words[1:] {
		if change, ok := manifests.ReadChange(word, c.verb.name == "revoke"); ok {
			changes = append(changes, change)
		}
	}
	switch {
	case changes == nil && len(words) > 2:
		return nil, &hinted{"too many words: " + quote(words[2]), "one path at a time"}
	case changes == nil:
		return nil, nil
	case len(changes) < len(words)-1:
		return nil, &hinted{"a path and KEY=VALUE together", "one or the other; a path that looks like KEY=VALUE is written ./KEY=VALUE"}
	case !keep:
		typed := []string{"snug", c.verb.name}
		for _, word := range words {
			typed = append(typed, shellWord(word))
		}
		return nil, &hinted{words[1] + ": only files can be granted and revoked while an app runs", "for its next starts: " + strings.Join(append(typed, "--keep"), " ")}
	}
	return changes, nil
}

// grantPath grants a file or folder to an instance, and with keep to its app; to an app that does not
// run, only that.
func (c *console) grantPath(w *compose.World, name, path string, write, keep bool) error {
	path, err := absolutePath(w, path)
	if err != nil {
		return err
	}
	r, err := findInstance(name)
	switch {
	case err != nil && keep && !isMany(err):
		return c.keep(w, name, []manifests.Change{keptPath(w, path, write)})
	case err != nil:
		return &failure{status: exitNo, err: err}
	case keep && r.App == "":
		return &hinted{"instance " + quote(r.Name) + " runs a command, which has no manifest to keep it in", "leave out --keep, and grant it anew at the next start"}
	}
	if keep { // first, as it may be refused: what is dangerous is not given without a code
		if err := c.keep(w, r.App, []manifests.Change{keptPath(w, path, write)}); err != nil {
			return err
		}
	}
	err = c.grantLive(w, r, path, write, false)
	if err != nil && keep {
		c.say("it is kept for the next starts, but not granted to "+quote(r.Name)+":", "")
	}
	return err
}

// isMany reports whether a word stands for several instances.
func isMany(err error) bool {
	var many *instances.FindError
	return errors.As(err, &many) && many.Many
}

// absolutePath is a path as a person types it, as a manifest takes it.
func absolutePath(w *compose.World, path string) (string, error) {
	switch {
	case path == "":
		return "", &hinted{"the path is an empty word", ""}
	case strings.HasPrefix(path, "~/"):
		path = w.Home + path[1:]
	}
	path = filepath.Clean(from(w.Cwd, path))
	if err := new(manifests.Layer).Set("read", path, typed); err != nil {
		var p manifests.Problem
		errors.As(err, &p)
		return "", &hinted{strings.Replace(p.What, "--read: ", "", 1), p.Hint}
	}
	return path, nil
}

// typed is the Origin of what stands on this command line: as with a flag, who typed it meant it.
const typed manifests.Origin = "--grant"

// untold takes that Origin out of an error: there is only one word that it can be about.
func untold(err error) error {
	var problems manifests.Problems
	var inside *sandbox.Error
	switch {
	case errors.As(err, &problems):
		for i := range problems {
			problems[i].Where = ""
		}
		return problems
	case errors.As(err, &inside):
		return &hinted{inside.What, inside.Hint}
	}
	return err
}

// grantLive shows a file or folder to a running instance. With quiet it says nothing of one that the app
// sees already.
func (c *console) grantLive(w *compose.World, r *instances.Record, path string, write, quiet bool) error {
	l, live, err := openLive(r)
	if err != nil {
		return err
	}
	defer l.Close()
	defer live.Close()
	add, err := compose.Live(&manifests.Manifest{}, w, write, manifests.Text{Value: path, Origin: typed}, changeable(l.Record.Live))
	if err != nil {
		return untold(err)
	}
	sight, err := live.Look(add.Dest, !add.IsFile)
	if err != nil {
		return hasEnded(r, err)
	}
	if visible, err := c.isVisible(l.Record, add, &sight, write, quiet); visible || err != nil {
		return err
	}
	openDotFolders(w, sight.Missing)
	g := &instances.Grant{Source: add.Source, Write: write, Below: sight.Mount, Granted: sandbox.Granted{Dest: add.Dest, Places: sight.Missing}}
	if err := adopt(l.Record, g, &sight); err != nil {
		return err
	}
	if err := show(l, live, g, add); err != nil {
		return untold(hasEnded(r, err))
	}
	c.noteGrant(add, &sight, write)
	return nil
}

// isVisible reports whether the app sees the file already, with the same access, and says so. A
// file of the app's own is not covered.
func (c *console) isVisible(r *instances.Record, add *compose.Addition, sight *sandbox.Sight, write, quiet bool) (bool, error) {
	if sight.Type == 0 {
		return false, nil
	}
	var st unix.Stat_t
	if err := unix.Lstat(add.Source, &st); err != nil {
		return false, &hinted{quote(add.Source) + ": " + err.Error(), ""}
	}
	isFile := sight.Type == sandbox.NotFolder
	switch same := sight.ID == (sandbox.FileID{Dev: uint64(st.Dev), Ino: st.Ino}); {
	case same && (sight.Writable || !write):
		access := ", read-only"
		if sight.Writable {
			access = ", and may change it"
		}
		if !quiet {
			c.say(quote(r.Name)+" sees "+quote(add.Dest)+" already"+access, "")
		}
		return true, nil
	case !same && (isFile != add.IsFile || !sight.Empty):
		return false, somethingElse(r, add.Dest)
	}
	return false, nil
}

// somethingElse refuses to cover what an app has at a path; or what it was granted there, which has its
// own place in the folder.
func somethingElse(r *instances.Record, dest string) error {
	what := "in " + quote(r.Name) + " something else stands at " + quote(dest) + ", which is not covered"
	for _, g := range r.Live.Grants {
		if strings.HasPrefix(g.Dest, dest+"/") {
			return &hinted{what, "first revoke what was granted in it: snug revoke " + r.Name + " " + shellWord(g.Dest)}
		}
	}
	return &hinted{what, "to see what: snug exec " + r.Name + " ls -la " + shellWord(dest)}
}

// openDotFolders lets the app write to folders that are made around a granted folder and begin with a
// dot in the home: programs keep their own things there.
func openDotFolders(w *compose.World, places []sandbox.Place) {
	for i, p := range places[:max(len(places)-1, 0)] {
		if places[len(places)-1].Folder && strings.HasPrefix(p.Path, w.Home+"/.") {
			places[i].Mode = 0o755
		}
	}
}

// noteGrant says what is odd or dangerous of a grant, and what will not work.
func (c *console) noteGrant(add *compose.Addition, sight *sandbox.Sight, write bool) {
	for _, warning := range add.Warnings {
		c.say("warning: "+warning.What, warning.Hint)
	}
	if add.Danger != "" {
		c.say(isDangerous(compose.Entry{Danger: add.Danger}), "")
	}
	if write && add.IsFile && sight.Beside {
		c.say("warning: programs that save by putting a new file in the place of the old one cannot save "+quote(add.Dest)+": its folder inside is the app's own",
			"put it into a folder that the app does not have, and grant that folder with --write")
	}
}

// listGrants prints what was granted to an instance while it runs.
func (c *console) listGrants(name string) error {
	r, err := findInstance(name)
	if err != nil {
		return &failure{status: exitNo, err: err}
	}
	if r.Live == nil || len(r.Live.Grants) == 0 {
		return nil
	}
	l, live, err := openLive(r)
	if err != nil {
		return err
	}
	defer l.Close()
	defer live.Close()
	for i, g := range l.Record.Live.Grants {
		covered := func(later instances.Grant) bool { return later.Dest == g.Dest && later.Mount != 0 }
		if g.Mount == 0 || slices.ContainsFunc(l.Record.Live.Grants[i+1:], covered) {
			continue
		}
		text := "read   "
		if g.Write {
			text = "write  "
		}
		if text += line(g.Dest); g.Source != g.Dest {
			text += "  from " + line(g.Source)
		}
		c.print(text, "\n")
	}
	return nil
}
