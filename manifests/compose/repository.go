package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
)

// The policy of repositories, in prose.
//
// git runs programs that .git/config and .git/hooks name, outside the sandbox, when the person next
// types git status. So where a folder that may be written to is a work tree, or a repository itself,
// these are read-only inside, and .git, objects and refs are mount points, so that no other can take
// their place, nor the next run find no repository. git add, commit, checkout, branch and fetch need
// nothing of that; git config says that it cannot. Who wants it grants it by name: --write .git/config.
//
//  1. A folder .git is guarded in any state, another folder if it has objects and refs. What is not
//     there and would count is made, empty, as git init makes it: hooks, config; and config.worktree
//     where config asks for it. What cannot be looked at is refused.
//  2. What git's own files say of where the rest is, is followed within the granted folder: a file
//     .git, linked work trees, submodules at any depth and the files .git in their work trees.
//     These files are read-only too. What is outside the grant is outside the app's reach.
//  3. All of that may be an app's, of its last run: so it is bounded, it is refused beyond that, and
//     nothing it says opens what the policy or a narrower grant keeps shut.
//
// This stops accidents, and what was not made for it. It does not stop an app that was, since git
// believes any file that it finds. What mounts cannot close, and is said here:
//
//   - .git/commondir, which a plain repository does not have, sends git to another config. It cannot be
//     covered without being made, and git ends with an error at a folder, an empty file or a dangling
//     link of that name; one that says "." it takes, but then ignores core.worktree and core.bare.
//   - HEAD must be replaceable, since git replaces it. Where it is away git takes the top folder for a
//     bare repository, if HEAD, objects and refs are there, and reads the config beside them.
//   - The lists of a rebase, which git rebase --continue runs programs from.
//   - The index: entries that point into .git, or a submodule that the app makes and enters there,
//     which git status looks into.
//   - A repository deeper in the folder; a new one, in a plain folder or below the top of a work tree of
//     which only a part is granted: git init is what many apps are for.
//   - Files in the tree that tools run: Makefile, .envrc, hooks by core.hooksPath, files that config
//     includes.
//   - git config outside while the app runs: it replaces the file by rename, and the mount goes with the
//     old one.
//
// The first three are looked for again when the app has ended, and named: see traces.go. For code that
// is not trusted there is a clone to work in, or --here=read.

// Bounds of what is guarded for one grant: all of it costs mounts, and an app may have made it. The
// largest known projects have 200 submodules. Depth is that of folders, since their names have slashes.
const (
	maxGuarded = 256
	maxNested  = 8
	maxDeep    = 32 // of what a file of git's leads to, below the granted folder
)

// guard keeps from the app what git outside runs of the repositories in one grant.
type guard struct {
	*composer
	*grant
	seen   map[string]bool // repositories, by their paths
	looked int             // how many folders were
	full   bool            // too much was found, and refused
}

// guardRepository guards what a writable folder holds of git. It may be a bare repository and hold
// .git as well: the app can make either beside the other.
func (c *composer) guardRepository(g *grant) {
	v, top := &guard{composer: c, grant: g}, g.source.path
	if basename(top) == ".git" || v.isRepository(top) {
		v.repository(top, 0)
	}
	v.tree(top, 0)
}

// guardManifest guards the manifest in a writable folder.
func (c *composer) guardManifest(g *grant) {
	if c.cmd.Manifest == "" {
		return
	}
	if real, found := c.exists(c.cmd.Manifest); found && inside(real.path, g.source.path) && real.path != g.source.path {
		(&guard{composer: c, grant: g}).readOnly(real.path)
	}
}

// tree guards what .git in a work tree is: a repository, or a file that says where that is.
func (v *guard) tree(top string, depth int) {
	path := child(top, ".git")
	switch file, err := v.lstat(path); {
	case err == unix.ENOENT:
	case err != nil:
		v.refuseUnseen(path, err)
	case file.is(unix.S_IFREG):
		v.readOnly(path)
		if to, is := strings.CutPrefix(v.text(path), "gitdir:"); is {
			v.led(top, to, depth)
		}
	case file.is(unix.S_IFDIR):
		v.repository(path, depth)
	case file.is(unix.S_IFLNK):
		v.warnLink(path)
	}
}

