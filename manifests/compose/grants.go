package compose

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"snug/manifests"
	"snug/manifests/desktop"
	"snug/manifests/internal/files"
	"snug/manifests/internal/words"
	"snug/sandbox"
)

// grant is a file or folder that the app gets.
type grant struct {
	key    string
	asks   manifests.Text
	dest   string // inside: the path by which it was named
	source target
	write  bool
	danger manifests.Danger // the code that was accepted
	from   desktop.Place    // the argument that it was made for, or the zero Place

	document string // the folder outside by which the document portal shows it, or ""
}

// files makes what is granted by name: the lists of [files], the working directory, arguments.
func (c *composer) files() {
	lists := [...]struct {
		key   string
		list  []manifests.Text
		write bool
	}{{"files.read", c.m.Files.Read, false}, {"files.write", c.m.Files.Write, true}, {"files.create", c.m.Files.Create, true}}
	for _, list := range lists {
		for _, asks := range list.list {
			c.grantEntry(list.key, asks, list.write)
		}
	}
	if here := c.cmd.Here; here != "" && here != "off" {
		c.grantHere(here == "write")
	}
	c.refusePlanted()
	c.warnOutside()
	c.arguments()
	if live := c.m.Files.Live; live.Value {
		c.tell(groupFiles, "get more files while it runs, by snug grant", live.Origin)
	}
	if join := c.m.Instances; join.Value == "join" {
		c.tell(groupFiles, "get more files while it runs, by snug grant and by further starts, which join it", join.Origin)
	}
	var single []*grant
	for _, g := range c.grants {
		if g.dest == c.home {
			c.homeless()
		}
		if c.showGrant(g) {
			single = append(single, g)
		}
	}
	for _, g := range single {
		c.mountFile(g)
	}
	c.holes()
}

// grantEntry makes a grant of an entry of a list.
func (c *composer) grantEntry(key string, asks manifests.Text, write bool) {
	path := splitEntry(asks.Value)
	outside, dest, ok := c.expand(key, asks, path)
	if !ok {
		return
	}
	g := &grant{key: key, asks: asks, dest: dest, write: write}
	var err error
	g.source, err = c.resolve(outside)
	if err != nil {
		c.refuse(key, asks, "cannot be looked at: "+files.Reason(err), "")
		return
	}
	if rest := g.source.rest; rest != "" {
		if key == "files.create" {
			c.create(g)
			return
		}
		if !path.optional {
			c.refuse(key, asks, "there is no such file or folder", "put ? in front if it may be missing, or use "+spelled(asks, "files.create", "--create to make it"))
		}
		return
	}
	if c.judge(g) {
		c.grants = append(c.grants, g)
	}
}

// create makes a grant of a folder that does not exist yet.
func (c *composer) create(g *grant) {
	if strings.Contains(g.source.rest, "..") || !g.source.file.is(unix.S_IFDIR) {
		c.refuse(g.key, g.asks, "cannot be made: a link on the way leads nowhere", "")
		return
	}
	folder := Folder{Base: g.source.path, Rel: g.source.rest}
	g.source.path, g.source.rest, g.source.file = folder.Path(), "", File{Mode: unix.S_IFDIR}
	if c.judge(g) {
		c.out.Folders = append(c.out.Folders, folder)
		c.grants = append(c.grants, g)
	}
}

// grantHere grants the working directory.
func (c *composer) grantHere(write bool) {
	asks := manifests.Text{Value: c.w.Cwd, Origin: "--here"}
	real, found := c.exists(c.w.Cwd)
	if !found || c.w.Cwd == "" {
		c.refuse("--here", asks, "the working directory is gone", "")
		return
	}
	g := &grant{key: "--here", asks: asks, dest: c.w.Cwd, source: real, write: write}
	if c.judge(g) {
		c.grants = append(c.grants, g)
	}
}

// refusePlanted refuses grants whose path follows a link that the app may have made.
func (c *composer) refusePlanted() {
	for _, g := range c.grants {
		if link, planted := c.planted(g); planted {
			c.refuse(g.key, g.asks, "follows the link "+words.Quote(link)+", which the app may change", "name where it leads: "+g.source.path)
		}
	}
}

