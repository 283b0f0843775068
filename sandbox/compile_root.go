package sandbox

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file arranges the new root.
//
// The new root is mounted on top of "/" of the new mount namespace. Path lookup starts *below*
// such a mount, so until the pivot the caller's view stays as it is, for sources, and the new
// root is reachable by its descriptor alone, for destinations. No folder of the host is needed
// as a mount point or gets covered. Only a copy of "/" itself would hold what is mounted there, so
// such copies are made first (copyRoots).
//
// The working directory is the new root while it is built. A destination is named relative to it
// where all of its parents are folders that this program itself has just made in a file system
// of its own (type node keeps the account); there are no links there, and nobody else can make
// any. All other destinations may lead through contents that an attacker chose: these are opened
// by openat2 with RESOLVE_IN_ROOT, missing parents one at a time, and used by descriptor only.

func (c *compiler) buildRoot() {
	s := c.spec
	if s.Enter != nil || !s.Mount.New() {
		return
	}
	c.note("prepare the root", "", "")
	c.b.Call(unix.SYS_UMASK, program.Num(0))
	if !s.Users.New() {
		// A namespace of another owner gets its mounts as slaves already; here they would
		// propagate to the host.
		c.b.Call(unix.SYS_MOUNT, program.Num(0), c.b.String("/"), program.Num(0), program.Num(unix.MS_REC|unix.MS_SLAVE), program.Num(0))
	}
	c.copyRoots()
	if needsScratch(s.Root) {
		c.newTmpfs(c.scratch, "0700", 0)
		c.attach(c.scratch, program.AtCwd(), "/")
		c.stacked++
	}
	for i, step := range s.Root {
		if i == 0 && !atRoot(step) {
			c.tmpfsRoot()
		}
		step.compile(c)
	}
	if len(s.Root) == 0 {
		c.tmpfsRoot()
	}
	c.pivot()
}

// copyRoots copies the caller's root for the steps that show it, before anything is mounted on it:
// a later copy would hold that, too, and show it in place of the root.
func (c *compiler) copyRoots() {
	for _, step := range c.spec.Root {
		if s, ok := step.(*Bind); ok && c.src[s.Source] == RootFolder {
			c.note(verbBind, s.Source, s.Origin)
			tree := c.b.NewCell("host")
			if c.early == nil {
				c.early = make(map[*Bind]program.Cell)
			}
			c.early[s] = tree
			c.openSource(s, tree)
		}
	}
}

// pivot makes the new root the root of the mount namespace and takes the old one away, with
// everything that was stacked on it here: pivot_root(".", ".") leaves the stack on top of the new
// root, and each umount2(".") takes the topmost of it (pivot_root(2)). What were left over would
// be the root of whoever enters the namespace, so it is checked that nothing is: ".." of the root
// is the topmost mount on it.
func (c *compiler) pivot() {
	c.note("change to the new root", "", "")
	c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	c.b.Call(unix.SYS_PIVOT_ROOT, c.b.String("."), c.b.String("."))
	for range c.stacked + 1 {
		c.b.Call(unix.SYS_UMOUNT2, c.b.String("."), program.Num(unix.MNT_DETACH))
	}
	c.note("check that the old root is gone", "", "")
	top, ours := c.mountID(program.AtCwd(), "..", 0), c.mountID(c.root.Value(), "", unix.AT_EMPTY_PATH)
	gone := c.b.TestSame(top.Value(), ours.Value())
	c.b.Call(program.Report, program.Num(uint64(unix.EBUSY)))
	c.b.Land(gone)
	c.close(c.root)
	if c.spec.Propagate {
		c.note("let mounts propagate", "/", "")
		c.b.Call(unix.SYS_MOUNT, program.Num(0), c.b.String("/"), program.Num(0), program.Num(unix.MS_REC|unix.MS_SHARED), program.Num(0))
	}
	if needsScratch(c.spec.Root) {
		c.close(c.scratch)
	}
}

