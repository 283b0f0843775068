package sandbox

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// A file system of FUSE belongs to the user namespace in which its device was opened and it was mounted
// (fuse_get_tree in the kernel): there its ids count, and only who is in there may use it and gets anything
// from its set-user-ID bits. So the child does both. The program that answers needs no more than the
// descriptor, and may be anywhere:
//
//	child                                      parent
//	  open /dev/fuse, fsopen … fsmount
//	  ── msgFuse + descriptor ─────────────►   Handover.Serve: starts who answers
//	  ◄──────────────────────── one byte ──
//	  close, move_mount
//
// When all copies of the descriptor are gone, so are those of a program that was killed, the kernel answers
// in its place: ENOTCONN.

// fuseNumber is what the descriptor is called in the parameter "fd", which is text to most kernels and so has to be
// known beforehand. No other descriptor of a child's has so high a number, unless its parent has as many.
const fuseNumber = 200

// compile mounts with default_permissions, as all that the answering program knows of who asks are two ids: the
// kernel checks modes and access lists. What is the app's alone is open to all ids of its namespace.
func (s *Fuse) compile(c *compiler) {
	if !c.checkDest(verbFuse, s.Dest, s.Origin) || !c.checkSource(verbFuse, "/"+s.Name, s.Origin) {
		return
	}
	c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String("/dev/fuse"), program.Num(unix.O_RDWR|unix.O_CLOEXEC), program.Num(0)).To(c.from)
	fd := c.message(msgFuse, true).At(msgRights)
	c.b.Call(unix.SYS_FCNTL, c.from.Value(), program.Num(unix.F_DUPFD_CLOEXEC), program.Num(fuseNumber)).To32(fd)
	c.close(c.from)
	free := c.b.TestEqual(fd.Value(), 1<<32-1, fuseNumber)
	c.b.Call(program.Report, program.Num(uint64(unix.EMFILE)))
	c.b.Land(free)
	c.b.Call(unix.SYS_FSOPEN, c.b.String("fuse"), program.Num(unix.FSOPEN_CLOEXEC)).To(c.from)
	for _, p := range [][2]string{
		{"source", s.Name}, {"subtype", s.Name}, {"fd", decimal(fuseNumber)}, {"rootmode", "40000"},
		{"user_id", decimal(uint64(c.spec.Users.UID))}, {"group_id", decimal(uint64(c.spec.Users.GID))},
		{"allow_other", ""}, {"default_permissions", ""},
	} {
		c.fsconfig(p[0], p[1])
	}
	attr := unix.MOUNT_ATTR_NODEV
	if !s.Setuid {
		attr |= unix.MOUNT_ATTR_NOSUID
	}
	c.fsmount(c.tree, attr)
	c.ask(msgFuse)
	c.b.Call(unix.SYS_CLOSE, program.Num(fuseNumber))
	c.setAttr(c.tree.Value(), "", 0, unix.MS_PRIVATE, false)
	c.mountTree(c.tree, s.Dest, true, foreign())
}

// checkServed refuses a file system that nobody would answer for, and more than one.
func checkServed(s *Spec, _ *Host) *Error {
	isFuse := func(step Step) bool { _, is := step.(*Fuse); return is }
	first := slices.IndexFunc(s.Root, isFuse)
	switch {
	case first < 0 && s.Handover.Serve == nil:
		return nil
	case first < 0:
		return &Error{What: "there is no file system that could be served"}
	}
	step := s.Root[first].(*Fuse)
	switch {
	case step.Name == "":
		return &Error{What: verbFuse + " " + quote(step.Dest) + ": it has no name", Origin: step.Origin}
	case s.Handover.Serve == nil || slices.ContainsFunc(s.Root[first+1:], isFuse):
		return &Error{What: verbFuse + " " + quote(step.Dest) + ": one file system can be served, by Handover.Serve", Origin: step.Origin}
	}
	return nil
}

// serveFuse hands over the descriptor that the child has sent. It is then somebody else's.
func (k *keeper) serveFuse(fd int) error {
	k.served = true
	if fd < 0 {
		return os.NewSyscallError("recvmsg", unix.EBADF)
	}
	return k.p.spec.Handover.Serve(os.NewFile(uintptr(fd), "/dev/fuse"))
}
