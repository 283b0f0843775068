package sandbox

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file holds the first phases: memory, descriptors, death, namespaces, ids, names.

// dropMemory unmaps the copy of the caller's memory, all but the image and the machine code. The
// child needs nothing of it, nobody in the sandbox should find it, and the sooner it is gone the
// less the kernel has to copy: for the caller, who goes on writing to pages that are shared until
// then, and for the child's own children.
func (c *compiler) dropMemory() {
	c.note("drop the caller's memory", "", "")
	for range 3 {
		at, length := c.b.NewCell("memory"), c.b.NewCell("length")
		c.out.unmap = append(c.out.unmap, at, length)
		c.b.Call(unix.SYS_MUNMAP, at.Value(), length.Value()).On(unix.EINVAL, program.Ignore, 0).
			On(unix.EPERM, program.Ignore, 0) // sealed (mseal(2)); PID 1 is closed to the app all the same
	}
}

// closeFiles closes whatever the child has inherited by being a copy of the caller, whose other
// goroutines may hold anything open. What is kept has numbers that only Start knows, so the gaps
// between them are cells; Start sorts.
func (c *compiler) closeFiles() {
	s := c.spec
	for _, n := range s.list() {
		if n.Join != nil {
			c.file(n.Join, n.name)
		}
	}
	for _, f := range []struct {
		file *os.File
		name string
	}{
		{s.Time.Join, "time"}, {s.CgroupDir, "cgroup"},
		{s.Handover.Wait, "wait"}, {s.Handover.WaitUsers, "wait_users"}, {s.Handover.Ready, "ready"},
		{s.Users.After, "after"}, {s.PIDAbove, "pid_above"},
	} {
		if f.file != nil {
			c.file(f.file, f.name)
		}
	}
	for _, f := range s.Process.Held {
		c.file(f, "held")
	}
	if s.Enter != nil {
		c.file(s.Enter.Process, "pidfd")
	}
	c.out.above = 2
	for _, f := range s.Process.Files {
		c.file(f.Source, "file")
		c.out.above = max(c.out.above, f.Number)
	}
	c.note("close the caller's files", "", "")
	if s.Process.AllFiles {
		const own = 8 // at the most: the parent's ends, and what it moved out of the way
		c.out.withheld = c.closeRanges(own + len(s.Process.Withheld))
		return
	}
	c.out.gaps = c.closeRanges(len(c.out.files) + 3) // the error pipe, the status socket, and one more gap than files
}

// closeRanges closes ranges of descriptors that Start fills in.
func (c *compiler) closeRanges(n int) (pairs []program.Cell) {
	for range n { // the error pipe, the status socket, and one more gap than files
		from, to := c.b.NewCell("gap"), c.b.NewCell("gap_end")
		pairs = append(pairs, from, to)
		c.b.Call(unix.SYS_CLOSE_RANGE, from.Value(), to.Value(), program.Num(0))
	}
	return pairs
}

// dieWithParent makes the kernel kill the child when the thread that cloned it ends. A change of
// ids, a fork, and joining a user namespace undo that (prctl(2)), so it is called again after
// them. The parent may be dead already, and getppid(2) cannot tell in a new PID namespace; but
// then nobody holds the other end of the status socket.
func (c *compiler) dieWithParent() {
	if c.spec.Process.Outlive {
		return
	}
	c.note("die with the parent", "", "")
	c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_PDEATHSIG), program.Num(int(unix.SIGKILL)))
	c.b.Call(unix.SYS_RECVFROM, c.status.Value(), c.byte.Addr(), program.Num(1),
		program.Num(unix.MSG_PEEK|unix.MSG_DONTWAIT), program.Num(0), program.Num(0)).
		On(unix.EAGAIN, program.Skip, 1)
	c.b.Call(program.Report, program.Num(uint64(unix.EPIPE)))
}

