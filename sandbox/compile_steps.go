package sandbox

import (
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file compiles each kind of Step.

func (*Tmpfs) sources() []string    { return nil }
func (*Proc) sources() []string     { return nil }
func (*Sysfs) sources() []string    { return nil }
func (*Cgroup2) sources() []string  { return nil }
func (*Devpts) sources() []string   { return nil }
func (*Mqueue) sources() []string   { return nil }
func (*Dev) sources() []string      { return nil }
func (*Overlay) sources() []string  { return nil }
func (*Fuse) sources() []string     { return nil }
func (*Parents) sources() []string  { return nil }
func (*Dir) sources() []string      { return nil }
func (*Data) sources() []string     { return nil }
func (*Symlink) sources() []string  { return nil }
func (*Chmod) sources() []string    { return nil }
func (*ReadOnly) sources() []string { return nil }
func (*Mask) sources() []string     { return nil }
func (s *Bind) sources() []string   { return []string{s.Source} }

// atRoot reports whether a step brings a root of its own.
func atRoot(step Step) bool {
	switch s := step.(type) {
	case *Bind:
		return len(split(s.Dest)) == 0
	case *Tmpfs:
		return len(split(s.Dest)) == 0
	case *Overlay:
		return len(split(s.Dest)) == 0
	case *Fuse:
		return len(split(s.Dest)) == 0
	}
	return false
}

// needsScratch reports whether a step makes something in memory to be bound elsewhere.
func needsScratch(steps []Step) bool {
	for _, step := range steps {
		switch s := step.(type) {
		case *Data:
			if s.Bound {
				return true
			}
		case *Mask:
			return true
		case *Overlay:
			return true // its upper folder, or on older kernels its mount point
		}
	}
	return false
}

// checkDest refuses destinations that name nothing inside.
func (c *compiler) checkDest(verb, dest string, origin Origin) bool {
	switch {
	case !strings.HasPrefix(dest, "/"):
		c.fail(verb+" "+quote(dest)+": not an absolute path", origin, "paths inside the sandbox begin with /")
	case strings.IndexByte(dest, 0) >= 0:
		c.fail(verb+" "+quote(dest)+": a NUL byte in the path", origin, "")
	default:
		c.note(verb, dest, origin)
		return true
	}
	return false
}

// checkSource refuses paths outside that depend on where the child is.
func (c *compiler) checkSource(verb, source string, origin Origin) bool {
	switch {
	case !strings.HasPrefix(source, "/"):
		c.fail(verb+" "+quote(source)+": not an absolute path", origin, "")
	case strings.IndexByte(source, 0) >= 0:
		c.fail(verb+" "+quote(source)+": a NUL byte in the path", origin, "")
	default:
		return true
	}
	return false
}

// checkMode refuses modes that are none.
func (c *compiler) checkMode(verb, dest string, mode uint32, origin Origin) bool {
	if mode > 0o7777 && mode != NoAccess {
		c.fail(verb+" "+quote(dest)+": "+octal(mode)+" is not a mode", origin, "")
	}
	return mode <= 0o7777 || mode == NoAccess
}

// isRoot refuses "/" where only something below it makes sense.
func (c *compiler) isRoot(dest string, origin Origin) bool {
	if len(split(dest)) > 0 {
		return false
	}
	c.fail("destination "+quote(dest)+": only a bind, an overlay or a tmpfs can be the root", origin, "name a path below /")
	return true
}

func (s *Bind) compile(c *compiler) {
	if !c.checkDest(verbBind, s.Dest, s.Origin) || !c.checkSource(verbBind, s.Source, s.Origin) {
		return
	}
	kind, ok := c.src[s.Source]
	if !ok {
		c.err = &Error{What: verbBind + " " + quote(s.Source) + ": " + unix.ENOENT.Error(), Origin: s.Origin,
			Hint: "it does not exist or cannot be reached", Err: unix.ENOENT}
		return
	}
	c.note(verbBind, s.Source, s.Origin)
	tree, early := c.early[s]
	if !early {
		tree = c.tree
		c.openSource(s, tree)
	}
	attr := uint64(0)
	if !s.Writable {
		attr |= unix.MOUNT_ATTR_RDONLY
	}
	if !s.Devices {
		attr |= unix.MOUNT_ATTR_NODEV
	}
	if !s.Setuid {
		attr |= unix.MOUNT_ATTR_NOSUID
	}
	propagation := uint64(unix.MS_PRIVATE)
	if s.Slave {
		propagation = unix.MS_SLAVE
	}
	c.setAttr(tree.Value(), "", attr, propagation, true)
	c.mountTree(tree, s.Dest, kind != NotFolder, foreign())
}

// openSource leaves a detached copy of the source in a cell, with all mounts below it: a copy
// without them is refused in a user namespace, as it could uncover what they hide.
func (c *compiler) openSource(s *Bind, tree program.Cell) {
	const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	if !s.NoSymlinks {
		c.b.Call(unix.SYS_OPEN_TREE, program.AtCwd(), c.b.String(s.Source), program.Num(flags)).To(tree)
	} else {
		how := c.b.Words("how", program.Num(unix.O_PATH|unix.O_CLOEXEC), program.Num(0), program.Num(unix.RESOLVE_NO_SYMLINKS))
		c.b.Call(unix.SYS_OPENAT2, program.AtCwd(), c.b.String(s.Source), how.Addr(), program.Num(24)).To(c.from)
		c.b.Call(unix.SYS_OPEN_TREE, c.from.Value(), c.empty(), program.Num(flags|unix.AT_EMPTY_PATH)).To(tree)
		c.close(c.from)
	}
	if s.Same != nil {
		c.compareFile(s.Same, tree)
	}
}

// compareFile fails with ESTALE unless tree is the file that it should be (statx(2)).
func (c *compiler) compareFile(id *FileID, tree program.Cell) {
	st := c.b.Data("statx", make([]byte, 256))
	c.b.Call(unix.SYS_STATX, tree.Value(), c.empty(), program.Num(unix.AT_EMPTY_PATH), program.Num(unix.STATX_INO), st.Addr())
	dev := uint64(unix.Minor(id.Dev))<<32 | uint64(unix.Major(id.Dev)) // stx_dev_major and _minor as one word
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		dev = dev>>32 | dev<<32
	}
	for _, word := range []struct {
		at   int
		want uint64
	}{{0x20, id.Ino}, {0x88, dev}} {
		same := c.b.TestEqual(st.At(word.at).Value(), ^uint64(0), word.want)
		c.b.Call(program.Report, program.Num(uint64(unix.ESTALE)))
		c.b.Land(same)
	}
}

