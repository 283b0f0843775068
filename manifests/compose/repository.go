package compose

import (
	"golang.org/x/sys/unix"

	"snug/manifests/internal/words"
)

// The policy of repositories, in prose.
//
// git runs programs that .git/config and .git/hooks name, outside the sandbox, when the person next
// types git status. So where a folder that may be written to is a work tree, or a repository itself,
// these are read-only inside, and .git is a mount point, so that no other can take its place. git
// add, commit, checkout, branch and fetch need nothing of that; git config says that it cannot. Who
// wants it grants it by name: --write .git/config.
//
// In a linked work tree and in a submodule .git is a file that says where the repository is; it is
// read-only too. Repositories of submodules are looked for one level below .git/modules.
//
// What this does not stop, and is said here: hooks in the tree itself (core.hooksPath); a repository
// deeper in the granted folder; one that the app makes there and enters into the index as a submodule,
// which git status then looks into; .git/commondir, a file that a plain repository does not have and
// that sends git to another config; and git config outside while the app runs, which replaces the file
// by rename, so that the mount goes with the old one. An app that is hostile to git needs a copy of
// the tree.

// guardRepository makes read-only what of a repository runs outside.
func (c *composer) guardRepository(g *grant) {
	top := g.source.path
	switch file, err := c.lstat(child(top, ".git")); {
	case c.isRepository(top):
		c.guard(g, top)
	case err != nil:
	case file.is(unix.S_IFREG):
		c.guardPath(g, child(top, ".git"))
	case file.is(unix.S_IFDIR) && c.isRepository(child(top, ".git")):
		c.guard(g, child(top, ".git"))
	case file.is(unix.S_IFLNK):
		c.warnLink(g, child(top, ".git"))
	}
}

// isRepository reports whether a folder is what git takes for one (gitrepository-layout(5)).
func (c *composer) isRepository(folder string) bool {
	for _, name := range [...]string{"HEAD", "objects", "refs"} {
		if _, err := c.lstat(child(folder, name)); err != nil {
			return false
		}
	}
	return true
}

// guard guards one repository and those of its submodules.
func (c *composer) guard(g *grant, repository string) {
	at := child(g.dest, relative(repository, g.source.path))
	if at != g.dest && !c.has(at) {
		c.bindGrant(g, repository, at, true)
	}
	if _, err := c.lstat(child(repository, "hooks")); err == unix.ENOENT && !c.isGranted(child(at, "hooks")) {
		// The app would make it. An empty one is what git init makes, and means nothing to git.
		c.out.Folders = append(c.out.Folders, Folder{Base: repository, Rel: "hooks"})
		c.bindGrant(g, child(repository, "hooks"), child(at, "hooks"), false)
	}
	for _, name := range [...]string{"config", "config.worktree", "hooks"} {
		c.guardPath(g, child(repository, name))
	}
	c.tell(groupFiles, "change the repository "+words.Quote(repository)+c.guarded(at), g.asks.Origin)
	folder := child(repository, "modules")
	if file, err := c.lstat(folder); err != nil || !file.is(unix.S_IFDIR) {
		return
	}
	for _, module := range c.entries(g.key, g.asks, folder) {
		if path := child(folder, module.Name); module.is(unix.S_IFDIR) && c.isRepository(path) {
			c.guard(g, path)
		}
	}
}

// guarded says what of a repository inside stays as it is: what no grant of its own names.
func (c *composer) guarded(at string) string {
	config, hooks := !c.isGranted(child(at, "config")), !c.isGranted(child(at, "hooks"))
	switch {
	case config && hooks:
		return ", but not its config and hooks, which run outside"
	case config:
		return ", but not its config, which names what runs outside"
	case hooks:
		return ", but not its hooks, which run outside"
	}
	return ", and by its config and hooks what runs outside"
}

// guardPath makes one file or folder of a grant read-only, unless a grant of its own says otherwise.
func (c *composer) guardPath(g *grant, path string) {
	dest := child(g.dest, relative(path, g.source.path))
	file, err := c.lstat(path)
	switch {
	case err != nil || c.isGranted(dest) || c.has(dest):
	case file.is(unix.S_IFLNK):
		c.warnLink(g, path)
	default:
		c.pinPath(path, dest)
		c.bindGrant(g, path, dest, false)
	}
}

// warnLink warns of a link, over which nothing can be mounted.
func (c *composer) warnLink(g *grant, path string) {
	c.warn(g.key, g.asks, words.Quote(path)+" is a link that the app may replace, and git runs what it leads to outside the sandbox", "grant the folder to be read: --here=read or --read")
}
