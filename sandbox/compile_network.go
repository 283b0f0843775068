package sandbox

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file makes the network namespace, if it can be, beside everything else: the kernel takes
// longer for one, and for the loopback interface in it, than for all mounts of a small sandbox.
//
//	child   ─ spawn ─ id maps ─ mounts ─ pivot ── futex ─ setns ─ PID 1, the app
//	thread       └─── unshare ─ loopback ─ open ─ exit
//
// A namespace belongs to a thread, so the child takes over that of its thread by a descriptor, in
// the table that both share. A step of the thread that fails ends the child as any other does.

// netThread is the number of the thread in a new PID namespace, out of the way: the app is 2
// whether there was a thread or not. It is the largest number that every machine has
// (RESERVED_PIDS; pid_max is never less).
const netThread = 300

// aside reports whether the network namespace is made beside the rest: not if somebody uses it in
// the meantime, nor if the child forks before it is there.
func (c *compiler) aside() bool {
	s := c.spec
	for _, step := range s.Root {
		if _, uses := step.(*Sysfs); uses {
			return false
		}
	}
	return s.Enter == nil && s.Net.New() && s.Users.New() && s.Mount.New() && c.host.Clone3 &&
		s.PID.Join == nil && s.PIDAbove == nil && !s.Time.Offset && s.Handover.Placed == nil && s.Handover.Made == nil && s.Handover.WaitUsers == nil
}

// startNetwork spawns the thread.
func (c *compiler) startNetwork() {
	if !c.aside() {
		return
	}
	c.note(verbClone, "net", "")
	tid := int32(0)
	if c.spec.PID.New() {
		tid = netThread
	}
	c.net, c.thread, c.life = c.b.NewCell("net"), c.b.NewCell("thread"), c.b.NewCell("life")
	c.b.Preset(c.net, 1<<64-1) // no descriptor, should the thread end before its time
	folder, socket := c.b.NewCell("ns"), c.b.NewCell("socket")
	spawn := c.b.Spawn(tid, c.life, c.thread)
	child := c.b.Jump()
	c.b.Land(spawn)
	// By the folder, as the root changes meanwhile.
	c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String("/proc/thread-self/ns"), program.Num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), program.Num(0)).To(folder)
	c.b.Call(unix.SYS_UNSHARE, program.Num(unix.CLONE_NEWNET))
	c.raiseLoopback(socket)
	c.note(verbClone, "net", "")
	c.b.Call(unix.SYS_OPENAT, folder.Value(), c.b.String("net"), program.Num(unix.O_CLOEXEC), program.Num(0)).To(c.net)
	c.close(folder)
	c.b.Call(unix.SYS_EXIT, program.Num(0))
	c.b.Land(child)
}

// takeNetwork waits for the thread and joins its namespace.
func (c *compiler) takeNetwork() {
	if !c.aside() {
		return
	}
	c.note("join a namespace", "net", "")
	const futexWait = 0 // FUTEX_WAIT in linux/futex.h, shared as the kernel's wake is
	wait := c.b.Here()
	c.b.Call(unix.SYS_FUTEX, c.life.Addr(), program.Num(futexWait), c.thread.Value(), program.Num(0)).
		On(unix.EINTR, program.Retry, 0).On(unix.EAGAIN, program.Skip, 1)
	c.b.LandAt(c.b.Jump(), wait)
	c.b.Call(unix.SYS_SETNS, c.net.Value(), program.Num(unix.CLONE_NEWNET))
	c.close(c.net)
}

// raiseLoopback brings the loopback interface up.
func (c *compiler) raiseLoopback(socket program.Cell) {
	c.note("bring up the loopback interface", "", "")
	ifreq := make([]byte, 40)
	copy(ifreq, "lo")
	binary.NativeEndian.PutUint16(ifreq[unix.IFNAMSIZ:], unix.IFF_UP)
	c.b.Call(unix.SYS_SOCKET, program.Num(unix.AF_INET), program.Num(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), program.Num(0)).To(socket)
	c.b.Call(unix.SYS_IOCTL, socket.Value(), program.Num(unix.SIOCSIFFLAGS), c.b.Data("ifreq", ifreq).Addr())
	c.close(socket)
}