// mountID is the place of the id of the mount that a path lies on (statx(2), Linux 5.8).
func (c *compiler) mountID(dir program.Arg, path string, flags int) program.Cell {
	const mountID = 0x90
	st := c.b.Data("statx", make([]byte, 256))
	c.b.Call(unix.SYS_STATX, dir, c.b.String(path), program.Num(flags|unix.AT_NO_AUTOMOUNT), program.Num(unix.STATX_MNT_ID), st.Addr())
	return st.At(mountID)
}

func (c *compiler) tmpfsRoot() { (&Tmpfs{Dest: "/"}).compile(c) }

// newTmpfs leaves in cell a detached file system in memory.
func (c *compiler) newTmpfs(cell program.Cell, mode string, size uint64) {
	c.b.Call(unix.SYS_FSOPEN, c.b.String("tmpfs"), program.Num(unix.FSOPEN_CLOEXEC)).To(c.from)
	c.fsconfig("mode", mode)
	if size > 0 {
		c.fsconfig("size", decimal(size))
	}
	c.fsmount(cell, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
}

// fsconfig sets a parameter of the file-system context in from.
func (c *compiler) fsconfig(key, value string) {
	if value == "" {
		c.b.Call(unix.SYS_FSCONFIG, c.from.Value(), program.Num(unix.FSCONFIG_SET_FLAG), c.b.String(key), program.Num(0), program.Num(0))
		return
	}
	c.b.Call(unix.SYS_FSCONFIG, c.from.Value(), program.Num(unix.FSCONFIG_SET_STRING), c.b.String(key), c.b.String(value), program.Num(0))
}

// fsmount makes a detached mount of the context in from, and closes that.
func (c *compiler) fsmount(cell program.Cell, attr int) {
	c.b.Call(unix.SYS_FSCONFIG, c.from.Value(), program.Num(unix.FSCONFIG_CMD_CREATE), program.Num(0), program.Num(0), program.Num(0))
	c.b.Call(unix.SYS_FSMOUNT, c.from.Value(), program.Num(unix.FSMOUNT_CLOEXEC), program.Num(attr)).To(cell)
	c.close(c.from)
}

// attach mounts a detached tree at a path below a folder, or on the folder itself if path is empty.
func (c *compiler) attach(tree program.Cell, dir program.Arg, path string) {
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH
	if path == "" {
		flags |= unix.MOVE_MOUNT_T_EMPTY_PATH
	}
	c.b.Call(unix.SYS_MOVE_MOUNT, tree.Value(), c.empty(), dir, c.b.String(path), program.Num(flags))
}

// attachRoot makes the detached tree the new root, on top of the one before if there is one.
func (c *compiler) attachRoot(tree program.Cell, made *node) {
	if c.rooted {
		c.stacked++
		c.attach(tree, c.root.Value(), "")
		c.close(c.root)
	} else {
		c.attach(tree, program.AtCwd(), "/")
	}
	c.b.Call(unix.SYS_FCNTL, tree.Value(), program.Num(unix.F_DUPFD_CLOEXEC), program.Num(3)).To(c.root)
	c.close(tree)
	c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	c.rooted, c.made = true, made
}

// within lets steps run with the mount in cell as if it were the new root, closes it, and gives
// the account of what was made in it. It must be an empty file system of our own, attached.
func (c *compiler) within(cell program.Cell, steps func()) *node {
	root, made := c.root, c.made
	c.root, c.made = cell, folder()
	c.b.Call(unix.SYS_FCHDIR, cell.Value())
	steps()
	inside := c.made
	c.root, c.made = root, made
	c.b.Call(unix.SYS_FCHDIR, root.Value())
	c.close(cell)
	return inside
}

// node is what is known of a name in the new root.
type node struct {
	ours     bool // a folder that this program made in a file system of its own
	link     bool // a symbolic link that this program made
	children map[string]*node
}

func folder() *node  { return &node{ours: true} }
func foreign() *node { return &node{} }

func (n *node) add(name string, child *node) *node {
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	n.children[name] = child
	return child
}

// place is an opened or known destination.
type place struct {
	path   string // relative to the new root; empty: by the descriptor in the cell at
	parent *node  // with name, where the account is kept; nil if not known
	name   string
}

// dir and path are the arguments by which a call names the place.
func (c *compiler) dir(p place) program.Arg {
	if p.path == "" {
		return c.at.Value()
	}
	return program.AtCwd()
}

// done closes what open opened and notes what is there now.
func (c *compiler) done(p place, now *node) {
	if p.path == "" {
		c.close(c.at)
	} else if now != nil {
		p.parent.add(p.name, now)
	}
}

// kind is what open makes where nothing is.
type kind uint8

const (
	nothing kind = iota // and then it is an error
	aFolder
	aFile
)

// open finds a destination other than "/" and makes it, with its parents, if it is missing.
func (c *compiler) open(dest string, make kind, mode uint32) place {
	parts := split(dest)
	n := c.made
	for i, part := range parts {
		if !n.ours {
			return c.openForeign(parts, make, mode)
		}
		path := strings.Join(parts[:i+1], "/")
		child, last := n.children[part], i == len(parts)-1
		switch {
		case child == nil && last && make == nothing:
			return c.openForeign(parts, make, mode) // to fail with the kernel's word
		case child == nil && last && make == aFile:
			c.makeFile(program.AtCwd(), path)
			child = n.add(part, foreign())
		case child == nil:
			m := c.parents
			if last {
				m = mode
			}
			c.b.Call(unix.SYS_MKDIRAT, program.AtCwd(), c.b.String(path), program.Num(m))
			child = n.add(part, folder())
		case child.link:
			return c.openForeign(parts, make, mode)
		}
		if last {
			return place{path, n, part}
		}
		n = child
	}
	return place{}
}

func (c *compiler) makeFile(dir program.Arg, name string) *program.Op {
	return c.b.Call(unix.SYS_MKNODAT, dir, c.b.String(name), program.Num(unix.S_IFREG|0o444), program.Num(0))
}

// openForeign opens a destination by descriptor, whatever lies on the way.
func (c *compiler) openForeign(parts []string, make kind, mode uint32) place {
	path := strings.Join(parts, "/")
	if make == nothing {
		c.openIn(path, unix.O_PATH)
		return place{}
	}
	c.openIn(path, unix.O_PATH).On(unix.ENOENT, program.Skip, 1)
	exists := c.b.Jump()
	for i := range parts {
		parent := strings.Join(parts[:i], "/")
		if parent == "" {
			parent = "."
		}
		c.openIn(parent, unix.O_PATH|unix.O_DIRECTORY)
		if last := i == len(parts)-1; last && make == aFile {
			c.makeFile(c.at.Value(), parts[i]).On(unix.EEXIST, program.Ignore, 0)
		} else {
			m := c.parents
			if last {
				m = mode
			}
			c.b.Call(unix.SYS_MKDIRAT, c.at.Value(), c.b.String(parts[i]), program.Num(m)).On(unix.EEXIST, program.Ignore, 0)
		}
		c.close(c.at)
	}
	c.openIn(path, unix.O_PATH)
	c.b.Land(exists)
	return place{}
}

// openIn opens a path inside the new root, where no link leads out of it. An unrelated rename
// anywhere on the machine can make the kernel give up with EAGAIN (openat2(2)).
func (c *compiler) openIn(path string, flags uint64) *program.Op {
	how := c.b.Words("how", program.Num(flags|unix.O_CLOEXEC), program.Num(0), program.Num(unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS))
	return c.b.Call(unix.SYS_OPENAT2, c.root.Value(), c.b.String(path), how.Addr(), program.Num(24)).
		To(c.at).On(unix.EAGAIN, program.Retry, 1000)
}

// split gives the names on the way to a destination, "." and empty ones left out; ".." goes up
// as it would in the new root. check has made sure that it is absolute.
func split(dest string) []string {
	parts := make([]string, 0, 8)
	for part := range strings.SplitSeq(dest, "/") {
		switch part {
		case "", ".":
		case "..":
			parts = parts[:max(len(parts)-1, 0)]
		default:
			parts = append(parts, part)
		}
	}
	return parts
}