// planted returns a link on the way to a grant that lies in a folder granted for writing.
func (c *composer) planted(g *grant) (link string, found bool) {
	for _, link := range g.source.links {
		for _, writable := range c.grants {
			if writable.write && inside(link, writable.source.path) && link != writable.source.path {
				return link, true
			}
		}
	}
	return "", false
}

// shownBy returns the grant by whose folder a path without links is visible at its own place, the
// deepest one, or nil.
func (c *composer) shownBy(path, dest string) (best *grant) {
	for _, g := range c.grants {
		if inside(path, g.source.path) && child(g.dest, relative(path, g.source.path)) == dest &&
			(best == nil || len(g.dest) > len(best.dest)) {
			best = g
		}
	}
	return best
}

// showGrant adds the steps of a grant, or reports that it is a single file, which comes when all
// folders are there. Of two for the same place the writable one counts.
func (c *composer) showGrant(g *grant) (single bool) {
	for _, other := range c.grants {
		if other != g && other.dest == g.dest && (other.write && !g.write || other.write == g.write && isBefore(c.grants, other, g)) {
			return false
		}
	}
	text := "read "
	parts := g.write && c.holdsStarts(g.source.path)
	switch {
	case parts:
		text = "read and change what exists in "
	case g.write:
		text = "read and change "
	}
	text += words.Quote(g.source.path)
	if g.dest != g.source.path {
		text += ", as " + words.Quote(g.dest)
	}
	if g.document != "" {
		text += ", by the document portal"
	}
	if parts {
		text += ", but make nothing new directly in it, nor change what of it runs outside the sandbox"
	}
	c.tellDanger(groupFiles, text, g.asks.Origin, g.danger)
	if g.document != "" {
		return false // its folder is shown
	}
	if !g.write && c.inTree(g.source.path) && g.source.path == g.dest && c.around(g.source.path, g.dest) == nil {
		return false // every sandbox has it
	}
	if single = !g.source.file.is(unix.S_IFDIR); !single {
		c.mountFolder(g, parts)
	}
	c.hideForbidden(g)
	return single
}

// hideForbidden covers what a granted folder holds of what is never granted.
func (c *composer) hideForbidden(g *grant) {
	for _, path := range c.hidden(g.source.path) {
		c.covers = append(c.covers, &sandbox.Mask{Dest: child(g.dest, relative(path, g.source.path)), Origin: g.asks.Origin})
		c.tell(groupFiles, "not read "+words.Quote(path), g.asks.Origin)
	}
}

// mountFolder adds the steps of a granted folder, whole or in parts.
func (c *composer) mountFolder(g *grant, parts bool) {
	c.pin(g)
	if parts {
		c.split(g)
	} else {
		c.bindGrant(g, g.source.path, g.dest, g.write)
	}
	if g.write {
		c.guardRepository(g)
		c.guardManifest(g)
	}
}

// mountFile adds the steps of a single file, unless a folder shows it with the same access: a mount
// of its own would only keep the app from replacing it by rename, as editors and git config do.
func (c *composer) mountFile(g *grant) {
	if c.isShown(g) {
		return
	}
	c.pin(g)
	c.bindGrant(g, g.source.path, g.dest, g.write)
}

// isShown reports whether what lies deepest around a grant is a bind that shows the same, with the
// same access.
func (c *composer) isShown(g *grant) bool {
	var deepest placed
	for _, step := range c.steps {
		if inside(g.dest, step.dest) && len(step.dest) >= len(deepest.dest) {
			deepest = step
		}
	}
	bind, ok := deepest.step.(*sandbox.Bind)
	return ok && bind.Writable == g.write && bind.Dest != g.dest && child(bind.Source, relative(g.dest, bind.Dest)) == g.source.path
}

func isBefore(grants []*grant, a, b *grant) bool {
	for _, g := range grants {
		if g == a || g == b {
			return g == a
		}
	}
	return false
}

func (c *composer) bindGrant(g *grant, source, dest string, write bool) {
	c.add(dest, &sandbox.Bind{Source: source, Dest: dest, Writable: write, NoSymlinks: true, Origin: g.asks.Origin})
}

// pin makes mount points of the folders between a grant and the writable one around it. The app
// could rename them else, and the next run would find nothing at the path that it narrows.
func (c *composer) pin(g *grant) { c.pinPath(g.source.path, g.dest) }

