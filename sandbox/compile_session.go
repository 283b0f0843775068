package sandbox

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file leaves a reaper behind and gives the app its session and its terminal.

// splitReaper makes the child PID 1 and lets it stay behind, while a child of its own goes on to
// become the app. An app that were PID 1 itself would have to reap orphans, and would get no
// signal that it does not handle.
func (c *compiler) splitReaper() {
	s := c.spec
	if !s.split() {
		return
	}
	if s.Process.Terminal != nil {
		c.openTerminal()
	}
	c.note("start the app below PID 1", "", "")
	// The reaper needs the caller to not ignore this one, or the kernel reaps in its place.
	c.sigaction(int(unix.SIGCHLD), 0)
	c.b.Call(unix.SYS_EVENTFD2, program.Num(0), program.Num(unix.EFD_CLOEXEC)).To(c.gate)
	inChild := c.clone(0, msgApp)
	c.b.EnterReaper(c.b.Jump())
	c.b.Land(inChild)
	c.b.Reaper(true)
	c.reap()
	c.b.Reaper(false)
}

// startSession gives the process a session, with a terminal if it asks for one.
//
// With a reaper the terminal is there already: it leads the session and the app is a process
// group in it, in the foreground. Were the app the leader, its group would be orphaned, and the
// kernel would ignore Ctrl-Z (setpgid(2), "orphaned process group").
func (c *compiler) startSession() {
	p := &c.spec.Process
	switch {
	case p.Session:
	case p.Terminal != nil && c.spec.split():
		c.note("put the app into the foreground", "", p.Origin)
		c.b.Call(unix.SYS_SETPGID, program.Num(0), program.Num(0))
		c.b.Call(unix.SYS_GETPID).To(c.pid)
		c.b.Call(unix.SYS_IOCTL, c.tree.Value(), program.Num(unix.TIOCSPGRP), c.pid.Addr())
	default:
		c.openTerminal()
	}
}

// openTerminal makes the process a session leader and, if asked, gives it a pseudo terminal of
// the sandbox's own /dev/pts: what it can name, reopen and push characters into is its own.
func (c *compiler) openTerminal() {
	p := &c.spec.Process
	c.note("start a session", "", p.Origin)
	c.b.Call(unix.SYS_SETSID) // never a group's leader: it has just been cloned
	t := p.Terminal
	if t == nil {
		return
	}
	c.note(verbTerminal, "/dev/pts/ptmx", p.Origin)
	master := c.message(msgTerminal, true).At(msgRights) // an int with zeros behind it
	how := c.b.Words("how", program.Num(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC), program.Num(0), program.Num(unix.RESOLVE_NO_SYMLINKS))
	c.b.Call(unix.SYS_OPENAT2, program.AtCwd(), c.b.String("/dev/pts/ptmx"), how.Addr(), program.Num(24)).To32(master)
	c.checkDevpts(master)
	c.b.Call(unix.SYS_IOCTL, master.Value(), program.Num(unix.TIOCSPTLCK), c.zero.Addr())
	c.b.Call(unix.SYS_IOCTL, master.Value(), program.Num(unix.TIOCGPTPEER), program.Num(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).To(c.tree)
	size := make([]byte, 8)
	binary.NativeEndian.PutUint16(size, t.Rows)
	binary.NativeEndian.PutUint16(size[2:], t.Cols)
	c.b.Call(unix.SYS_IOCTL, c.tree.Value(), program.Num(unix.TIOCSWINSZ), c.b.Data("winsize", size).Addr())
	if t.Settings != nil {
		c.b.Call(unix.SYS_IOCTL, c.tree.Value(), program.Num(unix.TCSETS), c.b.Data("termios", termiosBytes(t.Settings)).Addr())
	}
	c.b.Call(unix.SYS_IOCTL, c.tree.Value(), program.Num(unix.TIOCSCTTY), program.Num(0))
	if uid, gid := c.builder(); c.changesIDs() && (uid != c.spec.Users.UID || gid != c.spec.Users.GID) {
		c.b.Call(unix.SYS_FCHOWN, c.tree.Value(), program.Num(c.spec.Users.UID), program.Num(-1))
	}
	c.say(msgTerminal)
	c.bindConsole()
	for fd, on := range t.Stdio {
		if on {
			c.b.Call(unix.SYS_DUP3, c.tree.Value(), program.Num(fd), program.Num(0))
		}
	}
}

// checkDevpts refuses what is no terminal of the kernel's. Who enters a sandbox opens what its root has put
// there: a file of a FUSE server would answer TIOCGPTPEER with any number, which is then taken for a descriptor.
func (c *compiler) checkDevpts(master program.Cell) {
	st := c.b.Data("statfs", make([]byte, 256)) // f_type comes first (statfs(2))
	c.b.Call(unix.SYS_FSTATFS, master.Value(), st.Addr())
	is := c.b.TestSame(st.At(0).Value(), program.Num(unix.DEVPTS_SUPER_MAGIC))
	c.b.Call(program.Report, program.Num(uint64(unix.ENODEV)))
	c.b.Land(is)
}

// termiosBytes gives the kernel's struct termios, which is shorter than the C library's.
func termiosBytes(t *unix.Termios) []byte {
	var p []byte
	for _, flags := range []uint32{t.Iflag, t.Oflag, t.Cflag, t.Lflag} {
		p = binary.NativeEndian.AppendUint32(p, flags)
	}
	p = append(p, t.Line)
	return append(p, t.Cc[:]...)
}

// bindConsole shows the terminal under the name that a Dev has made for it.
func (c *compiler) bindConsole() {
	for _, step := range c.spec.Root {
		d, ok := step.(*Dev)
		if !ok || !d.Console {
			continue
		}
		path := strings.TrimSuffix(d.Dest, "/") + "/console"
		c.note("bind the terminal on", path, d.Origin)
		c.b.Call(unix.SYS_OPEN_TREE, c.tree.Value(), c.empty(), program.Num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)).To(c.from)
		c.attach(c.from, program.AtCwd(), path)
		c.close(c.from)
	}
}
