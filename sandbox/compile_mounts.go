package sandbox

import (
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file compiles the steps that mount a new file system.

// mount mounts a new file system of a type (mount(2)), on its destination by descriptor.
func (c *compiler) mount(origin Origin, dest, fstype string, flags uint64, data string, now *node) {
	if c.isRoot(dest, origin) {
		return
	}
	p := c.open(dest, aFolder, 0o755)
	target := p.path
	if target == "" {
		c.b.Call(unix.SYS_FCHDIR, c.at.Value())
		target = "."
	}
	options := program.Num(0)
	if data != "" {
		options = c.b.String(data)
	}
	c.b.Call(unix.SYS_MOUNT, c.b.String(fstype), c.b.String(target), c.b.String(fstype), program.Num(flags), options)
	if p.path == "" {
		c.b.Call(unix.SYS_FCHDIR, c.root.Value())
	}
	c.done(p, now)
}

const inert = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

func (s *Tmpfs) compile(c *compiler) {
	if !c.checkDest("mount tmpfs on", s.Dest, s.Origin) || !c.checkMode("mount tmpfs on", s.Dest, s.Mode, s.Origin) {
		return
	}
	mode := octal(orDefault(s.Mode, 0o755))
	if len(split(s.Dest)) == 0 {
		c.newTmpfs(c.tree, mode, s.Size)
		c.attachRoot(c.tree, folder())
		return
	}
	options := "mode=" + mode
	if s.Size > 0 {
		options += ",size=" + decimal(s.Size)
	}
	c.mount(s.Origin, s.Dest, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options, folder())
}

func (s *Proc) compile(c *compiler) {
	if c.checkDest(verbProc, s.Dest, s.Origin) {
		c.mount(s.Origin, s.Dest, "proc", inert, "", foreign())
		if !s.Writable && c.hasRoot() {
			c.protectProc(s)
		}
	}
}

// hasRoot reports whether the host's root, whom /proc/sys obeys without capabilities, is or may
// be a user inside.
func (c *compiler) hasRoot() bool {
	u := &c.spec.Users
	for _, r := range u.UIDs {
		if r.Outside == 0 {
			return true
		}
	}
	return len(u.UIDs) == 0 && c.host.UID == 0
}

// protectProc covers what sets the machine up with itself, read-only.
func (c *compiler) protectProc(s *Proc) {
	const ops = 5 // of each, which a kernel without the name skips
	for _, name := range []string{"/sys", "/sysrq-trigger", "/irq", "/bus"} {
		c.note("make read-only", s.Dest+name, s.Origin)
		c.openIn(strings.Join(split(s.Dest+name), "/"), unix.O_PATH).On(unix.ENOENT, program.Skip, ops)
		c.b.Call(unix.SYS_OPEN_TREE, c.at.Value(), c.empty(), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).To(c.tree)
		c.setAttr(c.tree.Value(), "", unix.MOUNT_ATTR_RDONLY, unix.MS_PRIVATE, false)
		c.attach(c.tree, c.at.Value(), "")
		c.close(c.tree)
		c.close(c.at)
	}
}

func (s *Sysfs) compile(c *compiler) {
	if c.checkDest(verbSysfs, s.Dest, s.Origin) {
		c.mount(s.Origin, s.Dest, "sysfs", inert|readOnly(!s.Writable), "", foreign())
	}
}

func (s *Cgroup2) compile(c *compiler) {
	if c.checkDest(verbCgroup2, s.Dest, s.Origin) {
		c.mount(s.Origin, s.Dest, "cgroup2", inert|readOnly(!s.Writable), "", foreign())
	}
}

func readOnly(on bool) uint64 {
	if on {
		return unix.MS_RDONLY
	}
	return 0
}

func (s *Mqueue) compile(c *compiler) {
	if c.checkDest(verbMqueue, s.Dest, s.Origin) {
		c.mount(s.Origin, s.Dest, "mqueue", inert, "", foreign())
	}
}

func (s *Devpts) compile(c *compiler) {
	if !c.checkDest("mount devpts on", s.Dest, s.Origin) {
		return
	}
	options := "newinstance,ptmxmode=0666,mode=620"
	if s.GID != nil {
		options += ",gid=" + decimal(uint64(*s.GID))
	}
	c.mount(s.Origin, s.Dest, "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, options, foreign())
}

func (s *Dev) compile(c *compiler) {
	if !c.checkDest("make devices in", s.Dest, s.Origin) || c.isRoot(s.Dest, s.Origin) {
		return
	}
	c.newTmpfs(c.dev, "0755", 0)
	p := c.open(s.Dest, aFolder, 0o755)
	c.attach(c.dev, c.dir(p), p.path)
	inside := c.within(c.dev, func() {
		for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
			c.note(verbBind, "/dev/"+name, s.Origin)
			c.openSource(&Bind{Source: "/dev/" + name}, c.tree)
			c.setAttr(c.tree.Value(), "", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, unix.MS_PRIVATE, false)
			c.mountTree(c.tree, "/"+name, false, foreign())
		}
		c.note("link the standard files in", s.Dest, s.Origin)
		for _, link := range [][2]string{{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
			{"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"}, {"ptmx", "pts/ptmx"}} {
			c.b.Call(unix.SYS_SYMLINKAT, c.b.String(link[1]), program.AtCwd(), c.b.String(link[0]))
			c.remember("/"+link[0], &node{link: true})
		}
		c.b.Call(unix.SYS_MKDIRAT, program.AtCwd(), c.b.String("shm"), program.Num(0o1777))
		c.remember("/shm", folder())
		(&Devpts{Dest: "/pts", GID: s.GID, Origin: s.Origin}).compile(c)
		if s.Console {
			c.makeFile(program.AtCwd(), "console")
			c.remember("/console", foreign())
		}
	})
	c.done(p, inside)
}