func (c *composer) pinPath(path, dest string) {
	around := c.around(path, dest)
	if around == nil || !around.write {
		return // nobody can rename what lies in a read-only one
	}
	for folder := dirname(path); folder != around.source.path; folder = dirname(folder) {
		at := child(around.dest, relative(folder, around.source.path))
		if is, holds := c.startsIn(folder); !is && !holds && !c.has(at) { // else it is read-only
			c.bindGrant(around, folder, at, true)
		}
	}
}

// around returns the deepest granted folder that a path without links lies in and is visible by, or
// nil: it decides whether the app may change what lies there.
func (c *composer) around(path, dest string) (best *grant) {
	for _, g := range c.grants {
		if !g.source.file.is(unix.S_IFDIR) || !inside(path, g.source.path) || path == g.source.path ||
			child(g.dest, relative(path, g.source.path)) != dest {
			continue
		}
		if best == nil || len(g.dest) > len(best.dest) || len(g.dest) == len(best.dest) && g.write {
			best = g
		}
	}
	return best
}

// has reports whether a step has the destination. It looks at each step once: a repository asks for
// as many as it has submodules.
func (c *composer) has(dest string) bool {
	if c.dests == nil {
		c.dests = make(map[string]bool, 2*len(c.steps))
	}
	for ; c.counted < len(c.steps); c.counted++ {
		c.dests[c.steps[c.counted].dest] = true
	}
	return c.dests[dest]
}

// split shows a writable folder that holds names which are never writable: see policy.go, 2.
func (c *composer) split(g *grant) {
	c.add(g.dest, &sandbox.Tmpfs{Dest: g.dest, Origin: g.asks.Origin})
	c.splitFolder(g, g.source.path, g.dest)
	c.covers = append(c.covers, &sandbox.ReadOnly{Dest: g.dest, Origin: g.asks.Origin})
}

func (c *composer) splitFolder(g *grant, source, dest string) {
	for _, entry := range c.entries(g.key, g.asks, source) {
		from, to := child(source, entry.Name), child(dest, entry.Name)
		is, holds := c.startsIn(from)
		switch {
		case c.isHidden(from) || c.isGranted(to):
		case entry.is(unix.S_IFLNK):
			if text, err := c.w.Files.Readlink(from); err == nil {
				c.add(to, &sandbox.Symlink{Dest: to, Target: text, Origin: g.asks.Origin})
			}
		case is:
			c.bindGrant(g, from, to, false)
		case holds && entry.is(unix.S_IFDIR):
			c.add(to, &sandbox.Dir{Dest: to, Origin: g.asks.Origin})
			c.splitFolder(g, from, to)
		default:
			c.bindGrant(g, from, to, true)
		}
	}
}

// isGranted reports whether a grant of its own says what is at a destination, and how.
func (c *composer) isGranted(dest string) bool {
	return slices.ContainsFunc(c.grants, func(g *grant) bool { return g.dest == dest })
}

// isHidden reports whether a path is one that is left out of folders shown one by one.
func (c *composer) isHidden(path string) bool {
	for _, place := range c.policy().always {
		if inside(path, place.path) {
			return true
		}
	}
	return false
}

// holes hides what files.except names, wherever a grant shows it.
func (c *composer) holes() {
	for _, asks := range c.m.Files.Except {
		path := splitEntry(asks.Value)
		outside, _, ok := c.expand("files.except", asks, path)
		if !ok {
			continue
		}
		real, err := c.resolve(outside)
		if err != nil || real.rest != "" {
			if !path.optional {
				c.refuse("files.except", asks, "there is no such file or folder, so nothing can cover it", "put ? in front if it may be missing")
			}
			continue
		}
		c.out.Except = append(c.out.Except, real.path)
		if !c.hole(asks, real.path) {
			c.warn("files.except", asks, "lies in no folder that is granted", "leave it out")
		}
	}
}

// hole hides one path without links and reports whether any grant shows it.
func (c *composer) hole(asks manifests.Text, path string) (shown bool) {
	for _, g := range c.grants {
		if !inside(path, g.source.path) {
			continue
		}
		shown = true
		dest := child(g.dest, relative(path, g.source.path))
		c.pinPath(path, dest)
		_, err := c.w.Files.Lstat(path)
		c.covers = append(c.covers, &sandbox.Mask{Dest: dest, Required: err == nil, Origin: asks.Origin})
		c.tell(groupFiles, "not read "+words.Quote(dest), asks.Origin)
	}
	return shown
}
