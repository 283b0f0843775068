// Package system is the policy behind seccomp.System, written as data: what a whole system that boots as
// fake root may not call.
//
// It is a deny-list, as such a system runs programs of every kind, mounts, and makes sandboxes of its own;
// what it may do is bounded by its user namespace and its capabilities. Refused is
//
//   - what no user namespace makes harmless: the kernel's keyrings, which are not namespaced, and whose
//     keys of the caller's user id a fake root could read;
//   - what only root of the initial namespace may do, and where a service that tries goes on when the
//     answer is that the kernel has no such call: modules, kexec, the clock, swap, accounting, I/O ports;
//   - large and young code that a booting system does without: io_uring, userfaultfd, bpf, and
//     perf_event_open. Each has been the way out of a user namespace;
//   - sockets of families that are not bound to the network namespace, or that nobody has written for
//     decades: vsock reaches the hypervisor.
//
// ENOSYS is the answer where callers look for it, as systemd does for keyrings and bpf; EPERM elsewhere.
//
// Single is for a user namespace of one id: there no file can be given to another user and no process can
// become one, so calls that would are answered with success and do nothing. What tells the users of such a
// system apart is gone: it is for machines that grant no subordinate ids, and is never chosen silently.
package system

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/desktop"
)

var absent = []string{
	"add_key", "keyctl", "request_key",
	"io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "bpf",
	"lookup_dcookie", "nfsservctl", "uselib", "_sysctl", "create_module", "query_module", "get_kernel_syms",
}

var refused = []string{
	"perf_event_open",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog",
	"settimeofday", "clock_settime", "clock_settime64", "stime",
	"iopl", "ioperm", "pciconfig_iobase", "pciconfig_read", "pciconfig_write",
	"fanotify_init", "open_by_handle_at",
}

// pretended are the calls that change owners and ids.
var pretended = []string{
	"chown", "fchown", "lchown", "fchownat", "chown32", "fchown32", "lchown32",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
	"setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32", "setresgid32", "setgroups32", "setfsuid32", "setfsgid32",
}

// families are those that are refused: the last of each range of numbers of linux/socket.h that a system
// has a use for is Unix 1, IPv4 2, IPv6 10, netlink 16, packet 17, and the kernel's ciphers 38.
var families = []uint64{3, 4, 5, 6, 7, 8, 9, 11, 12, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 33, 34, 35, 36, 37, 39, 40, 41, 42, 43, 44, 45}

// Policy is the profile.
func Policy(single bool) *specs.LinuxSeccomp {
	const (
		success, eperm, enosys, eafnosupport = 0, 1, 38, 97
		low                                  = 0xffffffff // the kernel takes a family as 32 bits
	)
	answer := func(errno uint, args []specs.LinuxSeccompArg, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: specs.ActErrno, ErrnoRet: &errno, Args: args}
	}
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Architectures: []specs.Arch{specs.ArchX86, specs.ArchARM},
		Syscalls:      []specs.LinuxSyscall{answer(enosys, nil, absent...), answer(eperm, nil, refused...)},
	}
	for _, family := range families {
		is := []specs.LinuxSeccompArg{{Index: 0, Value: low, ValueTwo: family, Op: specs.OpMaskedEqual}}
		p.Syscalls = append(p.Syscalls, answer(eafnosupport, is, "socket", "socketpair"))
	}
	if single {
		p.Syscalls = append(p.Syscalls, answer(success, nil, pretended...))
	}
	return p
}

// File returns the name of the generated file of a machine.
func File(arch seccomp.Arch) string {
	if arch == seccomp.ARM64 {
		return "zz_system_arm64.go"
	}
	return "zz_system_amd64.go"
}

// Source returns the content of the generated file.
func Source(arch seccomp.Arch) ([]byte, error) {
	many, _, err := seccomp.Compile(Policy(false), arch)
	if err != nil {
		return nil, err
	}
	single, _, err := seccomp.Compile(Policy(true), arch)
	if err != nil {
		return nil, err
	}
	return desktop.Constants(
		desktop.Named{Name: "systemFilter", What: "what a booted system may call", Filter: many},
		desktop.Named{Name: "singleFilter", What: "the same in a user namespace of one id", Filter: single})
}