// led guards the repository that a file of git's leads to.
func (v *guard) led(from, text string, depth int) {
	if path, ok := v.leads(from, text); ok {
		v.repository(path, depth)
	}
}

// isRepository reports whether a folder is a repository (gitrepository-layout(5)), be it one whose
// HEAD is away. It goes by the folders that no app of a guarded repository can move.
func (v *guard) isRepository(folder string) bool {
	for _, name := range [...]string{"objects", "refs"} {
		if _, err := v.lstat(child(folder, name)); err == unix.ENOENT {
			return false
		}
	}
	return true
}

// repository guards one repository, or the part of one that a linked work tree has for itself. It need
// not be whole: what an app moved away in one run it could put back in the next.
func (v *guard) repository(path string, depth int) {
	at := v.at(path)
	if v.seen[path] || v.isNarrowed(path, at) || !v.counts(path) {
		return
	}
	if v.seen == nil {
		v.seen = map[string]bool{}
	}
	v.seen[path] = true
	v.out.repositories = append(v.out.repositories, path)
	_, err := v.lstat(child(path, "HEAD"))
	if err != nil && err != unix.ENOENT {
		v.refuseUnseen(path, err)
		return
	}
	if at != v.dest && !v.has(at) && !v.holdsStarts(path) {
		v.pinPath(path, at)
		v.bindGrant(v.grant, path, at, true)
	}
	s := v.readSettings(path)
	if err == nil && v.isRepository(path) {
		v.complete(path, s)
		v.tell(groupFiles, "change the repository "+words.Quote(path)+v.guarded(at), v.asks.Origin)
	}
	for _, name := range [...]string{"config", "config.worktree", "hooks", "commondir", "gitdir"} {
		v.readOnly(child(path, name))
	}
	for _, name := range [...]string{"objects", "refs"} {
		v.keep(child(path, name))
	}
	v.follow(path, s, depth)
}

// follow guards what belongs to a repository and lies elsewhere, as far as the app may change it.
func (v *guard) follow(path string, s settings, depth int) {
	if text := v.text(child(path, "commondir")); text != "" && v.isRepository(path) {
		v.warn(v.key, v.asks, words.Quote(child(path, "commondir"))+" sends git to the config and hooks of another repository, and git makes it only in linked work trees",
			"look at it before you use git there, and remove it")
	} else {
		v.led(path, text, depth)
	}
	for _, text := range [...]string{s.worktree, strings.TrimSuffix(v.text(child(path, "gitdir")), "/.git")} {
		if top, ok := v.leads(path, text); ok {
			v.tree(top, depth)
		}
	}
	for _, linked := range v.list(child(path, "worktrees")) {
		if own := child(child(path, "worktrees"), linked.Name); linked.is(unix.S_IFDIR) {
			if s.perWorktree && !v.isNarrowed(own, v.at(own)) {
				v.lacks(Folder{Base: own, Rel: "config.worktree", File: true})
			}
			v.repository(own, depth)
		}
	}
	v.modules(child(path, "modules"), depth)
}

// modules guards the repositories of submodules, which are named with slashes.
func (v *guard) modules(folder string, depth int) {
	for _, module := range v.list(folder) {
		path := child(folder, module.Name)
		switch {
		case !module.is(unix.S_IFDIR):
		case depth == maxNested:
			v.refuseMany(folder)
			return
		case v.isRepository(path):
			v.repository(path, depth+1)
		case v.counts(path):
			v.modules(path, depth+1)
		}
	}
}

// list returns what is in a folder of a repository.
func (v *guard) list(folder string) []File {
	file, err := v.lstat(folder)
	switch {
	case err == unix.ENOENT || v.full:
		return nil
	case err == nil && file.is(unix.S_IFLNK):
		v.warnLink(folder)
		return nil
	case err == nil && !file.is(unix.S_IFDIR):
		return nil
	}
	entries, err := v.w.Files.ReadDir(folder)
	if err != nil {
		v.refuseUnseen(folder, err)
	}
	if len(entries) > maxGuarded { // ReadDir gives up somewhere above it
		v.refuseMany(folder)
		return nil
	}
	return entries
}

