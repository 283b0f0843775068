package desktop

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// terminals keeps the app from typing into a terminal that it shares. The
// requests are those of asm-generic/ioctls.h, the same on all our ABIs.
func terminals() []specs.LinuxSyscall {
	const tiocsti, tioclinux, tiocsetd = 0x5412, 0x541c, 0x5423
	return []specs.LinuxSyscall{
		when(refuse(eperm, "ioctl"), is(1, low, tiocsti)),
		when(refuse(eperm, "ioctl"), is(1, low, tioclinux)),
		when(refuse(eperm, "ioctl"), is(1, low, tiocsetd)),
		allow("ioctl"),
	}
}

// sockets opens four families (socket(2), netlink(7)). The old way to packet
// sockets, AF_INET with SOCK_PACKET, ends in AF_PACKET (packet(7)); the low
// four bits are the type, SOCK_TYPE_MASK of linux/net.h.
func sockets() []specs.LinuxSyscall {
	const unix, inet, netlink, inet6 = 1, 2, 16, 10
	const packetType, typeMask = 10, 0xf
	const route, kobjectUevent = 0, 15
	const callSocket, callSocketpair = 1, 8
	return []specs.LinuxSyscall{
		when(refuse(enosys, "socketcall"), is(0, low, callSocket)),
		when(refuse(enosys, "socketcall"), is(0, low, callSocketpair)),
		allow("socketcall"),
		when(refuse(eafnosupport, "socket"), is(0, low, inet), is(1, typeMask, packetType)),
		when(allow("socket"), is(0, low, unix)),
		when(allow("socket"), is(0, low, inet)),
		when(allow("socket"), is(0, low, inet6)),
		when(allow("socket"), is(0, low, netlink), is(2, low, route)),
		when(allow("socket"), is(0, low, netlink), is(2, low, kobjectUevent)),
		when(refuse(eprotonosupport, "socket"), is(0, low, netlink)),
		refuse(eafnosupport, "socket"),
		when(allow("socketpair"), is(0, low, unix)),
		refuse(eafnosupport, "socketpair"),
	}
}

// processes closes what one process may do to another of the same user.
func processes(o seccomp.Options) []specs.LinuxSyscall {
	const kcmpFile = 0
	others := []string{"ptrace", "process_vm_readv", "process_vm_writev", "kcmp"}
	entries := append(personalities(o), when(allow("kcmp"), is(2, low, kcmpFile)))
	if o.Debug {
		return append(entries, allow(others...))
	}
	return append(entries, refuse(eperm, others...))
}

// personalities allows what Docker does (personality(2)): Linux, 32-bit Linux,
// each with the version number of Linux 2.6, and the question 0xffffffff.
func personalities(o seccomp.Options) []specs.LinuxSyscall {
	const linux32, uname26, question, noRandomize = 0x8, 0x20000, 0xffffffff, 0x40000
	values := []uint64{0, linux32, uname26, linux32 | uname26, question}
	if o.Debug {
		values = append(values, noRandomize, noRandomize|linux32)
	}
	var entries []specs.LinuxSyscall
	for _, v := range values {
		entries = append(entries, when(allow("personality"), is(0, low, v)))
	}
	return append(entries, refuse(eperm, "personality"))
}

// namespaces holds all ways to a new namespace or mount. The flags are those of
// clone(2); CLONE_NEWTIME is out of its reach.
func namespaces(o seccomp.Options) []specs.LinuxSyscall {
	const newNS, newCgroup, newUTS, newIPC = 0x20000, 0x02000000, 0x04000000, 0x08000000
	const newUser, newPID, newNet = 0x10000000, 0x20000000, 0x40000000
	const anyNew = newNS | newCgroup | newUTS | newIPC | newUser | newPID | newNet
	old := []string{
		"unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot",
		"sethostname", "setdomainname",
	}
	young := []string{
		"clone3", "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsconfig",
		"fsmount", "fspick", "mount_setattr", "statmount", "listmount",
	}
	if o.Nested {
		return []specs.LinuxSyscall{allow("clone"), allow(old...), allow(young...)}
	}
	return []specs.LinuxSyscall{
		when(allow("clone"), is(0, anyNew, 0)),
		refuse(eperm, "clone"),
		refuse(eperm, old...),
		refuse(enosys, young...),
	}
}

// allow lets calls through.
func allow(names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActAllow}
}

// refuse makes calls fail.
func refuse(errno uint, names ...string) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: &errno}
}

// when narrows an entry to calls for which all conditions hold.
func when(entry specs.LinuxSyscall, all ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	entry.Args = all
	return entry
}

// is holds when the bits of an argument under a mask have a value.
func is(arg uint, mask, value uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: arg, Op: specs.OpMaskedEqual, Value: mask, ValueTwo: value}
}
