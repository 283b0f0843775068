package main

import (
	"errors"
	"slices"

	"github.com/spf13/pflag"

	"snug/cmd/internal/instances"
	"snug/manifests"
	"snug/manifests/compose"
	"snug/sandbox"
)

func revokeFlags(f *pflag.FlagSet) {
	f.Bool("keep", false, "also for its next starts: out of ID.d/50-local.toml")
}

func runRevoke(c *console, args []string) error {
	f := c.newFlags()
	revokeFlags(f)
	words, err := c.parseAll(f, args)
	if err != nil {
		return err
	}
	if len(words) < 2 {
		return &hinted{"what is to be revoked?", "snug grant INSTANCE --list says what was granted; then: snug revoke INSTANCE PATH"}
	}
	keep, _ := f.GetBool("keep")
	w, kept, err := c.keepWords(words, keep)
	if kept || err != nil {
		return err
	}
	return c.revokePath(w, words[0], words[1], keep)
}

// revokePath takes a file or folder from an instance, and with keep from its app.
func (c *console) revokePath(w *compose.World, name, path string, keep bool) error {
	path, err := absolutePath(w, path)
	if err != nil {
		return err
	}
	r, err := findInstance(name)
	switch {
	case err != nil && (!keep || isMany(err)):
		return &failure{status: exitNo, err: err}
	case err != nil:
		return c.keep(w, name, unkeptPath(w, path))
	case keep && r.App == "":
		return &hinted{"instance " + quote(r.Name) + " runs a command, which has no manifest", "leave out --keep"}
	}
	revoked, err := c.revokeLive(r, path)
	switch {
	case err != nil:
		return err
	case keep:
		err = c.keep(w, r.App, unkeptPath(w, path))
		switch {
		case revoked && isStatus(err, exitNo):
			return nil // one of the two was there to be taken
		case err == nil && !revoked:
			c.say("gone for its next starts; "+quote(r.Name)+" has it until it ends", "snug stop "+r.Name)
		}
		return err
	case !revoked:
		return &failure{status: exitNo, err: &hinted{"nothing was granted to " + quote(r.Name) + " at " + quote(path) + " while it runs", "snug grant " + r.Name + " --list"}}
	}
	return nil
}

func isStatus(err error, status int) bool {
	var f *failure
	return errors.As(err, &f) && f.status == status
}

// revokeLive takes from an instance what it was granted at a path, and reports whether that was
// anything.
func (c *console) revokeLive(r *instances.Record, path string) (revoked bool, err error) {
	if r.Live == nil {
		return false, nil
	}
	l, live, err := openLive(r)
	if err != nil {
		return false, err
	}
	defer l.Close()
	defer live.Close()
	grants := grantsAt(l.Record.Live, path)
	for _, g := range slices.Backward(grants) { // the one on top first
		if err := takeAway(l, live, g); err != nil {
			return revoked, hasEnded(r, err)
		}
		revoked = revoked || g.Mount != 0
	}
	if revoked {
		c.noteRevoked(r, live, grants[0].Dest)
	}
	return revoked, nil
}

// grantsAt are the grants at one place: that of the path inside, or of what the path is outside.
func grantsAt(v *instances.Live, path string) (list []instances.Grant) {
	for _, by := range []func(g *instances.Grant) string{
		func(g *instances.Grant) string { return g.Dest },
		func(g *instances.Grant) string { return g.Source },
	} {
		for i := range v.Grants {
			if g := &v.Grants[i]; by(g) == path && (list == nil || list[0].Dest == g.Dest) {
				list = append(list, *g)
			}
		}
		if list != nil {
			break
		}
	}
	return list
}

// noteRevoked says what an app has all the same.
func (c *console) noteRevoked(r *instances.Record, live *sandbox.Live, path string) {
	c.say(quote(path)+" is gone for "+quote(r.Name)+"; what the app has open of it stays open", "")
	if sight, err := live.Look(path, false); err == nil && sight.Type != 0 {
		access := "read-only"
		if sight.Writable {
			access = "and may be changed"
		}
		c.say("what was there before is there again, "+access, "")
	}
}

// keptPath is a path as it is kept in a manifest.
func keptPath(w *compose.World, path string, write bool) manifests.Change {
	key := "files.read"
	if write {
		key = "files.write"
	}
	return manifests.Change{Key: key, Value: homePath(w, path)}
}

// unkeptPath takes a path out of a manifest, however it is spelled there.
func unkeptPath(w *compose.World, path string) (changes []manifests.Change) {
	for _, key := range []string{"files.read", "files.write"} {
		for _, value := range []string{homePath(w, path), path, "?" + homePath(w, path), "?" + path} {
			changes = append(changes, manifests.Change{Key: key, Value: value, Remove: true})
		}
	}
	return changes
}
