package bwrap

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"snug/caps"
	"snug/sandbox"
)

// Caller is what a sandbox takes over from the process that asks for it, beside its words.
type Caller struct {
	Dir   string // the working directory, "" if there is none any more
	Umask uint32
	// What follows is asked for only if the words need to know.

	// Terminal is the path of the terminal on standard output, "" if it is none.
	Terminal func() string
	// Caps are the effective capabilities.
	Caps func() (caps.Set, error)
	// NoUsers and NoCgroups say that the kernel has no new namespaces of these kinds to give.
	NoUsers, NoCgroups func() bool
	// Read gives what a descriptor holds, to its end, and closes it.
	Read func(fd int) ([]byte, error)
	// File gives a descriptor as a file, which is not passed on any further.
	File func(fd int) (*os.File, error)
	// Identify tells which file an open descriptor is, and by which path.
	Identify func(fd int) (path string, id sandbox.FileID, err error)
	// Find gives the path of a file without links, as realpath(3) does. It fails for what does not
	// exist or cannot be reached, and gives "" for what has no path, like /proc/self/ns/user.
	Find func(path string) (string, error)
}

// Spec is the sandbox that the words ask for. There must be a command among them.
func (l *Line) Spec(h *sandbox.Host, c *Caller) (*sandbox.Spec, error) {
	if len(l.args) == 0 {
		return nil, errUsage
	}
	b := &build{line: l, host: h, caller: c, spec: &sandbox.Spec{}, parents: 0o755}
	for _, part := range []func(*build) error{(*build).namespaces, (*build).users, (*build).root, (*build).process, (*build).capabilities, (*build).filters} {
		if err := part(b); err != nil {
			return nil, err
		}
	}
	return b.spec, nil
}

// build is a Spec on its way.
type build struct {
	line    *Line
	host    *sandbox.Host
	caller  *Caller
	spec    *sandbox.Spec
	parents uint32 // mode of the parents that the next step makes
	newUser bool
}

// file takes a descriptor that a word names.
func (b *build) file(f fd) (*os.File, error) {
	if !f.given {
		return nil, nil
	}
	file, err := b.caller.File(f.number)
	if err != nil {
		return nil, dieWith("Can't use fd "+strconv.Itoa(f.number), err)
	}
	return file, nil
}

func (b *build) namespaces() error {
	l, s := b.line, b.spec
	b.newUser = l.user || !l.users.given && b.host.UID != 0 || l.userTry && !b.caller.NoUsers()
	if err := l.checkHost(b.newUser, b.host.UID, b.host.GID); err != nil {
		return err
	}
	if l.cgroup && b.caller.NoCgroups() {
		return die("Cannot create new cgroup namespace because the kernel does not support it")
	}
	s.IPC.Shared, s.UTS.Shared, s.Net.Shared = !l.ipc, !l.uts, !l.net
	s.Cgroup.Shared = !l.cgroup && !(l.cgroupTry && !b.caller.NoCgroups())
	s.PID.Shared = !l.pid && !l.pids.given
	if l.hostname != nil {
		s.Hostname = *l.hostname
	}
	join, err := b.file(l.pids)
	if l.pid {
		s.PIDAbove = join
	} else {
		s.PID.Join = join
	}
	return err
}

// users says who the app is. In a namespace that somebody else maps, or that is joined, it is whoever
// it was, by that map, unless it is told.
func (b *build) users() (err error) {
	l, u := b.line, &b.spec.Users
	u.Nested, u.Origin = !l.disableUsers, "--unshare-user"
	u.Below, u.Sealed = l.disableUsers, l.disableUsers || l.assertDisabled
	u.UID, u.GID = b.host.UID, b.host.GID
	if l.uid != nil {
		u.UID = *l.uid
	}
	if l.gid != nil {
		u.GID = *l.gid
	}
	switch {
	case l.users.given:
		if u.Join, err = b.file(l.users); err != nil {
			return err
		}
		if l.uid == nil || *l.uid == b.host.UID {
			u.UID = sandbox.SameID
		}
		if l.gid == nil || *l.gid == b.host.GID {
			u.GID = sandbox.SameID
		}
	case !b.newUser:
		u.Shared = true
	case l.usersBlock.given:
		u.Unmapped, u.UID, u.GID = true, sandbox.SameID, sandbox.SameID
	}
	u.After, err = b.file(l.users2)
	return err
}

