package sandbox

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"snug/caps"
)

// State is what it takes to enter a running sandbox, as plain data: a program that did not start
// it can keep this in a file. The file must be one that nothing in a sandbox can write, as it
// says how a process that enters is confined (CVE-2019-12589).
type State struct {
	Pid        int    // of the first process, as the host counts
	Started    uint64 // when that began, in clock ticks since boot: tells a reused Pid apart
	Namespaces uint64 // CLONE_NEW* flags of the namespaces that are not the caller's

	UID, GID   uint32
	UIDs, GIDs []IDRange
	Groups     []uint32

	Capabilities  caps.Sets // the most that a process in the sandbox has
	NewPrivileges bool
	Filters       []Filter
	Landlock      *Landlock
}

// State describes the sandbox for [State.Enter]. Started is 0 if it has ended.
func (in *Instance) State() State {
	s := in.spec
	p, u := &s.Process, &s.Users
	st := State{
		Pid: in.pid, Namespaces: s.namespaces(),
		UID: u.UID, GID: u.GID, UIDs: u.UIDs, GIDs: u.GIDs, Groups: u.Groups,
		Capabilities: p.Capabilities, NewPrivileges: p.NewPrivileges, Filters: p.Filters, Landlock: p.Landlock,
	}
	if s.Enter != nil {
		st.Namespaces = s.Enter.Namespaces
	} else {
		for _, n := range s.list() {
			if n.Join != nil {
				st.Namespaces |= n.flag
			}
		}
		if s.Time.Join != nil {
			st.Namespaces |= unix.CLONE_NEWTIME
		}
	}
	st.Started, _ = startTime(in.pid)
	return st
}

// Exec runs another process in the sandbox, by its first process, in its cgroup: one that has
// never more than the app, see [State.Enter].
func (in *Instance) Exec(p Process) (*Instance, error) {
	in.open.Lock()
	if in.pidfd < 0 {
		in.open.Unlock()
		return nil, errEnded(p.Origin)
	}
	st := in.State()
	s := st.spec(p)
	pidfd, err := unix.FcntlInt(uintptr(in.pidfd), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		s.Enter.Process = os.NewFile(uintptr(pidfd), "pidfd")
		defer s.Enter.Process.Close()
	}
	if err == nil && in.cgroup >= 0 {
		var dir int
		if dir, err = unix.FcntlInt(uintptr(in.cgroup), unix.F_DUPFD_CLOEXEC, 3); err == nil {
			s.CgroupDir = os.NewFile(uintptr(dir), "cgroup")
			defer s.CgroupDir.Close()
		}
	}
	in.open.Unlock()
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return Run(s)
}

func errEnded(origin Origin) *Error {
	return &Error{What: verbEnter + ": " + unix.ESRCH.Error(), Origin: origin, Hint: "the sandbox has ended", Err: unix.ESRCH}
}

// Enter makes the Spec of a process that enters the sandbox. It refuses a process id that is
// another process by now, or one in a user namespace that is not the caller's. The process gets
// the sandbox's filters and Landlock ruleset beside its own filters, and no capability or
// privilege that the app cannot have. If the app keeps it from being executed, which what shares its
// PID namespace can, that fails after ten seconds with ETIMEDOUT.
//
// The caller closes Spec.Enter.Process, and may set Spec.CgroupDir.
func (st *State) Enter(p Process) (*Spec, error) {
	f, err := st.openOwn(p.Origin)
	if err != nil {
		return nil, err
	}
	s := st.spec(p)
	s.Enter.Process = f
	return s, nil
}

// openOwn is Open for who is about to join: it refuses what is not the caller's.
func (st *State) openOwn(origin Origin) (*os.File, error) {
	f, err := st.Open()
	if err != nil {
		return nil, errEnded(origin)
	}
	if st.Namespaces&unix.CLONE_NEWUSER != 0 && !ownsUsers(st.Pid) {
		f.Close()
		return nil, &Error{What: verbEnter + ": " + unix.EPERM.Error(), Origin: origin, Hint: "the sandbox belongs to another user", Err: unix.EPERM}
	}
	return f, nil
}