// counts counts one more folder, and reports whether it is not one too many.
func (v *guard) counts(folder string) bool {
	if v.looked++; v.looked > maxGuarded {
		v.refuseMany(folder)
	}
	return !v.full
}

// guarded says what of a repository inside stays as it is: what no grant of its own names.
func (v *guard) guarded(at string) string {
	config, hooks := !v.isGranted(child(at, "config")), !v.isGranted(child(at, "hooks"))
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
func (v *guard) complete(path string, s settings) {
	v.lacks(Folder{Base: path, Rel: "hooks"})
	v.lacks(Folder{Base: path, Rel: "config", File: true})
	if s.perWorktree {
		v.lacks(Folder{Base: path, Rel: "config.worktree", File: true})
	}
}

// lacks makes something empty and read-only if it is not there.
func (v *guard) lacks(empty Folder) {
	path, at := empty.Path(), v.at(empty.Path())
	if _, err := v.lstat(path); err == unix.ENOENT && !v.isGranted(at) {
		v.out.Folders = append(v.out.Folders, empty)
		v.bindGrant(v.grant, path, at, false)
	}
}

// keep makes a mount point of a folder by which a repository is known, so that it stays.
func (v *guard) keep(path string) {
	at := v.at(path)
	if file, err := v.lstat(path); err == nil && file.is(unix.S_IFDIR) && !v.has(at) && !v.isGranted(at) {
		v.bindGrant(v.grant, path, at, true)
	}
}

// readOnly makes one file or folder read-only, unless a grant of its own says otherwise.
func (v *guard) readOnly(path string) {
	at := v.at(path)
	file, err := v.lstat(path)
	switch {
	case err == unix.ENOENT, v.isGranted(at), v.has(at):
	case err != nil:
		v.refuseUnseen(path, err)
	case file.is(unix.S_IFLNK):
		v.warnLink(path)
	default:
		v.pinPath(path, at)
		v.bindGrant(v.grant, path, at, false)
	}
}

// at is where the grant shows a path.
func (v *guard) at(path string) string {
	return child(v.dest, relative(path, v.source.path))
}

// isNarrowed reports whether the app cannot change what is at a path anyway: by a narrower grant, or
// because it is never writable. An app may have written the path, so no mount may widen it.
func (v *guard) isNarrowed(path, at string) bool {
	if v.runsOutside(path) {
		return true
	}
	if v.isGranted(at) {
		return !slices.ContainsFunc(v.grants, func(g *grant) bool { return g.dest == at && g.write })
	}
	around := v.around(path, at)
	return around != nil && !around.write
}

// warnLink warns of a link, over which nothing can be mounted.
func (v *guard) warnLink(path string) {
	v.warn(v.key, v.asks, words.Quote(path)+" is a link that the app may replace, and git runs what it leads to outside the sandbox", v.toRead())
}

// refuseUnseen refuses to grant what cannot be guarded: the app has the person's rights, and could
// give itself those that are missing (chmod).
func (v *guard) refuseUnseen(path string, err error) {
	v.refuse(v.key, v.asks, words.Quote(path)+" cannot be looked at ("+files.Reason(err)+"), so nothing would keep the app from git's config and hooks",
		"see to its permissions; or "+v.toRead())
}

// refuseMany refuses, once, to grant a folder with too much to guard.
func (v *guard) refuseMany(folder string) {
	if !v.full {
		v.refuse(v.key, v.asks, words.Quote(folder)+" is too much to guard: git has more than 256 submodules and linked work trees there, or has them too deep; an app may have made them",
			"look into it, and remove what is not yours; or "+v.toRead())
	}
	v.full = true
}

// toRead is the hint that always helps.
func (c *composer) toRead() string {
	if c.live {
		return "grant the folder to be read, without --write"
	}
	return "grant the folder to be read: --here=read or --read"
}
