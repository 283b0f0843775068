package sandbox

import (
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file compiles the children that change the files of a running sandbox: see type Live. They
// execute nothing, and end when they are done.

// newLive begins such a program: descriptors closed, closed to tracing, in the sandbox's user namespace.
func newLive(st *State, h *Host, src Sources, process *os.File, lent ...*os.File) *compiler {
	s := st.spec(Process{})
	s.Enter.Process = process
	s.Process.Held = lent // so that they are passed on
	c := &compiler{spec: s, host: h, src: src, parents: 0o755, out: &Program{host: h, spec: s, grants: true}}
	c.cells()
	c.dropMemory()
	c.closeFiles()
	c.dieWithParent()
	return c
}

// finish ends the program.
func (c *compiler) finish() (*Program, error) {
	c.note("end", "", "")
	c.say(msgReady)
	c.b.Call(program.Exit, program.Num(0))
	if c.err != nil {
		return nil, c.err
	}
	c.out.prog, c.out.status = c.b.Program(), c.status
	return c.out, nil
}

// joinLive joins namespaces of the sandbox. Nothing in there may trace this process: see enterRunning.
func (c *compiler) joinLive(flags int) {
	c.note(verbEnter, "", c.spec.Process.Origin)
	if flags&unix.CLONE_NEWUSER != 0 {
		c.setDumpable(0)
	}
	c.b.Call(unix.SYS_SETNS, c.file(c.spec.Enter.Process, "pidfd").Value(), program.Num(flags))
	if flags&unix.CLONE_NEWUSER != 0 {
		c.dieWithParent()
	}
}

// compileGrant makes the program that shows something in a running sandbox.
//
// The steps are performed in a root in memory, in a mount namespace that this process has for itself,
// and what stands at the destination is copied whole: so the app sees it from the first moment with
// all its holes and read-only parts. The copies of the host's mounts, locked together since they were
// taken into another user namespace, stay so.
func compileGrant(st *State, g *Grant, h *Host, src Sources, process *os.File) (*Program, error) {
	c := newLive(st, h, src, process)
	c.spec.Root = g.Steps
	c.joinLive(unix.CLONE_NEWUSER)
	c.note("copy the mounts", "", g.Origin)
	c.b.Call(unix.SYS_UNSHARE, program.Num(unix.CLONE_NEWNS))
	c.b.Call(unix.SYS_UMASK, program.Num(0))
	if needsScratch(g.Steps) {
		c.newTmpfs(c.scratch, "0700", 0)
		c.attach(c.scratch, program.AtCwd(), "/")
	}
	c.tmpfsRoot()
	for _, step := range g.Steps {
		step.compile(c)
	}
	tree := c.message(msgTree, true).At(msgRights)
	c.note(verbShow, g.Dest, g.Origin)
	c.b.Call(unix.SYS_OPEN_TREE, c.root.Value(), c.b.String(relative(g.Dest)),
		program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)).To32(tree)
	c.close(c.root)
	c.joinLive(unix.CLONE_NEWNS)
	c.openLiveRoot()
	c.makePlaces(g)
	c.note(verbShow, g.Dest, g.Origin)
	c.openLive(c.root, relative(g.Dest), unix.O_PATH).To(c.at)
	c.attach(tree, c.at.Value(), "")
	c.say(msgTree)
	return c.finish()
}

// openLiveRoot opens the root of the sandbox that was joined: setns(2) has made it this process's.
func (c *compiler) openLiveRoot() {
	c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String("/"), program.Num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), program.Num(0)).To(c.root)
}

// openLive opens a path below a folder of the sandbox and follows no link.
func (c *compiler) openLive(dir program.Cell, path string, flags uint64) *program.Op {
	how := c.b.Words("how", program.Num(flags|unix.O_CLOEXEC), program.Num(0), program.Num(unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS))
	return c.b.Call(unix.SYS_OPENAT2, dir.Value(), c.b.String(path), how.Addr(), program.Num(24)).On(unix.EAGAIN, program.Retry, 1000)
}

// makePlaces makes what is missing on the way, and waits until the parent has taken note of it.
func (c *compiler) makePlaces(g *Grant) {
	if len(g.Places) == 0 {
		return
	}
	at, next := c.at, c.from
	for i, p := range g.Places {
		c.note(verbPlace, p.Path, g.Origin)
		if i == 0 {
			c.openLive(c.root, relative(path.Dir(p.Path)), unix.O_PATH|unix.O_DIRECTORY).To(at)
			if p.Sealed {
				at, next = c.unseal(at, next)
			}
		}
		name := path.Base(p.Path)
		if !p.Folder {
			c.b.Call(unix.SYS_MKNODAT, at.Value(), c.b.String(name), program.Num(unix.S_IFREG|p.Mode), program.Num(0))
			continue
		}
		c.b.Call(unix.SYS_MKDIRAT, at.Value(), c.b.String(name), program.Num(p.Mode))
		if i < len(g.Places)-1 {
			c.openLive(at, name, unix.O_PATH|unix.O_DIRECTORY).To(next)
			c.close(at)
			at, next = next, at
		}
	}
	c.close(at)
	c.ask(msgMade)
}

