package compose

import (
	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// Addition is a file or folder for a sandbox that runs, made concrete.
type Addition struct {
	Source  string // outside, without links
	Dest    string // inside: the path by which it was named
	IsFile  bool
	Steps   []sandbox.Step // what makes it, as in sandbox.Grant
	Folders []Folder       // must exist before: see Folder.Make
	Danger  manifests.Danger
	// Warnings are what was found odd and makes the grant poorer, not weaker.
	Warnings manifests.Problems
}

// Live makes an addition of one entry of files.read or files.write. It is judged as a manifest's is,
// by the same policy; the same is hidden in it, and the same stays read-only. mayChange are the
// folders outside, without links, that the app may change: it could have planted links there.
//
// The manifest says what is accepted; an entry that a person typed needs no code, see
// manifests.Manifest.Permit. An error is of type manifests.Problems.
func Live(m *manifests.Manifest, w *World, write bool, asks manifests.Text, mayChange []string) (*Addition, error) {
	c := &composer{m: m, w: w, out: &Sandbox{}, folders: map[string]File{}, live: true}
	c.home, c.runtime = homeOf(w), "/run/user/"+number(w.Host.UID)
	g := &grant{key: "files.read", asks: asks, write: write}
	if write {
		g.key = "files.write"
	}
	c.addition(g, mayChange)
	if err := c.problems.Err(); err != nil {
		return nil, err
	}
	return &Addition{Source: g.source.path, Dest: g.dest, IsFile: !g.source.file.is(unix.S_IFDIR), Steps: c.ordered(),
		Folders: c.out.Folders, Danger: g.danger, Warnings: c.out.Warnings}, nil
}

// addition judges a grant and adds its steps.
func (c *composer) addition(g *grant, mayChange []string) {
	outside, dest, ok := c.expand(g.key, g.asks, splitEntry(g.asks.Value))
	if !ok {
		if c.problems == nil {
			c.refuse(g.key, g.asks, "stands for nothing on this machine", "")
		}
		return
	}
	var err error
	g.dest = clean(dest)
	if g.source, err = c.resolve(outside); err != nil {
		c.refuse(g.key, g.asks, "cannot be looked at: "+files.Reason(err), "")
		return
	}
	if g.source.rest != "" {
		c.refuse(g.key, g.asks, "there is no such file or folder", "")
		return
	}
	for _, link := range g.source.links {
		for _, folder := range mayChange {
			if inside(link, folder) && link != folder {
				c.refuse(g.key, g.asks, "follows the link "+words.Quote(link)+", which the app may change", "name where it leads: "+g.source.path)
				return
			}
		}
	}
	c.grants = []*grant{g}
	if !c.judge(g) || !c.isPlain(g) {
		return
	}
	if g.source.file.is(unix.S_IFREG) {
		c.bindGrant(g, g.source.path, g.dest, g.write)
		return
	}
	c.mountFolder(g, g.write && c.holdsStarts(g.source.path))
	c.hideForbidden(g)
}

// isPlain refuses what is neither a file nor a folder: devices are refused by the policy already, and
// who sits behind a socket or at the other end of a FIFO is not known.
func (c *composer) isPlain(g *grant) bool {
	switch g.source.file.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		return true
	case unix.S_IFSOCK:
		c.refuse(g.key, g.asks, "is a socket; only files and folders can be granted while the app runs", "")
	default:
		c.refuse(g.key, g.asks, "is a FIFO; only files and folders can be granted while the app runs", "")
	}
	return false
}
