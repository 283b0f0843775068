package sandbox

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// Overlayfs in a user namespace needs "userxattr" (Linux 5.11): its marks are user.overlay.*
// attributes, which tmpfs can hold from Linux 6.6 on. From 6.8 on each lower folder is a
// parameter of its own ("lowerdir+"); before, all of them share one string, in which : and \
// are escaped, and fsconfig takes at most 255 bytes of it, mount(2) a page.

func (s *Overlay) compile(c *compiler) {
	if !c.checkDest(verbOverlay, s.Dest, s.Origin) {
		return
	}
	memory := s.Upper == "" && !s.ReadOnly
	for _, source := range append([]string{s.Upper, s.Work}, s.Lower...) {
		if source != "" && !c.checkSource(verbOverlay, source, s.Origin) {
			return
		}
	}
	switch {
	case (s.Upper == "") != (s.Work == "") || s.ReadOnly && s.Upper != "":
		c.fail(verbOverlay+" "+quote(s.Dest)+": an upper and a work folder go together, and not with a read-only overlay", s.Origin, "")
		return
	case len(s.Lower) == 0:
		c.fail(verbOverlay+" "+quote(s.Dest)+": no lower folder", s.Origin, "")
		return
	case s.ReadOnly && len(s.Lower) < 2:
		c.fail(verbOverlay+" "+quote(s.Dest)+": a read-only overlay needs two lower folders", s.Origin, "bind the one folder read-only")
		return
	case memory && !c.host.Has(6, 6):
		c.fail(verbOverlay+" "+quote(s.Dest)+": changes in memory need Linux 6.6", s.Origin, "give it an upper folder on disk")
		return
	}
	upper, work := s.Upper, s.Work
	if memory {
		name := c.scrap()
		upper, work = name+"/upper", name+"/work"
		for _, dir := range []string{name, upper, work} {
			c.b.Call(unix.SYS_MKDIRAT, c.scratch.Value(), c.b.String(dir), program.Num(0o755))
		}
		c.b.Call(unix.SYS_FCHDIR, c.scratch.Value()) // overlayfs takes paths, relative ones too
	}
	if c.host.Has(6, 8) && longest(append([]string{upper, work}, s.Lower...)) < 256 {
		c.overlayByParts(s, upper, work)
	} else {
		c.overlayByString(s, upper, work)
	}
	attr := uint64(unix.MOUNT_ATTR_NODEV)
	if !s.Setuid {
		attr |= unix.MOUNT_ATTR_NOSUID
	}
	if s.ReadOnly {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	c.setAttr(c.tree.Value(), "", attr, unix.MS_PRIVATE, false)
	if s.Upper != "" {
		// Where the upper folder's file system lacks something, as FUSE may, the kernel mounts read-only and says
		// so in its log alone. EACCES is about the folder's mode, which is the caller's affair.
		c.b.Call(unix.SYS_FACCESSAT2, c.tree.Value(), c.b.String(""), program.Num(unix.W_OK), program.Num(unix.AT_EMPTY_PATH)).
			On(unix.EACCES, program.Ignore, 0)
	}
	if memory && c.rooted {
		c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	}
	c.mountTree(c.tree, s.Dest, true, foreign())
}

// overlayByParts leaves the overlay in tree, by the parameters that Linux 6.8 knows.
func (c *compiler) overlayByParts(s *Overlay, upper, work string) {
	c.b.Call(unix.SYS_FSOPEN, c.b.String("overlay"), program.Num(unix.FSOPEN_CLOEXEC)).To(c.from)
	for _, lower := range s.Lower {
		c.fsconfig("lowerdir+", lower)
	}
	if !s.ReadOnly {
		escape := strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace
		c.fsconfig("upperdir", escape(upper))
		c.fsconfig("workdir", escape(work))
	}
	c.fsconfig("userxattr", "")
	c.fsmount(c.tree, 0)
}

// overlayByString leaves the overlay in tree, by way of a mount in scratch: fsconfig would not take
// so long a string.
func (c *compiler) overlayByString(s *Overlay, upper, work string) {
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace
	lower := make([]string, len(s.Lower))
	for i, l := range s.Lower {
		lower[i] = escape(l)
	}
	options := "userxattr,lowerdir=" + strings.Join(lower, ":")
	if !s.ReadOnly {
		options += ",upperdir=" + escape(upper) + ",workdir=" + escape(work)
	}
	if len(options) >= 4096 {
		c.fail(verbOverlay+" "+quote(s.Dest)+": the names of its folders are too long for this kernel", s.Origin,
			"Linux 6.8 takes any number of up to 255 bytes each; else, use shorter paths or fewer layers")
		return
	}
	name := c.scrapFolder()
	c.b.Call(unix.SYS_FCHDIR, c.scratch.Value())
	c.b.Call(unix.SYS_MOUNT, c.b.String("overlay"), c.b.String(name), c.b.String("overlay"), program.Num(0), c.b.String(options))
	c.b.Call(unix.SYS_OPEN_TREE, c.scratch.Value(), c.b.String(name), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).To(c.tree)
	if c.rooted {
		c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	}
}

func longest(list []string) (n int) {
	for _, s := range list {
		n = max(n, len(s))
	}
	return n
}

// scrapFolder makes a folder in scratch.
func (c *compiler) scrapFolder() string {
	name := c.scrap()
	c.b.Call(unix.SYS_MKDIRAT, c.scratch.Value(), c.b.String(name), program.Num(0o755))
	return name
}