// setAttr changes mount attributes by descriptor or path (mount_setattr(2), Linux 5.12). It only
// ever adds restrictions: in a user namespace the kernel refuses to lift inherited ones.
func (c *compiler) setAttr(dir program.Arg, path string, set, propagation uint64, recursive bool) {
	attr := c.b.Words("attr", program.Num(set), program.Num(0), program.Num(propagation), program.Num(0))
	flags := 0
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	c.b.Call(unix.SYS_MOUNT_SETATTR, dir, c.b.String(path), program.Num(flags), attr.Addr(), program.Num(32))
}

// mountTree mounts a detached tree on its destination and closes it.
func (c *compiler) mountTree(tree program.Cell, dest string, isFolder bool, now *node) {
	if len(split(dest)) == 0 {
		c.attachRoot(tree, now)
		return
	}
	make := aFile
	if isFolder {
		make = aFolder
	}
	p := c.open(dest, make, 0o755)
	c.attach(tree, c.dir(p), p.path)
	c.done(p, now)
	c.close(tree)
}

func (s *Parents) compile(c *compiler) {
	if c.checkMode("make folders", "…", s.Mode, s.Origin) {
		c.parents = orDefault(s.Mode, 0o755)
	}
}

func (s *Dir) compile(c *compiler) {
	if !c.checkDest("make folder", s.Dest, s.Origin) || !c.checkMode("make folder", s.Dest, s.Mode, s.Origin) || len(split(s.Dest)) == 0 {
		return
	}
	p := c.open(s.Dest, aFolder, orDefault(s.Mode, 0o755))
	if path := "."; p.path == "" || !p.parent.children[p.name].ours { // what is there may be no folder
		if p.path != "" {
			path = p.path
		}
		c.b.Call(unix.SYS_OPENAT, c.dir(p), c.b.String(path), program.Num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), program.Num(0)).To(c.from)
		c.close(c.from)
	}
	c.done(p, nil)
}

// parent opens the folder that holds dest, and gives the last name.
func (c *compiler) parent(dest string) (dir program.Arg, p place, name string) {
	parts := split(dest)
	name = parts[len(parts)-1]
	if len(parts) == 1 {
		return c.root.Value(), place{path: "."}, name
	}
	p = c.open("/"+strings.Join(parts[:len(parts)-1], "/"), aFolder, c.parents)
	if p.path == "" {
		return c.at.Value(), p, name
	}
	return program.AtCwd(), p, p.path + "/" + name
}