// unseal takes a folder on a read-only mount and gives the same folder on a mount of this process's
// own that can be written to, in the cell that was free.
//
// That must never be done to a file system of the host, whose mount is read-only for the app's sake:
// only who has rights over the user namespace in which a file system was made may reconfigure it, and
// here nothing is changed by that (fsconfig(2)).
func (c *compiler) unseal(at, free program.Cell) (open, closed program.Cell) {
	const fspickCloexec, fspickEmptyPath = 1, 8
	c.b.Call(unix.SYS_OPEN_TREE, at.Value(), c.empty(), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).To(free)
	c.close(at)
	c.b.Call(unix.SYS_FSPICK, free.Value(), c.empty(), program.Num(fspickCloexec|fspickEmptyPath)).To(at)
	c.b.Call(unix.SYS_FSCONFIG, at.Value(), program.Num(unix.FSCONFIG_CMD_RECONFIGURE), program.Num(0), program.Num(0), program.Num(0)).On(unix.EPERM, program.Skip, 1)
	own := c.b.Jump()
	c.b.Call(program.Report, program.Num(uint64(unix.EROFS)))
	c.b.Land(own)
	c.close(at)
	attr := c.b.Words("attr", program.Num(0), program.Num(unix.MOUNT_ATTR_RDONLY), program.Num(0), program.Num(0))
	c.b.Call(unix.SYS_MOUNT_SETATTR, free.Value(), c.empty(), program.Num(unix.AT_EMPTY_PATH), attr.Addr(), program.Num(32))
	return free, at
}

// compileRevoke makes the program that unmounts a name in a folder, unless dir is nil, and removes
// places.
func compileRevoke(st *State, g *Granted, dir *os.File, name string, h *Host, process *os.File) (*Program, error) {
	var lent []*os.File
	if dir != nil {
		lent = append(lent, dir)
	}
	c := newLive(st, h, nil, process, lent...)
	c.joinLive(unix.CLONE_NEWUSER | unix.CLONE_NEWNS)
	if dir != nil {
		c.note(verbHide, g.Dest, "")
		c.b.Call(unix.SYS_FCHDIR, c.file(dir, "dir").Value())
		// A mount point cannot be renamed by who sees the mount, so the name stays what it is.
		id := c.mountID(program.AtCwd(), name, unix.AT_SYMLINK_NOFOLLOW)
		ours := c.b.TestEqual(id.Value(), ^uint64(0), g.Mount)
		c.b.Call(program.Report, program.Num(uint64(unix.ESTALE)))
		c.b.Land(ours)
		c.b.Call(unix.SYS_UMOUNT2, c.b.String(name), program.Num(unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
	}
	c.openLiveRoot()
	for _, p := range slices.Backward(g.Places) {
		c.removePlace(p)
	}
	return c.finish()
}

// removePlace removes what was made, if it is still there and empty, and nothing else.
func (c *compiler) removePlace(p Place) {
	c.note("remove", p.Path, "")
	var end []program.Label
	// or adds a way out for when the op before has failed.
	or := func(op *program.Op) {
		op.On(0, program.Skip, 1)
		fine := c.b.Jump()
		end = append(end, c.b.Jump())
		c.b.Land(fine)
	}
	name, flags := path.Base(p.Path), 0
	or(c.openLive(c.root, relative(path.Dir(p.Path)), unix.O_PATH|unix.O_DIRECTORY).To(c.at))
	st := c.b.Data("statx", make([]byte, 256))
	or(c.b.Call(unix.SYS_STATX, c.at.Value(), c.b.String(name), program.Num(unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT),
		program.Num(unix.STATX_BASIC_STATS), st.Addr()))
	for _, w := range p.words() {
		same := c.b.TestEqual(st.At(w.at).Value(), w.mask, w.want)
		end = append(end, c.b.Jump())
		c.b.Land(same)
	}
	if p.Folder {
		flags = unix.AT_REMOVEDIR
	}
	at := c.at
	if p.Sealed {
		at, _ = c.unseal(at, c.from)
	}
	c.b.Call(unix.SYS_UNLINKAT, at.Value(), c.b.String(name), program.Num(flags)).On(0, program.Ignore, 0)
	for _, l := range end {
		c.b.Land(l)
	}
}

// words are what struct statx holds of a place that is still what was made (statx(2)): on a
// little-endian machine, as all of ours are.
func (p *Place) words() []statxWord {
	kind := uint64(unix.S_IFREG)
	if p.Folder {
		kind = unix.S_IFDIR
	}
	list := []statxWord{{0x18, 0xffff << 32, (kind | uint64(p.Mode)) << 32}}
	if !p.Folder {
		list = append(list, statxWord{0x28, ^uint64(0), 0}) // its size
	}
	if p.ID != (FileID{}) {
		list = append(list, statxWord{0x20, ^uint64(0), p.ID.Ino},
			statxWord{0x88, ^uint64(0), uint64(unix.Minor(p.ID.Dev))<<32 | uint64(unix.Major(p.ID.Dev))})
	}
	return list
}

// statxWord is a word of struct statx and what it should hold.
type statxWord struct {
	at         int
	mask, want uint64
}
