package program

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// call describes a system call for printing: a letter for each argument that it takes.
//
//	d descriptor   s string   p pointer   n number   o octal mode   x hexadecimal
//	q string or number   other letters: flags, see flagNames
type call struct{ name, args string }

// describe knows the calls that our compilers emit; others are printed by number.
func describe(nr uint16) call {
	switch nr {
	case unix.SYS_CAPSET:
		return call{"capset", "pp"}
	case unix.SYS_CHDIR:
		return call{"chdir", "s"}
	case unix.SYS_CLONE:
		return call{"clone", "Cppp"}
	case unix.SYS_CLOSE:
		return call{"close", "d"}
	case unix.SYS_CLOSE_RANGE:
		return call{"close_range", "ddn"}
	case unix.SYS_DUP3:
		return call{"dup3", "ddO"}
	case unix.SYS_EVENTFD2:
		return call{"eventfd2", "nO"}
	case unix.SYS_EXECVE:
		return call{"execve", "spp"}
	case unix.SYS_EXECVEAT:
		return call{"execveat", "dsppA"}
	case unix.SYS_EXIT:
		return call{"exit", "n"}
	case unix.SYS_FACCESSAT2:
		return call{"faccessat2", "dsnA"}
	case unix.SYS_FCHDIR:
		return call{"fchdir", "d"}
	case unix.SYS_FCHMOD:
		return call{"fchmod", "do"}
	case unix.SYS_FCHMODAT:
		return call{"fchmodat", "dso"}
	case unix.SYS_FCHOWN:
		return call{"fchown", "dnn"}
	case unix.SYS_FCNTL:
		return call{"fcntl", "dnn"}
	case unix.SYS_FSCONFIG:
		return call{"fsconfig", "dnssd"}
	case unix.SYS_FSMOUNT:
		return call{"fsmount", "dnM"}
	case unix.SYS_FSOPEN:
		return call{"fsopen", "sn"}
	case unix.SYS_FSPICK:
		return call{"fspick", "dsn"}
	case unix.SYS_FUTEX:
		return call{"futex", "pnnp"}
	case unix.SYS_GETPID:
		return call{"getpid", ""}
	case unix.SYS_IOCTL:
		return call{"ioctl", "dxp"}
	case unix.SYS_LANDLOCK_ADD_RULE:
		return call{"landlock_add_rule", "dnpn"}
	case unix.SYS_LANDLOCK_CREATE_RULESET:
		return call{"landlock_create_ruleset", "pnn"}
	case unix.SYS_LANDLOCK_RESTRICT_SELF:
		return call{"landlock_restrict_self", "dn"}
	case unix.SYS_MKDIRAT:
		return call{"mkdirat", "dso"}
	case unix.SYS_MKNODAT:
		return call{"mknodat", "dson"}
	case unix.SYS_MOUNT:
		return call{"mount", "sssms"}
	case unix.SYS_MOUNT_SETATTR:
		return call{"mount_setattr", "dsApn"}
	case unix.SYS_MOVE_MOUNT:
		return call{"move_mount", "dsdsV"}
	case unix.SYS_MUNMAP:
		return call{"munmap", "xx"}
	}
	return describeMore(nr)
}

func describeMore(nr uint16) call {
	switch nr {
	case unix.SYS_OPENAT:
		return call{"openat", "dsOo"}
	case unix.SYS_OPENAT2:
		return call{"openat2", "dspn"}
	case unix.SYS_OPEN_TREE:
		return call{"open_tree", "dsT"}
	case unix.SYS_PIVOT_ROOT:
		return call{"pivot_root", "ss"}
	case unix.SYS_PPOLL:
		return call{"ppoll", "pnppn"}
	case unix.SYS_PRCTL:
		return call{"prctl", "Pqnnn"}
	case unix.SYS_PRLIMIT64:
		return call{"prlimit64", "nnpp"}
	case unix.SYS_READ:
		return call{"read", "dpn"}
	case unix.SYS_READLINKAT:
		return call{"readlinkat", "dspn"}
	case unix.SYS_RECVFROM:
		return call{"recvfrom", "dpnnpp"}
	case unix.SYS_RT_SIGACTION:
		return call{"rt_sigaction", "nppn"}
	case unix.SYS_RT_SIGPROCMASK:
		return call{"rt_sigprocmask", "nppn"}
	case unix.SYS_SECCOMP:
		return call{"seccomp", "nnp"}
	case unix.SYS_SENDMSG:
		return call{"sendmsg", "dpn"}
	case unix.SYS_SETDOMAINNAME:
		return call{"setdomainname", "sn"}
	case unix.SYS_SETGROUPS:
		return call{"setgroups", "np"}
	case unix.SYS_SETHOSTNAME:
		return call{"sethostname", "sn"}
	case unix.SYS_SETNS:
		return call{"setns", "dC"}
	case unix.SYS_SETPGID:
		return call{"setpgid", "nn"}
	case unix.SYS_SETRESGID:
		return call{"setresgid", "nnn"}
	case unix.SYS_SETRESUID:
		return call{"setresuid", "nnn"}
	case unix.SYS_SETSID:
		return call{"setsid", ""}
	case unix.SYS_SOCKET:
		return call{"socket", "nnn"}
	case unix.SYS_STATX:
		return call{"statx", "dsAxp"}
	case unix.SYS_SYMLINKAT:
		return call{"symlinkat", "sds"}
	case unix.SYS_UMASK:
		return call{"umask", "o"}
	case unix.SYS_UMOUNT2:
		return call{"umount2", "sU"}
	case unix.SYS_UNLINKAT:
		return call{"unlinkat", "dsn"}
	case unix.SYS_UNSHARE:
		return call{"unshare", "C"}
	case unix.SYS_WAIT4:
		return call{"wait4", "npxp"}
	case unix.SYS_WRITE:
		return call{"write", "dsn"}
	}
	return call{"syscall_" + strconv.Itoa(int(nr)), "xxxxxx"}
}

