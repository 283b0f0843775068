package sandbox

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox/internal/program"
)

// This file holds the phases that turn the child, inside its namespaces and its root, into the app.

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

// setProcess sets what execve keeps and nobody has to be trusted for.
func (c *compiler) setProcess() {
	p := &c.spec.Process
	for _, l := range p.Rlimits {
		if l.Resource == unix.RLIMIT_NOFILE {
			// Later, when the descriptors have their numbers. Only root can raise it, and no later
			// than now.
			if !c.host.privileged(c.spec) {
				continue
			}
			l.Soft, l.Hard = max(l.Hard, 1024), max(l.Hard, 1024)
		}
		c.rlimit(l)
	}
	c.note("set the umask", "", p.Origin)
	c.b.Call(unix.SYS_UMASK, program.Num(p.Umask))
}

func (c *compiler) rlimit(l Rlimit) {
	c.note("set a resource limit", strconv.Itoa(l.Resource), c.spec.Process.Origin)
	c.b.Call(unix.SYS_PRLIMIT64, program.Num(0), program.Num(l.Resource), c.b.Words("rlimit", program.Num(l.Soft), program.Num(l.Hard)).Addr(), program.Num(0))
}

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
	op := c.setGroups(u.Groups)
	if len(u.Groups) == 0 && (u.Unmapped || len(u.UIDs) == 0 && !u.Shared) {
		op.On(unix.EPERM, program.Ignore, 0) // a map without setgroups: nor can they be dropped
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

// confine enforces Landlock, then the filters: Landlock forbids mounts, and filters may forbid
// Landlock's calls. Before that the last descriptors are put in order.
func (c *compiler) confine() {
	s := c.spec
	if s.split() {
		c.note("wait for PID 1", "", "")
		c.b.Call(unix.SYS_READ, c.gate.Value(), c.pid.Addr(), program.Num(8)).On(unix.EINTR, program.Retry, 0)
		c.close(c.gate)
	}
	if s.Handover.Ready != nil {
		c.note("say that everything is ready", "", "")
		c.b.Call(unix.SYS_WRITE, c.file(s.Handover.Ready, "ready").Value(), c.b.String("\n"), program.Num(1)).On(0, program.Ignore, 0)
	}
	c.waitFor(s.Handover.Wait, "wait")
	c.passFiles()
	c.chdir()
	if l := s.Process.Landlock; l != nil {
		c.landlock(l)
	}
	for _, l := range s.Process.Rlimits {
		if l.Resource == unix.RLIMIT_NOFILE {
			c.rlimit(l)
		}
	}
	c.note("say that all is set up", "", "")
	c.say(msgReady)
	c.restoreSignals()
	for i := range s.Process.Filters {
		c.filter(&s.Process.Filters[i])
	}
}

// passFiles gives the files of the Spec their numbers, and closes all others but the two ways to
// the parent: what is a folder among them must not become the working directory. Start has made
// sure that no descriptor still needed has one of the numbers.
func (c *compiler) passFiles() {
	p := &c.spec.Process
	c.note("pass on files", "", p.Origin)
	for _, f := range p.Files {
		c.b.Call(unix.SYS_DUP3, c.file(f.Source, "file").Value(), program.Num(f.Number), program.Num(0))
	}
	for _, f := range c.out.files {
		if !p.AllFiles || slices.Contains(p.Held, f.file) {
			c.close(f.cell)
		}
	}
}

// chdir tries the working directories in turn. No descriptor of a folder outside is open any
// more, so a path through /proc/self/fd leads nowhere (CVE-2024-21626).
func (c *compiler) chdir() {
	dirs := c.spec.Process.dirs()
	var done []program.Label
	for i, dir := range dirs {
		c.note(verbDir, dir, c.spec.Process.Origin)
		op := c.b.Call(unix.SYS_CHDIR, c.b.String(dir))
		if i < len(dirs)-1 {
			entered := c.b.NewCell("entered") // 0 when it has been
			c.b.Preset(entered, 1)
			c.entered = append(c.entered, entered)
			op.To(entered).On(0, program.Skip, 1)
			done = append(done, c.b.Jump())
		}
	}
	for _, l := range done {
		c.b.Land(l)
	}
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

// restoreSignals gives the app the caller's signals. Handlers are gone before the mask is restored: one
// of the Go runtime's would run in a process without it. It comes before the filters, which need to
// let nothing through for us but execve, and a next filter.
func (c *compiler) restoreSignals() {
	p := &c.spec.Process
	c.note("restore signals", "", "")
	for sig := 1; sig <= 64; sig++ {
		switch {
		case sig == int(unix.SIGKILL) || sig == int(unix.SIGSTOP):
		case p.Signals.Ignored>>(sig-1)&1 != 0:
			c.sigaction(sig, 1)
		case !c.host.Clone3 || c.host.Ignored>>(sig-1)&1 != 0:
			c.sigaction(sig, 0)
		}
	}
	c.b.Call(unix.SYS_RT_SIGPROCMASK, program.Num(unix.SIG_SETMASK), c.b.Words("sigset", program.Num(p.Signals.Blocked)).Addr(), program.Num(0), program.Num(8))
}

// exec starts the program.
func (c *compiler) exec() {
	p := &c.spec.Process
	c.note(verbExec, p.Argv[0], p.Origin)
	argv := c.b.Strings("argv", p.Argv)
	if !p.PWD {
		c.execWith(argv, p.Env)
		return
	}
	dirs := p.dirs()
	var labels []program.Label
	for _, entered := range c.entered {
		labels = append(labels, c.b.TestEqual(entered.Value(), ^uint64(0), 0))
	}
	c.execWith(argv, withPWD(p.Env, dirs[len(dirs)-1]))
	for i, l := range labels {
		c.b.Land(l)
		c.execWith(argv, withPWD(p.Env, dirs[i]))
	}
}

// dirs are what Dirs stands for.
func (p *Process) dirs() []string {
	if len(p.Dirs) == 0 {
		return []string{"/"}
	}
	return p.Dirs
}

// withPWD gives a copy of an environment with another PWD.
func withPWD(env []string, dir string) []string {
	env = slices.Clone(env)
	for i, e := range env {
		if strings.HasPrefix(e, "PWD=") {
			env[i] = "PWD=" + dir
			return env
		}
	}
	return append(env, "PWD="+dir)
}

// execWith executes the program with an environment, or fails.
func (c *compiler) execWith(argv program.Cell, environ []string) {
	p := &c.spec.Process
	programs := p.Programs
	if len(programs) == 0 {
		programs = p.Argv[:1]
	}
	env := c.b.Strings("envp", environ)
	// As a shell does: go on when a candidate is missing; one that is there but may not be
	// executed wins over the missing ones when it comes to the reason.
	c.b.Preset(c.errno, uint64(unix.ENOENT))
	var scripts []program.Label
	for _, path := range programs {
		op := c.b.Call(unix.SYS_EXECVE, c.b.String(path), argv.Addr(), env.Addr()).To(c.errno)
		if !p.Scripts {
			op.On(unix.ENOENT, program.Ignore, 0).On(unix.ENOTDIR, program.Ignore, 0).On(unix.EACCES, program.Keep, 0)
			continue
		}
		op.On(unix.ENOENT, program.Skip, 3).On(unix.ENOTDIR, program.Skip, 3).On(program.Any, program.Keep, 0)
		scripts = append(scripts, c.b.TestEqual(c.errno.Value(), ^uint64(0), uint64(unix.ENOEXEC)))
		locked := c.b.TestEqual(c.errno.Value(), ^uint64(0), uint64(unix.EACCES))
		c.b.Call(program.Report, c.errno.Value())
		c.b.Land(locked)
	}
	c.b.Call(program.Report, c.errno.Value())
	for i, label := range scripts {
		c.b.Land(label)
		words := append([]string{"/bin/sh", programs[i]}, p.Argv[1:]...)
		c.b.Call(unix.SYS_EXECVE, c.b.String(words[0]), c.b.Strings("argv", words).Addr(), env.Addr())
	}
}

// sigaction sets a signal to be taken by default (0) or ignored (1).
func (c *compiler) sigaction(sig int, handler int) {
	name := "SIG_DFL"
	if handler == 1 {
		name = "SIG_IGN"
	}
	action := c.b.Words(name, program.Num(handler), program.Num(0), program.Num(0), program.Num(0))
	c.b.Call(unix.SYS_RT_SIGACTION, program.Num(sig), action.Addr(), program.Num(0), program.Num(8))
}