func (b *build) process() error {
	l, p := b.line, &b.spec.Process
	p.Origin = "command line"
	p.Argv = append([]string(nil), l.args...)
	p.Programs, p.Scripts = l.search(l.args[0]), true
	if l.argv0 != nil {
		p.Argv[0] = *l.argv0
	}
	p.Env, p.PWD = l.env, true
	if b.caller.Dir != "" {
		p.Dirs = []string{b.caller.Dir}
	}
	if home, ok := l.variable("HOME"); ok && home != "" {
		p.Dirs = append(p.Dirs, home)
	}
	p.Dirs = append(p.Dirs, "/")
	if l.chdir != nil {
		p.Dirs = []string{*l.chdir}
	}
	p.Umask = b.caller.Umask
	if b.host.Caller.Known {
		p.Signals = b.host.Caller.Signals
		p.Rlimits = []sandbox.Rlimit{b.host.Caller.Files}
	}
	const child = 1 << (unix.SIGCHLD - 1) // always as it is by default
	p.Signals.Ignored &^= child
	p.Signals.Blocked &^= child
	p.Session, p.AllFiles = !l.newSession, true
	p.InitName = "bwrap" // scripts look for it
	p.Init, p.Outlive, p.Linger = l.asPID1, !l.dieWithParent, l.pid && !l.asPID1
	p.Locks = l.locks
	if l.sync.given && !l.asPID1 {
		f, err := b.file(l.sync)
		if err != nil {
			return err
		}
		p.Held = []*os.File{f}
	}
	wait, err := b.file(l.block)
	b.spec.Handover.Wait = wait
	return err
}

// search gives what execvp(3) tries for a command, with the PATH that the command gets.
func (l *Line) search(name string) []string {
	if strings.Contains(name, "/") || name == "" {
		return []string{name}
	}
	path, ok := l.variable("PATH")
	if !ok {
		path = "/bin:/usr/bin"
	}
	var programs []string
	for dir := range strings.SplitSeq(path, ":") {
		if dir != "" {
			dir += "/"
		}
		programs = append(programs, dir+name)
	}
	return programs
}

// capabilities are none for an ordinary user and the caller's own for root, but for what the words
// add and drop in turn.
func (b *build) capabilities() error {
	var want caps.Set
	if b.host.UID == 0 {
		var err error
		if want, err = b.caller.Caps(); err != nil {
			return err
		}
	}
	all := caps.UpTo(b.host.LastCapability)
	for _, c := range b.line.caps {
		set := ^caps.Set(0)
		if !strings.EqualFold(c.name, "ALL") {
			set, _ = caps.Parse(c.name)
		}
		if want |= set; !c.add {
			want &^= set
		}
	}
	want &= all
	s := caps.Sets{Bounding: want, Permitted: want, Effective: want, Inheritable: want, Ambient: want}
	if b.host.UID == 0 && len(b.line.caps) == 0 {
		s.Inheritable, s.Ambient = 0, 0
		if !b.newUser && !b.line.users.given {
			s.Bounding = all // bubblewrap leaves it as it is
		}
	}
	b.spec.Process.Capabilities = s
	b.protectMounts()
	return nil
}

// protectMounts keeps capabilities that were added from undoing the sandbox: with --dev, and where
// the app is not root, bubblewrap's app is in a second user namespace, and those of the first, its
// mounts and network among them, are not its own.
func (b *build) protectMounts() {
	u := &b.spec.Users
	if b.spec.Process.Capabilities.Permitted == 0 || !b.newUser || u.Unmapped || u.UID == 0 && u.GID == 0 {
		return
	}
	for i := range b.line.operations {
		if b.line.operations[i].kind == dev {
			u.Below = true
		}
	}
}

func (b *build) filters() error {
	l := b.line
	if l.seccomp.given {
		if err := l.addFilter(l.seccomp.number, b.caller.Read); err != nil {
			return err
		}
	}
	for i, code := range l.filters {
		if len(code) == 0 {
			return die("prctl(PR_SET_SECCOMP): Invalid argument")
		}
		b.spec.Process.Filters = append(b.spec.Process.Filters, sandbox.Filter{Name: strconv.Itoa(i + 1), Code: code, Origin: "--seccomp"})
	}
	return nil
}
