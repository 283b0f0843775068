package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/cmd/internal/boot"
	"snug/sandbox"
	"snug/systemdimg"
	"snug/systemdimg/store"
	"snug/systemdimg/subid"
)

// This file finds the system that is to be booted: an image, a folder, or this machine's own.

// root finds the system.
func (b *booting) root(word string) error {
	name, _ := b.flags.GetString("name")
	b.exact = name != ""
	ephemeral, _ := b.flags.GetBool("ephemeral")
	s := &b.machine.System
	var layers []string
	switch {
	case word == "/":
		steps, err := systemdimg.Own("/", s.Resolver)
		if err != nil {
			return &hinted{err.Error(), "boot an image: snug image pull debian"}
		}
		s.Root, b.image, ephemeral = steps, "/", true
	case isFolder(word):
		folder, err := b.findFolder(word)
		if err != nil {
			return err
		}
		layers, b.image = []string{folder}, folder
		if err := b.owned(folder); err != nil {
			return err
		}
	default:
		var err error
		if layers, err = b.findImage(word); err != nil {
			return err
		}
	}
	if name == "" {
		name = systemName(word)
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := b.committable(layers, ephemeral); err != nil {
		return err
	}
	b.machine.Name = name
	if s.Hostname, _ = b.flags.GetString("hostname"); s.Hostname == "" {
		s.Hostname = name
	}
	s.UUID = boot.NewID()
	if word == "/" {
		return nil
	}
	if err := looksBootable(word, layers); err != nil {
		return err
	}
	if ephemeral {
		s.Root = systemdimg.Stack(layers, "", "")
	} else if err := b.keep(layers); err != nil {
		return err
	}
	b.cover(layers)
	return nil
}

// cover lays over files of an image what they are to say as long as it runs.
func (b *booting) cover(layers []string) {
	s := &b.machine.System
	if s.Single() {
		s.Root = append(s.Root, systemdimg.SingleUser(layers)...)
	}
	if s.Network == systemdimg.User {
		folders := layers
		if b.changes != nil {
			folders = append([]string{b.changes.Upper()}, layers...)
		}
		s.Root = append(s.Root, systemdimg.ResolverFile(folders, s.Resolver)...)
	}
	if b.flags.Changed("hostname") {
		s.Root = append(s.Root, systemdimg.NamedHost(s.Hostname)...)
	}
}

// findFolder finds a system by its folder.
func (b *booting) findFolder(word string) (string, error) {
	folder, err := filepath.EvalSymlinks(from(b.world.Cwd, word))
	if err != nil {
		return "", &hinted{err.Error(), ""}
	}
	if stat, err := os.Stat(folder); err == nil && !stat.IsDir() {
		return "", &hinted{quote(folder) + " is no folder", "an archive of a system becomes an image: snug image import " + shellWord(word) + " NAME"}
	}
	return folder, nil
}

// owned refuses a folder whose files belong to ids that the system has not: to it they were nobody's, and it would come
// up without its root's rights over them, if it came up.
func (b *booting) owned(folder string) error {
	ranges := b.machine.System.Users.UIDs
	if len(ranges) == 0 {
		ranges = []sandbox.IDRange{{Outside: uint32(os.Getuid()), Count: 1}}
	}
	for _, path := range []string{folder, folder + "/usr", folder + "/etc"} {
		var st unix.Stat_t
		if unix.Lstat(path, &st) != nil || slices.ContainsFunc(ranges, func(r sandbox.IDRange) bool { return st.Uid >= r.Outside && st.Uid-r.Outside < r.Count }) {
			continue
		}
		return &hinted{quote(path) + " belongs to another user, whose files would be nobody's in the system", "make an image of it: sudo tar -C " + shellWord(folder) + " --one-file-system -c . | snug image import - NAME; then snug boot NAME"}
	}
	return nil
}

// findImage finds an image and keeps it from being removed while this snug runs.
func (b *booting) findImage(word string) (layers []string, err error) {
	images, err := store.Open(b.c.storage)
	if err != nil {
		return nil, stored(err)
	}
	img, err := images.Find(word)
	if err != nil {
		return nil, b.noImage(word, err)
	}
	if u := &b.machine.System.Users; !images.IDs().Equal(subid.IDs{UIDs: u.UIDs, GIDs: u.GIDs}) {
		return nil, &hinted{"the files of image " + quote(word) + " belong to other ids than this system would have", "leave out --map single; or give back in /etc/subuid and /etc/subgid what was granted when it was imported"}
	}
	held, err := images.Hold(img)
	if err != nil {
		return nil, stored(err)
	}
	b.machine.Held = held[:1]
	for _, layer := range held[1:] { // an image of a hundred layers has more than a process should be handed
		layer.Close()
	}
	b.image = string(img.ID)
	return images.Folders(img), nil
}

// noImage says of a word that names no image how what it may have meant becomes one.
func (b *booting) noImage(word string, err error) error {
	what := "there is no image " + quote(word)
	stat, e := os.Stat(from(b.world.Cwd, word))
	switch {
	case e == nil && stat.IsDir():
		return &hinted{what + ", but a folder", "snug boot ./" + shellWord(word)}
	case e == nil:
		return &hinted{what + ", but a file", "make an image of it: snug image import " + shellWord(word) + " NAME; then snug boot NAME"}
	}
	if _, bad := store.ParseName(word); errors.Is(err, fs.ErrNotExist) && bad == nil {
		return &hinted{what, "snug image ls lists those that there are; snug image pull " + shellWord(word) + " fetches one"}
	}
	return stored(err)
}

// stored gives an error of the store the voice of the command line.
func stored(err error) error {
	var e *store.Error
	if errors.As(err, &e) {
		return &hinted{e.Error(), e.Hint}
	}
	return err
}

// isFolder reports whether a word names a system by its folder.
func isFolder(word string) bool {
	return strings.HasPrefix(word, "/") || strings.HasPrefix(word, "./") || strings.HasPrefix(word, "../")
}

// systemName is what a system is called if nobody says: as its folder, or as its image, without what tells
// versions apart.
func systemName(word string) string {
	switch {
	case word == "/":
		return "own"
	case isFolder(word):
		if path, err := filepath.EvalSymlinks(word); err == nil { // as of ./
			word, _ = filepath.Abs(path)
		}
		return strings.ToLower(filepath.Base(word))
	}
	word, _, _ = strings.Cut(word, "@")
	word, _, _ = strings.Cut(word[strings.LastIndexByte(word, '/')+1:], ":")
	return word
}

// looksBootable refuses what has no init, before anything is made for it.
func looksBootable(word string, layers []string) error {
	for _, layer := range layers {
		for _, path := range []string{"/sbin/init", "/usr/sbin/init", "/usr/lib/systemd/systemd"} {
			if _, err := os.Lstat(layer + path); err == nil || errors.Is(err, os.ErrPermission) {
				return nil
			}
		}
	}
	return &hinted{quote(word) + " has no /sbin/init", "it is not a system that boots: install systemd-sysv in it, or run a command of it"}
}

// keep takes the folder of the system's changes.
func (b *booting) keep(layers []string) error {
	changes, err := boot.OpenChanges(machines(b.world, b.c.storage), b.machine.Name, b.image)
	var other *boot.OtherImage
	switch {
	case errors.Is(err, boot.ErrRunning):
		return &hinted{"system " + quote(b.machine.Name) + " is running", "another of the image: --name NAME, or --ephemeral; or end it: snug stop " + b.machine.Name}
	case errors.As(err, &other):
		was := imageWord(other.Image, imageNames(b.c.storage)[other.Image])
		return &hinted{"system " + quote(b.machine.Name) + " has changed another image, " + quote(was), "choose another --name; or throw away what it has changed: snug data rm " + shellWord(b.machine.Name)}
	case err != nil:
		return err
	}
	b.changes, b.machine.Changes, b.machine.Held = changes, changes, append(b.machine.Held, changes.Lock())
	if p := changes.Pending(); p != nil {
		failed := notMade(p, changes.Upper(), b.image)
		b.c.say("when system "+quote(b.machine.Name)+" ended last, "+failed.what, failed.hint)
	}
	if err := store.Fits(machines(b.world, b.c.storage)); err != nil {
		return errors.Join(stored(err), changes.Discard(systemUsers()), changes.Close())
	}
	s := &b.machine.System
	s.UUID, s.Root = changes.UUID, systemdimg.Stack(layers, changes.Upper(), changes.Work())
	return nil
}