func (s *Symlink) compile(c *compiler) {
	if !c.checkDest("link", s.Dest, s.Origin) {
		return
	}
	if c.isRoot(s.Dest, s.Origin) {
		return
	}
	if strings.IndexByte(s.Target, 0) >= 0 || s.Target == "" {
		c.fail("link "+quote(s.Dest)+" to "+quote(s.Target)+": not a link that can be made", s.Origin, "")
		return
	}
	dir, p, name := c.parent(s.Dest)
	op := c.b.Call(unix.SYS_SYMLINKAT, c.b.String(s.Target), dir, c.b.String(name))
	if !c.vacant(s.Dest) {
		op.On(unix.EEXIST, program.Skip, 1)
		fresh := c.b.Jump()
		c.compareLink(dir, name, s.Target)
		c.b.Land(fresh)
	}
	c.remember(s.Dest, &node{link: true})
	c.done(p, nil)
}

// compareLink fails with EEXIST unless a link with the target is there (readlinkat(2)).
func (c *compiler) compareLink(dir program.Arg, name, target string) {
	buf := c.b.Data("link", make([]byte, align8(len(target)+1)))
	c.b.Call(unix.SYS_READLINKAT, dir, c.b.String(name), buf.Addr(), program.Num(align8(len(target)+1))).To(c.pid).On(0, program.Ignore, 0)
	var differ []program.Label
	words := make([]byte, align8(len(target)+1))
	copy(words, target)
	for at := 0; at < len(words); at += 8 {
		same := c.b.TestEqual(buf.At(at).Value(), ^uint64(0), binary.NativeEndian.Uint64(words[at:]))
		differ = append(differ, c.b.Jump())
		c.b.Land(same)
	}
	ok := c.b.Jump()
	for _, l := range differ {
		c.b.Land(l)
	}
	c.b.Call(program.Report, program.Num(uint64(unix.EEXIST)))
	c.b.Land(ok)
}

// account gives the node of the folder that holds dest, nil if it is not known, and the last name.
func (c *compiler) account(dest string) (*node, string) {
	parts := split(dest)
	n := c.made
	for _, part := range parts[:len(parts)-1] {
		if n == nil || !n.ours {
			return nil, ""
		}
		n = n.children[part]
	}
	if n == nil || !n.ours {
		return nil, ""
	}
	return n, parts[len(parts)-1]
}

// remember keeps the account of what stands at dest, if its folder is known.
func (c *compiler) remember(dest string, now *node) {
	if n, name := c.account(dest); n != nil {
		n.add(name, now)
	}
}

// vacant reports whether dest is known not to exist.
func (c *compiler) vacant(dest string) bool {
	n, name := c.account(dest)
	return n != nil && n.children[name] == nil
}

func (s *Data) compile(c *compiler) {
	if !c.checkDest("write", s.Dest, s.Origin) || c.isRoot(s.Dest, s.Origin) || !c.checkMode("write", s.Dest, s.Mode, s.Origin) {
		return
	}
	if s.Writable && !s.Bound {
		c.fail("write "+quote(s.Dest)+": a file that is not a mount of its own is writable by its mode alone", s.Origin, "")
		return
	}
	if s.Replace && s.Bound {
		c.fail("write "+quote(s.Dest)+": a mount covers what is there and replaces nothing", s.Origin, "")
		return
	}
	mode := orDefault(s.Mode, 0o644)
	if !s.Bound && s.Replace && !c.vacant(s.Dest) {
		_, p, _ := c.parent(s.Dest)
		c.done(p, nil)
		c.writeOver(s.Dest, s.Content, mode)
		if n, name := c.account(s.Dest); n != nil && (n.children[name] == nil || !n.children[name].link) {
			n.add(name, foreign()) // a link stays one: what it leads to was written
		}
		return
	}
	if !s.Bound {
		dir, p, name := c.parent(s.Dest)
		c.writeNew(dir, name, s.Content, mode)
		c.remember(s.Dest, foreign())
		c.done(p, nil)
		return
	}
	name := c.scrap()
	c.writeNew(c.scratch.Value(), name, s.Content, mode)
	c.b.Call(unix.SYS_OPEN_TREE, c.scratch.Value(), c.b.String(name), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).To(c.tree)
	if !s.Writable {
		c.setAttr(c.tree.Value(), "", unix.MOUNT_ATTR_RDONLY, unix.MS_PRIVATE, false)
	}
	c.mountTree(c.tree, s.Dest, false, foreign())
}

