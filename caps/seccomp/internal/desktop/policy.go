// Package desktop is the policy behind seccomp.Default, written as data.
//
// The policy is an allow-list. It lets through what desktop apps call (GTK, Qt,
// Electron, Firefox, Chromium, Java, Go, Rust and Wine programs on glibc 2.36
// or musl and later) and refuses all else, whatever else stands between the app
// and the kernel. It is at least as strict as Flatpak's, and differs from it in that a call nobody has
// thought of is refused and that more sockets are.
//
// # Two ways to be refused
//
// ENOSYS says "this kernel has no such call". It is the answer to every number
// that is not listed, to new calls whose callers know an older way (clone3, the
// mount API of Linux 5.2, io_uring, NUMA placement) and to obsolete ones.
// Libraries then take the older way: glibc starts threads by clone when clone3
// is ENOSYS and fails when it is EPERM; liburing, libnuma and util-linux look
// for ENOSYS likewise.
//
// EPERM says "you may not". It is the answer to calls that a user without
// privileges is used to see refused, or whose callers know no other way:
// mount, ptrace, keyctl, bpf, module and clock calls. Socket families answer
// EAFNOSUPPORT and netlink protocols EPROTONOSUPPORT, as a kernel built without
// them does.
//
// # What is refused, and why
//
//   - Namespaces and mounts (unshare, setns, clone with CLONE_NEW*, mount,
//     pivot_root, chroot, fsopen and its kin): a new user namespace brings back
//     capabilities over code that expects root, the ground of most local
//     privilege escalations (CVE-2018-18955), and mounts can shadow what the
//     sandbox put in place (CVE-2021-41133). Nested lifts this.
//   - clone3: its flags lie in memory, out of a filter's sight. Nested lifts it.
//   - ioctl TIOCSTI and TIOCLINUX type into the caller's terminal
//     (CVE-2017-5226, CVE-2023-28100), TIOCSETD loads line disciplines. The
//     kernel reads 32 bits of the request, so the rule does (CVE-2019-10063).
//   - Sockets other than Unix, IPv4, IPv6 and netlink for routes and device
//     events: vsock and AF_ALG reach around the network namespace or into little
//     tested code, packet sockets read the wire, NETLINK_NETFILTER and
//     NETLINK_XFRM have been the way to root of many exploits. SOCK_PACKET is
//     AF_PACKET by an old name.
//   - ptrace and process_vm_*: one process of the app would hold the others,
//     which matters where the app has a sandbox of its own. Debug lifts these.
//     pidfd_getfd stays refused. kcmp of open files passes, since Mesa needs it
//     to tell whether two descriptors are one; other kinds need Debug. (Flatpak
//     has no rule for kcmp.)
//   - personality beyond what a library asks for: READ_IMPLIES_EXEC and
//     ADDR_NO_RANDOMIZE undo hardening. Debug allows the latter, which gdb sets.
//   - keyrings: the kernel's are not namespaced. add_key, keyctl, request_key.
//   - io_uring, bpf, userfaultfd, perf_event_open: large and young attack
//     surface, which also passes by filters on the calls it stands for.
//   - mbind, move_pages and their kin, as Flatpak: NUMA placement.
//   - Machine-wide state: modules, kexec, reboot, swap, quotas, accounting,
//     the kernel log, the clock, I/O ports, the host name.
//   - open_by_handle_at opens files outside (the "shocker" exploit);
//     name_to_handle_at, lookup_dcookie, listns and statmount tell of them.
//   - modify_ldt except with ABI32, which is for 32-bit code segments.
//
// # 32-bit programs
//
// Without ABI32 every call by i386, x32 or 32-bit ARM numbers is ENOSYS. With
// it, i386 or ARM programs live by this same policy; x32 stays shut. socketcall
// hides the family in memory, so creating sockets by it is ENOSYS: musl calls
// socket itself, but i386 glibc built for kernels before 4.3 (Debian's,
// Ubuntu's and the Steam runtime's) knows only socketcall, and its programs
// get no new sockets. They can use inherited ones, so the other operations pass.
//
// # What this filter cannot do
//
// Conditions see registers, not memory: paths and addresses are the mounts' and
// the network's concern. ioctl on the app's devices is open, so a granted
// device is granted whole. With Nested an app reaches the kernel's mount and
// namespace code; the filter still follows it inside.
package desktop

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// The errnos of the policy, by value because golang.org/x/sys/unix has those of
// the building machine; these are the same on both of ours.
const (
	eperm           = 1
	enosys          = 38
	eprotonosupport = 93
	eafnosupport    = 97
)

// low is the mask for arguments that the kernel takes as 32-bit integers:
// compilers may leave anything in the upper half.
const low = 0xffffffff

// Policy returns the profile of one variant. Entries are tried in order, the
// first match decides.
func Policy(o seccomp.Options) *specs.LinuxSeccomp {
	none := uint(enosys)
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: &none}
	p.Syscalls = append(p.Syscalls, terminals()...)
	p.Syscalls = append(p.Syscalls, sockets()...)
	p.Syscalls = append(p.Syscalls, processes(o)...)
	p.Syscalls = append(p.Syscalls, namespaces(o)...)
	p.Syscalls = append(p.Syscalls, allow(everyday...), allow(older...), refuse(eperm, privileged...))
	if o.ABI32 {
		p.Architectures = []specs.Arch{specs.ArchX86, specs.ArchARM}
		p.Syscalls = append(p.Syscalls, allow("modify_ldt"), allow(narrow...))
	}
	p.Syscalls = append(p.Syscalls, refuse(enosys, absent...))
	return p
}