// Root opens the folder that is / in the sandbox (O_PATH). What stands in it is hostile: names are to be
// looked up in it by openat2(2) with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS. The caller closes it.
func (st *State) Root(origin Origin) (*os.File, error) {
	pidfd, root, err := st.openRoot(origin)
	if err != nil {
		return nil, err
	}
	pidfd.Close()
	return root, nil
}

// openRoot is openOwn and Root.
func (st *State) openRoot(origin Origin) (pidfd, root *os.File, err error) {
	if pidfd, err = st.openOwn(origin); err != nil {
		return nil, nil, err
	}
	root, err = os.OpenFile("/proc/"+strconv.Itoa(st.Pid)+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == nil {
		var fd int
		if fd, err = number(pidfd); err == nil {
			err = sendSignal(fd, 0) // it still lives, so that was its root
		}
	}
	if err != nil {
		root.Close()
		pidfd.Close()
		return nil, nil, errEnded(origin)
	}
	return pidfd, root, nil
}

// Open gives a pidfd of the sandbox's first process, which the caller closes. os.ErrProcessDone
// says that it has ended, whoever has its process id by now.
func (st *State) Open() (*os.File, error) {
	pidfd, err := unix.PidfdOpen(st.Pid, 0)
	if err != nil {
		return nil, os.ErrProcessDone
	}
	// The process that the pidfd names still lives after the look at /proc, so it is the one
	// that was looked at.
	began, ok := startTime(st.Pid)
	if !ok || began != st.Started || sendSignal(pidfd, 0) != nil {
		unix.Close(pidfd)
		return nil, os.ErrProcessDone
	}
	return os.NewFile(uintptr(pidfd), "pidfd"), nil
}

// spec is the Spec of a process that enters, but for the descriptors.
func (st *State) spec(p Process) *Spec {
	p.NewPrivileges = p.NewPrivileges && st.NewPrivileges
	p.Capabilities = within(p.Capabilities, st.Capabilities)
	filters := make([]Filter, 0, len(st.Filters)+len(p.Filters))
	for _, f := range st.Filters {
		f.Listen = false // what it would ask about is refused
		filters = append(filters, f)
	}
	p.Filters = append(filters, p.Filters...)
	if st.Landlock != nil {
		p.Landlock = st.Landlock
	}
	s := &Spec{
		Users:   Users{UID: st.UID, GID: st.GID, UIDs: st.UIDs, GIDs: st.GIDs, Groups: st.Groups},
		Enter:   &Enter{Namespaces: st.Namespaces},
		Process: p,
	}
	s.Users.Shared = st.Namespaces&unix.CLONE_NEWUSER == 0
	return s
}

// within cuts the sets to what a process with the sets of the app has or may get.
func within(s, app caps.Sets) caps.Sets {
	s.Bounding &= app.Bounding
	s.Permitted &= app.Permitted | app.Bounding
	s.Effective &= s.Permitted
	s.Inheritable &= s.Bounding
	s.Ambient &= s.Permitted & s.Inheritable
	return s
}

// startTime is when a process was started, in clock ticks.
func startTime(pid int) (uint64, bool) {
	n, err := strconv.ParseUint(statField(pid, 22), 10, 64)
	return n, err == nil
}

// statField is a field of /proc/PID/stat from the third on (proc_pid_stat(5)), or "". The name in
// field 2 may hold anything; nothing behind its last parenthesis can.
func statField(pid, field int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if err != nil || len(fields) <= field-3 {
		return ""
	}
	return string(fields[field-3])
}

// ownsUsers reports whether the caller's user made the user namespace of a process
// (ioctl_nsfs(2), Linux 4.11).
func ownsUsers(pid int) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/user")
	if err != nil {
		return false
	}
	defer f.Close()
	fd, err := number(f)
	if err != nil {
		return false
	}
	owner, err := unix.IoctlGetInt(fd, unix.NS_GET_OWNER_UID)
	return err == nil && uint32(owner) == uint32(os.Geteuid())
}
