package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/files"
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

// guardRepository makes read-only what of a repository runs outside. A granted folder may be a bare
// one and hold .git as well: the app can make either beside the other.
func (c *composer) guardRepository(g *grant) {
	top := g.source.path
	if basename(top) == ".git" || c.isRepository(top) {
		c.guard(g, top)
	}
	c.guardTree(g, top)
}

// guardTree guards what .git in a work tree is: a repository, or a file that says where that is.
func (c *composer) guardTree(g *grant, top string) {
	path := child(top, ".git")
	switch file, err := c.lstat(path); {
	case err == unix.ENOENT:
	case err != nil:
		c.refuseUnseen(g, path, err)
	case file.is(unix.S_IFREG):
		c.guardPath(g, path)
	case file.is(unix.S_IFDIR):
		c.guard(g, path)
	case file.is(unix.S_IFLNK):
		c.warnLink(g, path)
	}
}

// isRepository reports whether a folder is a repository (gitrepository-layout(5)), be it one whose
// HEAD is away. It goes by the folders that no app of a guarded repository can move.
func (c *composer) isRepository(folder string) bool {
	for _, name := range [...]string{"objects", "refs"} {
		if _, err := c.lstat(child(folder, name)); err == unix.ENOENT {
			return false
		}
	}
	return true
}

// guard guards one repository and those of its submodules. It need not be whole: what an app moved
// away in one run it could put back in the next.
func (c *composer) guard(g *grant, repository string) {
	_, err := c.lstat(child(repository, "HEAD"))
	if err != nil && err != unix.ENOENT {
		c.refuseUnseen(g, repository, err)
		return
	}
	at := child(g.dest, relative(repository, g.source.path))
	if at != g.dest && !c.has(at) {
		c.pinPath(repository, at)
		c.bindGrant(g, repository, at, true)
	}
	if err == nil && c.isRepository(repository) {
		c.complete(g, repository, c.readSettings(repository))
		c.tell(groupFiles, "change the repository "+words.Quote(repository)+c.guarded(at), g.asks.Origin)
	}
	for _, name := range [...]string{"config", "config.worktree", "hooks"} {
		c.guardPath(g, child(repository, name))
	}
	for _, name := range [...]string{"objects", "refs"} {
		c.keepFolder(g, child(repository, name))
	}
	folder := child(repository, "modules")
	if file, err := c.lstat(folder); err != nil || !file.is(unix.S_IFDIR) {
		return
	}
	entries, err := c.w.Files.ReadDir(folder)
	if err != nil {
		c.refuseUnseen(g, folder, err)
	}
	for _, module := range entries {
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

// complete makes what a repository lacks, would count, and the app would make. Empty, each means
// nothing to git: hooks and config as git init makes them, config.worktree only where config asks for it.
func (c *composer) complete(g *grant, repository string, s settings) {
	lacks := []Folder{{Base: repository, Rel: "hooks"}, {Base: repository, Rel: "config", File: true}}
	if s.perWorktree {
		lacks = append(lacks, Folder{Base: repository, Rel: "config.worktree", File: true})
	}
	for _, empty := range lacks {
		dest := child(g.dest, relative(empty.Path(), g.source.path))
		if _, err := c.lstat(empty.Path()); err == unix.ENOENT && !c.isGranted(dest) {
			c.out.Folders = append(c.out.Folders, empty)
			c.bindGrant(g, empty.Path(), dest, false)
		}
	}
}

// settings are those of a repository's config that say where else git looks.
type settings struct {
	perWorktree bool // extensions.worktreeConfig: in config.worktree
}

// readSettings reads them line by line, whatever the section: a name too many guards only in vain. A
// config that cannot be read does not count, for git ends there too.
func (c *composer) readSettings(repository string) (s settings) {
	text, _ := c.w.Files.ReadFile(child(repository, "config"), maxText)
	for line := range strings.SplitSeq(string(text), "\n") {
		name, value, hasValue := strings.Cut(line, "=")
		value = strings.Trim(value, "\" \t\r")
		if strings.HasSuffix(strings.ToLower(strings.TrimSpace(name)), "worktreeconfig") {
			s.perWorktree = !hasValue || !noWords.Has(strings.ToLower(value))
		}
	}
	return s
}

// noWords are those that say no in git's config.
const noWords words.Set = "false no off 0"

// keepFolder makes a mount point of a folder by which a repository is known, so that it stays.
func (c *composer) keepFolder(g *grant, path string) {
	dest := child(g.dest, relative(path, g.source.path))
	if file, err := c.lstat(path); err == nil && file.is(unix.S_IFDIR) && !c.has(dest) && !c.isGranted(dest) {
		c.bindGrant(g, path, dest, true)
	}
}

// guardPath makes one file or folder of a grant read-only, unless a grant of its own says otherwise.
func (c *composer) guardPath(g *grant, path string) {
	dest := child(g.dest, relative(path, g.source.path))
	file, err := c.lstat(path)
	switch {
	case err == unix.ENOENT, c.isGranted(dest), c.has(dest):
	case err != nil:
		c.refuseUnseen(g, path, err)
	case file.is(unix.S_IFLNK):
		c.warnLink(g, path)
	default:
		c.pinPath(path, dest)
		c.bindGrant(g, path, dest, false)
	}
}

// warnLink warns of a link, over which nothing can be mounted.
func (c *composer) warnLink(g *grant, path string) {
	c.warn(g.key, g.asks, words.Quote(path)+" is a link that the app may replace, and git runs what it leads to outside the sandbox", toRead)
}

// refuseUnseen refuses to grant what cannot be guarded: the app has the person's rights, and could
// give itself those that are missing (chmod).
func (c *composer) refuseUnseen(g *grant, path string, err error) {
	c.refuse(g.key, g.asks, words.Quote(path)+" cannot be looked at ("+files.Reason(err)+"), so nothing would keep the app from git's config and hooks",
		"see to its permissions; or "+toRead)
}

// toRead is the hint that always helps.
const toRead = "grant the folder to be read: --here=read or --read"