// enterNamespaces joins and makes namespaces. What can be made by clone itself is: it is one
// call. The rest follows here, in the order that rights allow: the cgroup by the caller's own
// rights, then users, the mount namespace last: what /proc is in one that is joined, and whether
// it tells the truth, is up to those in it (CVE-2015-1334).
func (c *compiler) enterNamespaces() {
	s := c.spec
	c.startNetwork()
	if c.out.maps = len(s.Users.UIDs) > 0 && s.Users.New() && s.Enter == nil; !c.out.maps && s.Users.New() && s.Enter == nil {
		c.mapUsers()
	}
	if s.Handover.Placed != nil || c.out.maps || s.Process.OOM != nil {
		c.note("wait for the parent", "", "")
		c.ask(msgPlace)
	}
	forks := s.Enter == nil && (s.PID.Join != nil || s.PIDAbove != nil || s.Time.Offset || s.Users.Join != nil && s.PID.New())
	if !forks {
		c.showNamespaces()
	}
	c.waitFor(s.Handover.WaitUsers, "wait_users")
	c.joinCgroup()
	if s.Enter != nil {
		c.enterRunning()
		return
	}
	later := c.chooseNamespaces()
	c.join(unix.CLONE_NEWNS, false)
	if later != 0 {
		c.note(verbClone, "", "")
		c.b.Call(unix.SYS_UNSHARE, program.Num(later))
	}
	c.setClocks()
	if c.changesIDs() {
		c.becomeMapped()
		c.setDumpable(1)
		c.dieWithParent()
	}
	c.openProc()
	if s.Users.New() && !s.Users.Nested && !s.Users.Below {
		c.note(verbUserLimit, "", s.Users.Origin)
		c.writeFile("/proc/sys/user/max_user_namespaces", "0")
	}
	c.join(unix.CLONE_NEWNS, true)
	if s.PID.Join != nil {
		c.setDumpable(0) // as in enterRunning
	}
	c.goBelowPID()
	if s.PIDAbove == nil && (later&unix.CLONE_NEWPID != 0 || s.PID.Join != nil || s.Time.Offset) {
		c.forkInto()
	}
	if forks {
		c.showNamespaces()
	}
}

// goBelowPID makes the PID namespace in another than the caller's. A namespace becomes the child of
// the one that its maker is in, not of the one that the maker's children will be in: so the maker is
// such a child, in reach of who is there, and therefore closed to tracing (as in enterRunning).
func (c *compiler) goBelowPID() {
	if c.spec.PIDAbove == nil {
		return
	}
	c.note("join a namespace", "pid", "")
	c.b.Call(unix.SYS_SETNS, c.file(c.spec.PIDAbove, "pid_above").Value(), program.Num(unix.CLONE_NEWPID))
	c.setDumpable(0)
	c.forkInto()
	c.note(verbClone, "", "")
	c.b.Call(unix.SYS_UNSHARE, program.Num(unix.CLONE_NEWPID))
	c.forkInto()
}

// showNamespaces lets the parent look at the child in its namespaces.
func (c *compiler) showNamespaces() {
	if c.spec.Handover.Made != nil {
		c.note("wait for the parent", "", "")
		c.ask(msgMade)
	}
}

// chooseNamespaces leaves what clone makes to it and gives what must be unshared.
func (c *compiler) chooseNamespaces() (later uint64) {
	s := c.spec
	fresh := s.namespaces()
	if s.PIDAbove != nil {
		fresh &^= unix.CLONE_NEWPID // last of all, see goBelowPID
	}
	if s.Time.Offset {
		// clone(2) cannot make it; its children are in it, so PID 1 must be one.
		later |= fresh & (unix.CLONE_NEWTIME | unix.CLONE_NEWPID)
	}
	if s.CgroupDir != nil || s.Handover.Placed != nil {
		later |= fresh & unix.CLONE_NEWCGROUP // its root is the cgroup that the child is in
	}
	if s.Users.Join != nil {
		later = fresh
	}
	if c.aside() { // the sooner the thread starts, the better
		c.out.flags = fresh & (unix.CLONE_NEWUSER | unix.CLONE_NEWPID)
		return fresh &^ c.out.flags &^ unix.CLONE_NEWNET
	}
	c.out.flags = fresh &^ later
	return later
}

// joinCgroup moves the child, by a descriptor that was opened with the caller's rights.
func (c *compiler) joinCgroup() {
	if c.spec.CgroupDir == nil {
		return
	}
	c.note("join the cgroup", "", "")
	c.b.Call(unix.SYS_OPENAT, c.file(c.spec.CgroupDir, "cgroup").Value(), c.b.String("cgroup.procs"),
		program.Num(unix.O_WRONLY|unix.O_CLOEXEC), program.Num(0)).To(c.from)
	c.b.Call(unix.SYS_WRITE, c.from.Value(), c.b.String("0"), program.Num(1))
	c.close(c.from)
}

// enterRunning joins all namespaces of a running sandbox at once, by the pidfd of its init.
//
// What is in the sandbox must not trace this process, a copy of the caller that has all
// capabilities over it (CVE-2016-8649, CVE-2016-9962): its memory belongs to the caller's user
// namespace and is closed to all others before it joins. execve opens it again, with the
// descriptors closed and the memory gone.
func (c *compiler) enterRunning() {
	e := c.spec.Enter
	c.note(verbEnter, "", c.spec.Process.Origin)
	c.setDumpable(0)
	c.b.Call(unix.SYS_SETNS, c.file(e.Process, "pidfd").Value(), program.Num(e.Namespaces))
	if c.changesIDs() {
		c.becomeMapped()
	}
	if e.Namespaces&unix.CLONE_NEWPID != 0 {
		c.forkInto()
	} else {
		c.dieWithParent()
	}
}

