package sandbox

import (
	"cmp"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox/internal/program"
)

// reap is PID 1 of a sandbox whose app is not. It is the child itself, still on its stack in the
// image; it says that the app has started, gives up all that it does not need, reaps orphans,
// and ends as the app does. The kernel kills what is left in the namespace then.
//
// The app is in the same user namespace and must get nothing out of it. It waits at a gate, an
// eventfd, before it is executed, until the first of these is done:
//
//   - it keeps one capability, permitted but not effective, that the app lacks. The kernel then
//     refuses the app all that is checked like ptrace (ptrace(2), PTRACE_MODE_READ): mem, maps,
//     environ, fd, cwd, exe of /proc/1, unless the app has CAP_SYS_PTRACE over it. For the user outside, who owns the user namespace, it
//     stays open, so that "exec" can join it; making it undumpable would shut both out;
//   - the copy of the parent's memory is long gone; what is left of the image, with the caller's
//     environment in it, is unmapped down to its front. That keeps the memory of a sandbox small
//     whatever the parent does later;
//   - all descriptors but the status socket are closed, the error pipe last: its end is how the
//     parent knows of the execve;
//   - a filter of its own allows wait4, kill, write, exit_group and little else. It has nothing to
//     execute and no_new_privs, so its bounding set does not matter.
//
// Locks are taken before the gate opens, when all descriptors are closed that it does not keep:
// closing any descriptor of a file gives up the process's locks on it.
//
// A reaper that is no PID 1 ends nobody else. One that lingers reports the app's end and goes on
// until the kernel has nothing more for it to wait for.
func (c *compiler) reap() {
	locks := len(c.spec.Process.Locks) > 0
	c.note("be PID 1", "", "")
	c.keepOneCapability()
	if !locks {
		c.openGate(c.gate)
	}
	c.note("tell the parent of the app", "", "")
	c.say(msgApp).On(unix.EPIPE, program.Ignore, 0) // it may have ended meanwhile, and the app outlive it
	c.note("be PID 1", "", "")
	if locks {
		c.out.gate = c.b.NewCell("gate_kept")
		c.b.Call(unix.SYS_DUP3, c.gate.Value(), c.out.gate.Value(), program.Num(0)).On(unix.EINVAL, program.Ignore, 0) // it is there already
	}
	c.out.alone = c.closeRanges(len(c.spec.Process.Held) + 4) // errors, status, gate, and one more gap than that
	if locks {
		c.takeLocks()
		c.openGate(c.out.gate)
		c.close(c.out.gate)
	}
	if c.spec.Process.Linger { // who enters later starts where it is: "flatpak enter"
		for _, dir := range slices.Backward(c.spec.Process.dirs()) {
			c.b.Call(unix.SYS_CHDIR, c.b.String(dir)).On(0, program.Ignore, 0)
		}
	}
	c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_NAME), c.b.String(cmp.Or(c.spec.Process.InitName, "snug-init")))
	c.noNewPrivs()
	code := c.b.Data("filter", reaperFilter())
	prog := c.b.Words("sock_fprog", program.Num(len(reaperFilter())/8), code.Addr())
	c.b.Call(unix.SYS_SECCOMP, program.Num(unix.SECCOMP_SET_MODE_FILTER), program.Num(0), prog.Addr())
	rest, length := c.b.NewCell("rest"), c.b.NewCell("length")
	c.out.rest = []program.Cell{rest, length}
	c.b.Call(unix.SYS_MUNMAP, rest.Value(), length.Value()).On(unix.EINVAL, program.Ignore, 0)
	c.b.Call(unix.SYS_CLOSE_RANGE, program.ErrorFd.Value(), program.ErrorFd.Value(), program.Num(0))
	c.waitForApp()
}

// openGate lets the app go on.
func (c *compiler) openGate(gate program.Cell) {
	c.b.Call(unix.SYS_WRITE, gate.Value(), c.one.Addr(), program.Num(8))
}

// takeLocks opens and locks the files that PID 1 is to hold a lock on.
func (c *compiler) takeLocks() {
	p := &c.spec.Process
	lock := make([]byte, 32) // struct flock: the whole file
	binary.NativeEndian.PutUint16(lock, unix.F_RDLCK)
	for _, path := range p.Locks {
		c.note(verbLock, path, p.Origin)
		c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String(path), program.Num(unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK), program.Num(0)).
			To(c.from).On(unix.EINTR, program.Retry, 0)
		c.b.Call(unix.SYS_FCNTL, c.from.Value(), program.Num(unix.F_SETLK), c.b.Data("flock", lock).Addr())
	}
}

