package sandbox

import (
	"strings"
	"syscall"

	"snug/sandbox/internal/program"
)

// Error says what could not be done, which grant asked for it, and what to do about it.
type Error struct {
	What   string // "bind \"/x\": no such file or directory"
	Verb   string // what was tried, as in What; empty if it was not the child
	Call   string // the system call that failed, as Program.String prints it; likewise
	Origin Origin // empty if nobody in particular asked
	Hint   string // empty if there is nothing to say
	Err    error  // the cause, if it is an error of the kernel
	Exec   bool   // the sandbox was ready; only the command could not be executed
}

func (e *Error) Error() string {
	if e.Origin == "" {
		return e.What
	}
	return e.What + " (" + string(e.Origin) + ")"
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Overlay reports whether the kernel makes no such overlay here: of folders on their file system, or by users at all.
func (e *Error) Overlay() bool {
	if e.Verb != verbOverlay {
		return false
	}
	switch e.Err {
	case syscall.EROFS, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EPERM, syscall.ENODEV:
		return true
	}
	return false
}

// explain makes an Error of a failure of the child.
func (p *Program) explain(f *program.Failure) *Error {
	return &Error{
		What:   f.Error(),
		Verb:   f.Note.Verb,
		Call:   f.Call,
		Origin: Origin(f.Note.Origin),
		Hint:   hint(f, p.host, p.spec),
		Err:    f.Errno,
		Exec:   f.Note.Verb == verbExec,
	}
}

// hint is the table of what to do about a failure, by what was tried, the errno, and the machine.
func hint(f *program.Failure, h *Host, s *Spec) string {
	verb, errno := f.Note.Verb, f.Errno
	is := func(v string, list ...syscall.Errno) bool {
		if verb != v {
			return false
		}
		for _, e := range list {
			if e == errno {
				return true
			}
		}
		return len(list) == 0
	}
	switch {
	case is(verbClone, syscall.EPERM) && s.Users.Shared && h.UID != 0:
		return "namespaces need a user namespace of the sandbox's own"
	case is(verbClone, syscall.EPERM, syscall.EACCES), is(verbUserMap, syscall.EPERM, syscall.EACCES):
		return "user namespaces are restricted on this machine; run: snug doctor"
	case is(verbClone, syscall.ENOSPC), is(verbClone, syscall.EUSERS):
		return "a limit in /proc/sys/user is reached, or namespaces are nested too deeply; run: snug doctor"
	case is(verbClone, syscall.EINVAL):
		return "the kernel lacks one of the namespaces; run: snug doctor"
	case is(verbClone, syscall.EAGAIN), is(verbClone, syscall.ENOMEM):
		return "the limit of processes (ulimit -u) or memory is used up"
	case is(verbProc, syscall.EPERM):
		return "something is mounted over parts of /proc here, as in most containers, so the kernel refuses a new one"
	case is(verbSysfs, syscall.EPERM):
		return "a new sysfs needs a network namespace of the sandbox's own"
	case is(verbMqueue, syscall.EPERM):
		return "message queues need an IPC namespace of the sandbox's own"
	case is(verbCgroup2, syscall.EPERM):
		return "a view of the cgroups needs a cgroup namespace of the sandbox's own"
	case is(verbTerminal, syscall.ENOENT):
		return "a terminal needs a devpts on /dev/pts in the sandbox"
	case is(verbEnter, syscall.ESRCH):
		return "the sandbox has ended"
	case is(verbEnter, syscall.EPERM), is(verbEnter, syscall.EACCES):
		return "the sandbox belongs to another user"
	case is(verbSealed):
		return "they can; forbid them, or join a namespace in which they are forbidden"
	case is(verbShow, syscall.ESTALE):
		return "the app moved its place away meanwhile; try again"
	case is(verbHide, syscall.ESTALE):
		return "the app keeps moving the folders around it; to end the app: snug stop"
	case is(verbLook, syscall.ELOOP), is(verbPlace, syscall.ELOOP), is(verbShow, syscall.ELOOP):
		return "in the sandbox a symbolic link stands on the way, and links of the app are not followed"
	case is(verbLook, syscall.ENOTDIR), is(verbPlace, syscall.ENOTDIR):
		return "in the sandbox a file stands where a folder on the way should be"
	case is(verbPlace, syscall.EROFS):
		return "the folder around it is in the sandbox, read-only, and is not changed for this; grant it when the sandbox starts"
	case is(verbPlace, syscall.EEXIST), is(verbPlace, syscall.ENOENT), is(verbShow, syscall.ENOENT):
		return "the app changed the folders on the way meanwhile; try again"
	case is(verbShow, syscall.EINVAL, syscall.ENOTDIR, syscall.EISDIR):
		return "a folder can only be shown on a folder, a file only on a file"
	case is(verbLock, syscall.EAGAIN), is(verbLock, syscall.EACCES):
		return "another process holds a lock on it"
	case is(verbOOM, syscall.EACCES):
		return "only root can make a process less likely to be killed"
	case is(verbBind, syscall.ESTALE):
		return "the file was replaced after it was checked; start again"
	case is(verbBind, syscall.ENOENT):
		return "it does not exist; put ? in front of it if it may be missing"
	case is(verbBind, syscall.ELOOP):
		return "part of the path became a symbolic link after it was checked; start again"
	case is(verbBind, syscall.EACCES):
		return "you may not enter a folder on the way to it"
	case is(verbBind, syscall.EINVAL, syscall.ENOTDIR, syscall.EISDIR):
		return "a folder can only be shown on a folder, a file only on a file"
	case is(verbOverlay, syscall.EINVAL, syscall.EOPNOTSUPP) && !h.Has(6, 6):
		return "changes in memory over an overlay need Linux 6.6; give it an upper folder on disk"
	case is(verbOverlay, syscall.EROFS), is(verbOverlay, syscall.EINVAL):
		return "the kernel takes no changes of an overlay on every file system; put them on ext4, xfs, btrfs or, from Linux 6.6, a tmpfs"
	case is(verbOverlay, syscall.EPERM, syscall.ENODEV):
		return "this kernel makes no overlays for users"
	case is(verbFuse, syscall.ENOENT, syscall.ENXIO, syscall.ENODEV, syscall.EACCES, syscall.EPERM):
		return "it needs /dev/fuse, readable and writable: modprobe fuse, and what your distribution says of its mode"
	case is(verbFuse, syscall.EMFILE, syscall.EINVAL):
		return "the limit of open files (ulimit -n) is below 256, or whoever started this has as many open"
	case is(verbFuse, syscall.ENOTCONN):
		return "the program that serves it has ended"
	case is(verbExec, syscall.ENOENT), is(verbExec, syscall.ENOTDIR):
		return "the program, or the interpreter or loader that it names, is not in the sandbox"
	case is(verbExec, syscall.EACCES):
		return "the file is not executable, or lies on a mount without exec"
	case is(verbExec, syscall.ENOEXEC):
		return "the file is not a program for this machine; a script needs #! in its first line"
	case errno == syscall.EROFS:
		return "its parent is read-only in the sandbox; make it before that is bound, or mount a tmpfs there"
	case is(verbDir):
		return "the working directory is not in the sandbox"
	case is(verbUserLimit):
		return "/proc/sys is read-only here; nested user namespaces cannot be forbidden"
	}
	return ""
}

// The verbs that hint and others tell apart.
const (
	verbClone     = "make the namespaces"
	verbUserMap   = "set the user map"
	verbUserLimit = "forbid nested user namespaces"
	verbSealed    = "check that no user namespaces can be made"
	verbLock      = "lock"
	verbLook      = "look at"
	verbPlace     = "make a place for"
	verbShow      = "show"
	verbHide      = "take away"
	verbOOM       = "set the OOM score"
	verbEnter     = "join the sandbox"
	verbTerminal  = "open a terminal"
	verbMqueue    = "mount mqueue on"
	verbCgroup2   = "mount cgroup2 on"
	verbBind      = "bind"
	verbProc      = "mount proc on"
	verbSysfs     = "mount sysfs on"
	verbOverlay   = "mount an overlay on"
	verbFuse      = "mount a served file system on"
	verbDir       = "enter the working directory"
	verbExec      = "execute"
)

// quote is for names from outside in messages: control characters cannot reach a terminal.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == 0x7f || c == '"' || c == '\\' {
			b.WriteString("\\x" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
