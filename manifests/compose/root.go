package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// ownFolders are the folders at the top of any root that are the sandbox's own.
const ownFolders words.Set = "dev home proc root run sys tmp"

// folderRoot shows the system in a folder read-only, entry by entry: the mount points for what is
// the sandbox's own are then in memory, and nothing is ever made in the folder.
func (c *composer) folderRoot(asks manifests.Text) {
	if !strings.HasPrefix(asks.Value, "/") {
		return // an image, which this version refuses already: see NotYet
	}
	real, err := c.resolve(asks.Value)
	if err != nil || real.rest != "" || !real.file.is(unix.S_IFDIR) {
		c.refuse("system.root", asks, "there is no such folder", "")
		return
	}
	if real.path == "/" {
		c.refuse("system.root", asks, "is the host itself", `write "host"`)
		return
	}
	entries := c.entries("system.root", asks, real.path)
	for _, entry := range entries {
		switch {
		case ownFolders.Has(entry.Name):
		case entry.Name == "etc" && entry.is(unix.S_IFDIR):
			c.showFolder(asks, real.path+"/etc", "/etc", "passwd group hosts hostname machine-id resolv.conf")
		case entry.Name == "var" && entry.is(unix.S_IFDIR):
			c.showFolder(asks, real.path+"/var", "/var", "run tmp lock")
		default:
			c.showEntry(asks, real.path, "/", entry)
		}
	}
	c.ownEtc()
	c.tell(groupSystem, "read the system in "+words.Quote(asks.Value), asks.Origin)
}

// showFolder shows what a folder holds but for some names.
func (c *composer) showFolder(asks manifests.Text, source, dest string, without words.Set) {
	c.add(dest, &sandbox.Dir{Dest: dest, Origin: asks.Origin})
	for _, entry := range c.entries("system.root", asks, source) {
		if !without.Has(entry.Name) {
			c.showEntry(asks, source, dest, entry)
		}
	}
}

// showEntry shows one entry of a folder as it is.
func (c *composer) showEntry(asks manifests.Text, source, dest string, entry File) {
	from, to := child(source, entry.Name), child(dest, entry.Name)
	if !entry.is(unix.S_IFLNK) {
		c.add(to, &sandbox.Bind{Source: from, Dest: to, NoSymlinks: true, Origin: asks.Origin})
		return
	}
	if text, err := c.w.Files.Readlink(from); err == nil {
		c.add(to, &sandbox.Symlink{Dest: to, Target: text, Origin: asks.Origin})
	}
}

// entries lists a folder that is shown entry by entry.
func (c *composer) entries(key string, asks manifests.Text, folder string) []File {
	entries, err := c.w.Files.ReadDir(folder)
	switch {
	case err != nil:
		c.refuse(key, asks, words.Quote(folder)+" cannot be listed: "+files.Reason(err), "")
		return nil
	case len(entries) > maxEntries:
		c.refuse(key, asks, words.Quote(folder)+" has more than 4096 entries, too many to show one by one", "name the folders below it that the app needs")
		return nil
	}
	return entries
}