// waitForApp reaps whatever ends, reports the app, and ends as it did.
func (c *compiler) waitForApp() {
	report := c.b.NewCell("report")
	c.b.Preset(report, uint64(msgStatus))
	got := c.b.NewCell("got")
	loop := c.b.Here()
	c.b.Call(unix.SYS_WAIT4, program.Num(-1), report.At(4).Addr(), program.Num(unix.WUNTRACED|unix.WALL), program.Num(0)).
		To(got).On(unix.EINTR, program.Retry, 0)
	app := c.b.TestSame(got.Value(), c.pid.Value())
	c.b.LandAt(c.b.Jump(), loop)
	c.b.Land(app)
	// WIFSTOPPED: the low byte of the status, bits 32 to 39 of the report, is 0x7f.
	stopped := c.b.TestEqual(report.Value(), 0xff<<32, 0x7f<<32)
	if c.spec.owns() && !c.spec.Process.Linger {
		c.b.Call(unix.SYS_KILL, program.Num(-1), program.Num(int(unix.SIGKILL))).On(unix.ESRCH, program.Ignore, 0)
		c.reapRest()
	}
	c.b.Land(stopped)
	c.b.Call(unix.SYS_WRITE, c.status.Value(), report.Addr(), program.Num(8)).On(unix.EINTR, program.Retry, 0).On(0, program.Ignore, 0)
	c.b.LandAt(c.b.TestEqual(report.Value(), 0xff<<32, 0x7f<<32), loop)
	if c.spec.Process.Linger {
		c.reapRest()
	}
	c.b.Call(program.Exit, report.At(4).Value())
}

// reapRest waits for whatever the app has left behind. A reaper that does not linger has killed it,
// so that the parent, when it hears of the app's end, need not wait for the kernel to take the
// namespaces down as well.
func (c *compiler) reapRest() {
	loop := c.b.Here()
	c.b.Call(unix.SYS_WAIT4, program.Num(-1), program.Num(0), program.Num(unix.WALL), program.Num(0)).
		On(unix.EINTR, program.Retry, 0).On(unix.ECHILD, program.Skip, 1)
	c.b.LandAt(c.b.Jump(), loop)
}

// keepOneCapability leaves the reaper one capability that the app has not, if there is one; the
// app could only have all of them if it is trusted with the namespace anyway.
func (c *compiler) keepOneCapability() {
	app := c.spec.Process.Capabilities
	spare := caps.UpTo(c.host.LastCapability) &^ (app.Permitted | app.Bounding | app.Inheritable)
	if c.host.unprivileged(c.spec) {
		// No capability to be had. Then nobody can enter by its namespaces either.
		c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_DUMPABLE), program.Num(0))
		return
	}
	if spare == 0 {
		spare = caps.SysPtrace
	}
	c.capset(spare&-spare, 0, 0)
}

// reaperFilter allows wait4, kill, write, exit_group, munmap and close_range on the native ABI.
func reaperFilter() []byte {
	const ld, jeq, ret = 0x20, 0x15, 0x06 // BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
	type insn struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	var p []byte
	for _, i := range []insn{
		{ld, 0, 0, 4}, // seccomp_data.arch
		{jeq, 0, 7, auditArch},
		{ld, 0, 0, 0}, // seccomp_data.nr
		{jeq, 6, 0, unix.SYS_WAIT4},
		{jeq, 5, 0, unix.SYS_KILL},
		{jeq, 4, 0, unix.SYS_WRITE},
		{jeq, 3, 0, unix.SYS_EXIT_GROUP},
		{jeq, 2, 0, unix.SYS_CLOSE_RANGE},
		{jeq, 1, 0, unix.SYS_MUNMAP},
		{ret, 0, 0, unix.SECCOMP_RET_KILL_PROCESS},
		{ret, 0, 0, unix.SECCOMP_RET_ALLOW},
	} {
		p = binary.NativeEndian.AppendUint16(p, i.code)
		p = append(p, i.jt, i.jf)
		p = binary.NativeEndian.AppendUint32(p, i.k)
	}
	return p
}