// scrap gives a name for a new file in scratch.
func (c *compiler) scrap() string {
	c.scraps++
	return strconv.Itoa(c.scraps)
}

// writeNew makes a file that must not exist, with its content, in one write: the content is in
// memory, and file systems that take less than all of it are full.
func (c *compiler) writeNew(dir program.Arg, name string, content []byte, mode uint32) {
	c.b.Call(unix.SYS_OPENAT, dir, c.b.String(name), program.Num(unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC), program.Num(mode)).To(c.from)
	c.writeContent(content)
}

// writeOver writes a file that may exist, be it behind a link inside the new root.
func (c *compiler) writeOver(dest string, content []byte, mode uint32) {
	how := c.b.Words("how", program.Num(unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC), program.Num(mode),
		program.Num(unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS))
	c.b.Call(unix.SYS_OPENAT2, c.root.Value(), c.b.String(strings.Join(split(dest), "/")), how.Addr(), program.Num(24)).
		To(c.from).On(unix.EAGAIN, program.Retry, 1000)
	c.writeContent(content)
}

func (c *compiler) writeContent(content []byte) {
	if len(content) > 0 {
		c.b.Call(unix.SYS_WRITE, c.from.Value(), c.b.Data("content", content).Addr(), program.Num(len(content))).To(c.pid)
		all := c.b.TestEqual(c.pid.Value(), ^uint64(0), uint64(len(content)))
		c.b.Call(program.Report, program.Num(uint64(unix.ENOSPC)))
		c.b.Land(all)
	}
	c.close(c.from)
}

func (s *Chmod) compile(c *compiler) {
	if !c.checkDest("chmod", s.Dest, s.Origin) || !c.checkMode("chmod", s.Dest, s.Mode, s.Origin) {
		return
	}
	path := strings.Join(split(s.Dest), "/")
	if path == "" {
		path = "."
	}
	c.openIn(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	c.b.Call(unix.SYS_FCHMOD, c.at.Value(), program.Num(s.Mode))
	c.close(c.at)
}

func (s *ReadOnly) compile(c *compiler) {
	if !c.checkDest("make read-only", s.Dest, s.Origin) {
		return
	}
	if len(split(s.Dest)) == 0 {
		c.setAttr(c.root.Value(), "", unix.MOUNT_ATTR_RDONLY, 0, s.Recursive)
		return
	}
	p := c.open(s.Dest, nothing, 0)
	c.setAttr(c.dir(p), p.path, unix.MOUNT_ATTR_RDONLY, 0, s.Recursive)
	c.done(p, nil)
}

func (s *Mask) compile(c *compiler) {
	if !c.checkDest("mask", s.Dest, s.Origin) || c.isRoot(s.Dest, s.Origin) {
		return
	}
	// As a folder first; what is not one gets an empty file.
	path := strings.Join(split(s.Dest), "/")
	op := c.openIn(path, unix.O_PATH|unix.O_DIRECTORY).On(unix.ENOTDIR, program.Skip, 5)
	if !s.Required {
		op.On(unix.ENOENT, program.Skip, 4)
	}
	c.b.Call(unix.SYS_FCHDIR, c.at.Value())
	c.b.Call(unix.SYS_MOUNT, c.b.String("tmpfs"), c.b.String("."), c.b.String("tmpfs"), program.Num(uint64(inert|unix.MS_RDONLY)), c.b.String("mode=0755,size=4096"))
	c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	c.close(c.at)
	end := c.b.Jump()
	name := c.scrap()
	c.writeNew(c.scratch.Value(), name, nil, 0o444)
	c.b.Call(unix.SYS_OPEN_TREE, c.scratch.Value(), c.b.String(name), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).To(c.tree)
	c.setAttr(c.tree.Value(), "", unix.MOUNT_ATTR_RDONLY, unix.MS_PRIVATE, false)
	c.openIn(path, unix.O_PATH)
	c.attach(c.tree, c.at.Value(), "")
	c.close(c.at)
	c.close(c.tree)
	c.b.Land(end)
	c.remember(s.Dest, foreign())
}

func orDefault(mode, def uint32) uint32 {
	switch mode {
	case 0:
		return def
	case NoAccess:
		return 0
	}
	return mode
}

func octal(n uint32) string   { return "0" + strconv.FormatUint(uint64(n), 8) }
func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
func align8(n int) int        { return (n + 7) &^ 7 }
