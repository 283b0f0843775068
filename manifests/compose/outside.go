package compose

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests/internal/words"
)

// Git in a granted folder whose repository lies elsewhere says that there is none: in a folder below the
// top of a work tree, in a linked work tree, in a submodule. The person is told where it is. The hint for
// a folder below the top is the whole tree: with the repository alone git takes all else for deleted.

// warnOutside warns of a repository that git will look for and not find.
func (c *composer) warnOutside() {
	if here := c.cmd.Here; here == "" || here == "off" || basename("/"+c.argv[0]) != "git" {
		return
	}
	if len(c.argv) > 1 && (c.argv[1] == "init" || c.argv[1] == "clone") {
		return // they make one
	}
	real, found := c.exists(c.w.Cwd)
	if !found {
		return
	}
	for top := real.path; ; top = dirname(top) {
		if file, err := c.lstat(child(top, ".git")); err == nil {
			c.warnOf(top, real.path, file)
			return
		}
		if top == "/" {
			return
		}
	}
}

// warnOf warns of the repository of the work tree at top, unless it is granted.
func (c *composer) warnOf(top, cwd string, git File) {
	repository, tree := child(top, ".git"), top
	if git.is(unix.S_IFREG) {
		if repository = c.linked(repository); top == cwd {
			tree = repository
		}
	}
	if repository == "" || c.shownBy(repository, repository) != nil {
		return
	}
	hint := ""
	if c.forbiddenIn(tree) == nil && !inside(c.realHome(), tree) && !c.secret(tree) {
		hint = "--write " + words.Quote(tree) + " grants it, but not its config and hooks"
	}
	c.out.Warnings.Add("--here", "git will find no repository: it is "+words.Quote(repository)+", which is not granted", hint)
}

// linked is the repository that a file .git leads to, or "". That of a linked work tree shares all but
// its index with the one two folders above (gitrepository-layout(5)).
func (c *composer) linked(file string) string {
	text, err := c.w.Files.ReadFile(file, 4096)
	if err != nil {
		return ""
	}
	path, found := strings.CutPrefix(strings.TrimRight(string(text), "\n"), "gitdir: ")
	if !found {
		return ""
	}
	if !strings.HasPrefix(path, "/") {
		path = child(dirname(file), path)
	}
	real, found := c.exists(path)
	if !found {
		return ""
	}
	if worktrees := dirname(real.path); basename(worktrees) == "worktrees" {
		return dirname(worktrees)
	}
	return real.path
}
