package sandbox

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox/internal/program"
)

// This file takes away: ids, capabilities, user namespaces, access by Landlock, system calls.

// dropPrivileges ends with exactly the ids and the capabilities of the Spec.
func (c *compiler) dropPrivileges() {
	s, p := c.spec, &c.spec.Process
	below := s.Users.Below || s.Users.After != nil
	if below {
		c.goBelow()
	}
	c.checkSealed()
	c.note("drop capabilities", "", p.Origin)
	lacking := c.host.unprivileged(s)
	all := caps.UpTo(c.host.LastCapability)
	for n := range c.host.LastCapability + 1 {
		if p.Capabilities.Bounding&(1<<n) == 0 {
			op := c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_CAPBSET_DROP), program.Num(n), program.Num(0), program.Num(0), program.Num(0))
			if lacking && !p.NewPrivileges {
				op.On(unix.EPERM, program.Ignore, 0) // there is nothing to drop, and no_new_privs keeps it so
			}
		}
	}
	if c.changesIDs() && !below {
		c.takeIDs()
	}
	sets := p.Capabilities
	c.capset(sets.Permitted&all, sets.Effective&all, sets.Inheritable&all)
	for n := range c.host.LastCapability + 1 {
		if sets.Ambient&(1<<n) != 0 {
			c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_CAP_AMBIENT), program.Num(unix.PR_CAP_AMBIENT_RAISE), program.Num(n), program.Num(0), program.Num(0))
		}
	}
	if !p.NewPrivileges {
		c.note("set no_new_privs", "", p.Origin)
		c.noNewPrivs()
	}
	if !s.split() || !s.owns() { // else it dies with PID 1, which dies with the parent
		c.dieWithParent()
	}
}

// openProc keeps the caller's /proc for what is written when the root is another.
func (c *compiler) openProc() {
	if u := &c.spec.Users; u.Below {
		c.proc = c.b.NewCell("proc")
		c.note("open", "/proc", u.Origin)
		c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String("/proc"), program.Num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), program.Num(0)).To(c.proc)
	}
}

// goBelow takes the ids and enters the user namespace that the app is to be in, if that is not the
// one in which the sandbox was made. The limit that forbids others below is one of the namespace
// above: in it the app has no capability to raise it again.
func (c *compiler) goBelow() {
	u := &c.spec.Users
	if u.Below && !u.Nested {
		c.note(verbUserLimit, "", u.Origin)
		c.writeProc("sys/user/max_user_namespaces", "1")
	}
	if c.changesIDs() {
		c.takeIDs()
	}
	if u.After != nil {
		c.note("join a namespace", "user", u.Origin)
		c.b.Call(unix.SYS_SETNS, c.file(u.After, "after").Value(), program.Num(unix.CLONE_NEWUSER))
	}
	if u.Below {
		c.note(verbUserMap, "", u.Origin)
		c.b.Call(unix.SYS_UNSHARE, program.Num(unix.CLONE_NEWUSER))
		c.writeProc("self/uid_map", idLine(u.UID, u.UID))
		c.writeProc("self/gid_map", idLine(u.GID, u.GID))
		c.close(c.proc)
	}
}

// checkSealed tries what must not be possible.
func (c *compiler) checkSealed() {
	if u := &c.spec.Users; u.Sealed {
		c.note(verbSealed, "", u.Origin)
		c.b.Call(unix.SYS_UNSHARE, program.Num(unix.CLONE_NEWUSER)).On(0, program.Skip, 1)
		c.b.Call(program.Report, program.Num(uint64(unix.EEXIST)))
	}
}

// writeProc writes a file below the caller's /proc, which knows this process by its number there.
func (c *compiler) writeProc(path, text string) {
	c.b.Call(unix.SYS_OPENAT, c.proc.Value(), c.b.String(path), program.Num(unix.O_WRONLY|unix.O_CLOEXEC), program.Num(0)).To(c.from)
	c.b.Call(unix.SYS_WRITE, c.from.Value(), c.b.String(text), program.Num(len(text)))
	c.close(c.from)
}