type flag struct {
	bit  uint64
	name string
}

// flags prints v by the flag names of a kind, or in hexadecimal.
func flags(v uint64, kind byte) string {
	names := flagNames(kind)
	if kind == 'P' { // prctl's first argument is one number of a list
		for _, f := range names {
			if f.bit == v {
				return f.name
			}
		}
	}
	var s []string
	rest := v
	for _, f := range names {
		if rest&f.bit == f.bit {
			s = append(s, f.name)
			rest &^= f.bit
		}
	}
	if rest != 0 || len(s) == 0 {
		if rest == 0 {
			return "0"
		}
		s = append(s, hex(rest))
	}
	return strings.Join(s, "|")
}

func flagNames(kind byte) []flag {
	switch kind {
	case 'A':
		return []flag{{unix.AT_RECURSIVE, "AT_RECURSIVE"}, {unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"}}
	case 'C':
		return []flag{{unix.CLONE_NEWUSER, "CLONE_NEWUSER"}, {unix.CLONE_NEWNS, "CLONE_NEWNS"}, {unix.CLONE_NEWPID, "CLONE_NEWPID"},
			{unix.CLONE_NEWIPC, "CLONE_NEWIPC"}, {unix.CLONE_NEWUTS, "CLONE_NEWUTS"}, {unix.CLONE_NEWNET, "CLONE_NEWNET"},
			{unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"}, {unix.CLONE_NEWTIME, "CLONE_NEWTIME"}, {unix.CLONE_PIDFD, "CLONE_PIDFD"},
			{unix.CLONE_PARENT, "CLONE_PARENT"}, {uint64(unix.SIGCHLD), "SIGCHLD"}}
	case 'M':
		return []flag{{unix.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"}, {unix.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"},
			{unix.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"}, {unix.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"}}
	case 'm':
		return []flag{{unix.MS_RDONLY, "MS_RDONLY"}, {unix.MS_NOSUID, "MS_NOSUID"}, {unix.MS_NODEV, "MS_NODEV"}, {unix.MS_NOEXEC, "MS_NOEXEC"},
			{unix.MS_REMOUNT, "MS_REMOUNT"}, {unix.MS_BIND, "MS_BIND"}, {unix.MS_REC, "MS_REC"}, {unix.MS_PRIVATE, "MS_PRIVATE"}, {unix.MS_SLAVE, "MS_SLAVE"}}
	case 'O':
		return []flag{{unix.O_PATH, "O_PATH"}, {unix.O_CLOEXEC, "O_CLOEXEC"}, {unix.O_DIRECTORY, "O_DIRECTORY"}, {unix.O_NOFOLLOW, "O_NOFOLLOW"},
			{unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_TRUNC, "O_TRUNC"}, {unix.O_RDWR, "O_RDWR"}, {unix.O_WRONLY, "O_WRONLY"}, {unix.O_NOCTTY, "O_NOCTTY"}}
	case 'P':
		return []flag{{unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"}, {unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"}, {unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"},
			{unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"}, {unix.PR_SET_NAME, "PR_SET_NAME"}, {unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"}, {unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"},
			{unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"}}
	case 'T':
		return []flag{{unix.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"}, {unix.AT_RECURSIVE, "AT_RECURSIVE"}, {unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"}, {unix.O_CLOEXEC, "OPEN_TREE_CLOEXEC"}}
	case 'U':
		return []flag{{unix.MNT_DETACH, "MNT_DETACH"}, {unix.UMOUNT_NOFOLLOW, "UMOUNT_NOFOLLOW"}}
	case 'V':
		return []flag{{unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"}, {unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"}}
	}
	return nil
}