func (c *compiler) setDumpable(n int) {
	c.b.Call(unix.SYS_PRCTL, program.Num(unix.PR_SET_DUMPABLE), program.Num(n))
}

// join joins the single namespaces that the Spec names, users first for the rights over others:
// those with the flags, or all but those.
func (c *compiler) join(flags uint64, with bool) {
	for _, n := range append(c.spec.list(), namedNamespace{Namespace{Join: c.spec.Time.Join}, unix.CLONE_NEWTIME, "time"}) {
		if n.Join != nil && (n.flag&flags != 0) == with {
			c.note("join a namespace", n.name, "")
			c.b.Call(unix.SYS_SETNS, c.file(n.Join, n.name).Value(), program.Num(n.flag))
		}
	}
}

// forkInto goes on in a new process, since a PID or time namespace that was joined or unshared
// holds only the children of the process that did so. CLONE_PARENT makes that process a child of
// the caller as well, which learns of it by a message and reaps this one.
func (c *compiler) forkInto() {
	c.note("enter the PID namespace", "", "")
	inChild := c.clone(unix.CLONE_PARENT, msgMain)
	c.say(msgMain)
	c.b.Call(program.Exit, program.Num(0))
	c.b.Land(inChild)
	c.dieWithParent()
}

// mapUsers writes the map of one id, which the child may do by itself once setgroups is denied
// (user_namespaces(7)). Ranges are written by the parent.
func (c *compiler) mapUsers() {
	u := &c.spec.Users
	if u.Unmapped {
		return
	}
	c.note(verbUserMap, "", u.Origin)
	c.writeFile("/proc/self/setgroups", "deny")
	c.writeFile("/proc/self/uid_map", idLine(u.UID, c.host.UID))
	c.writeFile("/proc/self/gid_map", idLine(u.GID, c.host.GID))
}

func idLine(inside, outside uint32) string {
	return decimal(uint64(inside)) + " " + decimal(uint64(outside)) + " 1\n"
}

// becomeMapped changes to an id that exists in the namespace while the root is built: 0 if it is
// known to be mapped, so that what is made belongs to root. A change of ids makes a process
// undumpable, and then its own /proc/self belongs to nobody here.
func (c *compiler) becomeMapped() {
	u := &c.spec.Users
	c.note("change to a mapped user", "", u.Origin)
	c.setIDs(c.builder())
}

// builder is who the child is until it drops privileges.
func (c *compiler) builder() (uid, gid uint32) {
	u := &c.spec.Users
	uid, gid = u.UID, u.GID
	if mapped(u.UIDs, 0) || u.Shared {
		uid = 0
	}
	if mapped(u.GIDs, 0) || u.Shared {
		gid = 0
	}
	return uid, gid
}

func (c *compiler) setIDs(uid, gid uint32) {
	c.b.Call(unix.SYS_SETRESGID, program.Num(gid), program.Num(gid), program.Num(gid))
	c.b.Call(unix.SYS_SETRESUID, program.Num(uid), program.Num(uid), program.Num(uid))
}

func mapped(ranges []IDRange, id uint32) bool {
	for _, r := range ranges {
		if id >= r.Inside && id-r.Inside < r.Count {
			return true
		}
	}
	return false
}

// setClocks writes the offsets of a new time namespace, which children of this process and its
// own execve enter.
func (c *compiler) setClocks() {
	t := &c.spec.Time
	if !t.Offset {
		return
	}
	c.note("set the clocks", "", "")
	c.writeFile("/proc/self/timens_offsets", "monotonic "+strconv.FormatInt(t.Monotonic, 10)+" 0\nboottime "+strconv.FormatInt(t.Boottime, 10)+" 0\n")
}

// describeSystem sets the names and brings the loopback interface up.
func (c *compiler) describeSystem() {
	s := c.spec
	if s.Enter != nil {
		return
	}
	if s.Hostname != "" {
		c.note("set the host name", s.Hostname, "")
		c.b.Call(unix.SYS_SETHOSTNAME, c.b.String(s.Hostname), program.Num(len(s.Hostname)))
	}
	if s.Domainname != "" {
		c.note("set the domain name", s.Domainname, "")
		c.b.Call(unix.SYS_SETDOMAINNAME, c.b.String(s.Domainname), program.Num(len(s.Domainname)))
	}
	if s.Net.New() && !c.aside() {
		c.raiseLoopback(c.from)
	}
}