// takeIDs changes to the ids of the Spec and keeps the permitted capabilities; those in effect go
// with root's id.
func (c *compiler) takeIDs() {
	u := &c.spec.Users
	if !u.KeepGroups {
		op := c.setGroups(u.Groups)
		if len(u.Groups) == 0 && (u.Unmapped || len(u.UIDs) == 0 && !u.Shared) {
			op.On(unix.EPERM, program.Ignore, 0) // a map without setgroups: nor can they be dropped
		}
	}
	c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_KEEPCAPS), program.Num(1), program.Num(0), program.Num(0), program.Num(0))
	c.setIDs(u.UID, u.GID)
	for _, f := range c.spec.Process.Filters {
		if f.Listen { // the parent fetches the listener, which is checked like ptrace(2)
			c.setDumpable(1)
		}
	}
}

// unprivileged reports whether the child has no capabilities over its own bounding set.
func (h *Host) unprivileged(s *Spec) bool { return s.Users.Shared && s.Enter == nil && h.UID != 0 }

// privileged reports whether the child has the host's own capabilities.
func (h *Host) privileged(s *Spec) bool { return s.Users.Shared && h.UID == 0 }

func (c *compiler) noNewPrivs() {
	c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_NO_NEW_PRIVS), program.Num(1), program.Num(0), program.Num(0), program.Num(0))
}

func (c *compiler) setGroups(groups []uint32) *program.Op {
	list := make([]byte, 0, 4*len(groups))
	for _, g := range groups {
		list = binary.NativeEndian.AppendUint32(list, g)
	}
	return c.b.Call(unix.SYS_SETGROUPS, program.Num(len(groups)), c.b.Data("groups", list).Addr())
}

// capset sets three of the five sets of the calling thread (capset(2)).
func (c *compiler) capset(permitted, effective, inheritable caps.Set) {
	header := binary.NativeEndian.AppendUint32(nil, unix.LINUX_CAPABILITY_VERSION_3)
	header = append(header, 0, 0, 0, 0)
	var data []byte
	for half := 0; half < 64; half += 32 {
		for _, set := range []caps.Set{effective, permitted, inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>half))
		}
	}
	c.b.Call(unix.SYS_CAPSET, c.b.Data("cap_header", header).Addr(), c.b.Data("cap_data", data).Addr())
}

func (c *compiler) landlock(l *Landlock) {
	c.note("enforce Landlock", "", l.Origin)
	c.b.Call(unix.SYS_LANDLOCK_CREATE_RULESET, c.b.Data("ruleset_attr", l.Attr).Addr(), program.Num(len(l.Attr)), program.Num(0)).To(c.tree)
	for _, r := range l.Rules {
		attr := c.b.Data("rule_attr", append([]byte(nil), r.Attr...))
		if r.Path != "" {
			c.note("allow by Landlock", r.Path, l.Origin)
			c.b.Call(unix.SYS_OPENAT, program.AtCwd(), c.b.String(r.Path), program.Num(unix.O_PATH|unix.O_CLOEXEC), program.Num(0)).To32(attr.At(r.FDAt))
		}
		c.b.Call(unix.SYS_LANDLOCK_ADD_RULE, c.tree.Value(), program.Num(r.Type), attr.Addr(), program.Num(0))
	}
	c.b.Call(unix.SYS_LANDLOCK_RESTRICT_SELF, c.tree.Value(), program.Num(0))
	c.close(c.tree)
}

// filter installs one seccomp filter. A listener's number goes to the parent by plain write and
// read, which a filter that is to leave execve usable lets through; the parent fetches it.
func (c *compiler) filter(f *Filter) {
	c.note("install the seccomp filter", f.Name, f.Origin)
	code := c.b.Data("filter", f.Code)
	prog := c.b.Words("sock_fprog", program.Num(len(f.Code)/8), code.Addr())
	flags := f.Flags
	if f.Listen {
		flags |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	if flags == 0 { // filters before this one allow this call rather than seccomp(2)
		c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_SECCOMP), program.Num(unix.SECCOMP_MODE_FILTER), prog.Addr(), program.Num(0), program.Num(0))
		return
	}
	op := c.b.Call(unix.SYS_SECCOMP, program.Num(unix.SECCOMP_SET_MODE_FILTER), program.Num(flags), prog.Addr())
	if !f.Listen {
		return
	}
	say := c.b.NewCell("listener")
	op = op.To32(say.At(4))
	c.b.Preset(say, uint64(msgListener)) // in the first four bytes on a little-endian machine
	c.b.Call(unix.SYS_WRITE, c.status.Value(), say.Addr(), program.Num(8)).On(unix.EINTR, program.Retry, 0)
	c.out.asks = true
	c.await(c.status)
}
