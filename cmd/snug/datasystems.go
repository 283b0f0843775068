package main

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"snug/cmd/internal/boot"
	"snug/cmd/internal/terminal"
	"snug/manifests/compose"
	"snug/sandbox"
	"snug/systemdimg/store"
	"snug/systemdimg/subid"
)

// What is kept of booted systems is data as the homes of apps are, under the same verbs.

// machines is the folder in which the changes of systems are kept: in the storage of their images, if that is not
// the usual one. Who keeps images elsewhere does so since the home has no room, or is on a file system that no
// overlay can write to.
func machines(w *compose.World, storage string) string {
	if storage != "" {
		return filepath.Join(from(w.Cwd, storage), "machines")
	}
	return filepath.Join(w.Data, "snug/machines")
}

func storageFlag(f *pflag.FlagSet) {
	f.String("storage", "", "of systems, what is kept in `FOLDER` (boot --storage)")
}

// systems are the kept systems that words name, and the words that name none.
func (k *kept) systems(words []string) (list []boot.Kept, rest []string, err error) {
	all, err := boot.List(machines(k.world, k.storage))
	for _, word := range words {
		if i := slices.IndexFunc(all, func(s boot.Kept) bool { return s.Name == word }); i >= 0 {
			list = append(list, all[i])
		} else {
			rest = append(rest, word)
		}
	}
	return list, rest, err
}

// describeSystems are systems as rows of snug data ls.
func (k *kept) describeSystems(list []boot.Kept, measure bool) (rows []homeListed) {
	if len(list) == 0 {
		return nil
	}
	names := imageNames(k.storage)
	for _, s := range list {
		l := homeListed{ID: s.Name, Path: s.Path, Folder: true, Used: s.Used.Unix(), System: s.Image, Image: names[s.Image]}
		if s.Running {
			l.Running = s.Name
		}
		if s.Pending != nil {
			l.NotMade = s.Pending.Image
		}
		if measure {
			if size, err := boot.Size(systemUsers(), s.Path); err == nil {
				l.Size = &size
			}
		}
		rows = append(rows, l)
	}
	return rows
}

// systemUsers are the ids to which the changes of systems belong.
func systemUsers() sandbox.Users {
	ids, _ := subid.Own() // without any, all of it is the caller's
	return sandbox.Users{UIDs: ids.UIDs, GIDs: ids.GIDs}
}

// imageNames are the names of images by their ids, as far as they are known.
func imageNames(storage string) map[string]string {
	images, err := store.Open(storage)
	if err != nil {
		return nil
	}
	names := map[string]string{}
	list, _ := images.List()
	for _, img := range list {
		if len(img.Names) > 0 {
			names[string(img.ID)] = img.Names[0]
		}
	}
	return names
}

// imageWord is what a person calls an image or a folder: by the name it has, else by the beginning of its id.
func imageWord(image, name string) string {
	digest, isImage := strings.CutPrefix(image, "sha256:")
	switch {
	case name != "":
		return name
	case isImage && len(digest) > 12:
		return digest[:12] + ", which has no name any more"
	}
	return image
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
		names := imageNames(k.storage)
		for _, s := range list {
			c.say("  system "+shown(s.Name)+", which has changed "+imageWord(s.Image, names[s.Image]), "")
		}
		if !c.confirm("remove for ever what these systems have changed") {
			return &failure{status: exitNo, err: &hinted{"nothing was removed", ""}}
		}
	}
	for _, s := range list {
		err := boot.Forget(systemUsers(), s.Path)
		if errors.Is(err, boot.ErrRunning) {
			return &failure{status: exitNo, err: &hinted{"system " + quote(s.Name) + " runs", "snug stop " + shellWord(s.Name)}}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
