// Package broker is the policy behind seccomp.Broker, written as data: what a static Go program calls
// that does nothing but carry bytes between sockets that it has, or that lie in its own root.
//
// It is an allow-list of some sixty calls. The program can make threads but no process, and no socket
// but a Unix one, whose address is the kernel's choice; it cannot change, make or remove any file: what it
// opens it opens to read. Of what
// the launcher still calls behind the filter, execve stays open: the only program in a broker's root
// is the broker.
//
// All else is EPERM and not a signal: the Go runtime asks for some things that it does without, such
// as timers and the names of threads, and a broker that lives is worth more than the trace of one
// that was killed.
package broker

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
	"snug/caps/seccomp/internal/desktop"
)

var calls = []string{
	// carrying
	"read", "write", "readv", "writev", "close", "close_range", "recvmsg", "sendmsg", "recvfrom", "sendto",
	"accept4", "connect", "shutdown", "listen", "getsockopt", "setsockopt", "getsockname", "getpeername",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe2", "fcntl", "poll", "ppoll",
	// memory
	"mmap", "munmap", "mprotect", "madvise", "mincore", "brk",
	// threads, signals and time
	"futex", "exit", "exit_group", "gettid", "getpid", "tgkill", "sched_yield", "sched_getaffinity",
	"set_tid_address", "set_robust_list", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"restart_syscall", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday",
	// the start of a program
	"execve", "fstat", "newfstatat", "getrlimit", "prlimit64", "arch_prctl", "getrandom", "getuid", "geteuid",
	"getgid", "getegid", "prctl", "uname",
}

// Policy is the profile.
func Policy() *specs.LinuxSeccomp {
	const (
		eperm, enosys   = 1, 38
		unixFamily      = 1
		noAddress       = 2       // bytes: the family alone, and so the kernel chooses (unix(7), autobind)
		thread          = 0x10000 // CLONE_THREAD
		accessMode      = 3       // O_ACCMODE
		creates         = 0x40    // O_CREAT
		low             = 0xffffffff
		clone3, openat2 = "clone3", "openat2"
	)
	denied, absent := uint(eperm), uint(enosys)
	allow := func(args []specs.LinuxSeccompArg, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: specs.ActAllow, Args: args}
	}
	masked := func(index uint, mask, value uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Value: mask, ValueTwo: value, Op: specs.OpMaskedEqual}
	}
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, DefaultErrnoRet: &denied,
		Syscalls: []specs.LinuxSyscall{
			allow(nil, calls...),
			allow([]specs.LinuxSeccompArg{masked(0, low, unixFamily)}, "socket"),
			allow([]specs.LinuxSeccompArg{masked(2, low, noAddress)}, "bind"),
			allow([]specs.LinuxSeccompArg{masked(0, thread, thread)}, "clone"),
			allow([]specs.LinuxSeccompArg{masked(2, accessMode|creates, 0)}, "openat"),
			{Names: []string{clone3, openat2}, Action: specs.ActErrno, ErrnoRet: &absent},
		},
	}
}

// File returns the name of the generated file of a machine.
func File(arch seccomp.Arch) string {
	if arch == seccomp.ARM64 {
		return "zz_broker_arm64.go"
	}
	return "zz_broker_amd64.go"
}

// Source returns the content of the generated file.
func Source(arch seccomp.Arch) ([]byte, error) {
	f, _, err := seccomp.Compile(Policy(), arch) // arm64 lacks some of the calls
	if err != nil {
		return nil, err
	}
	return desktop.Constants(desktop.Named{Name: "brokerFilter", What: "what a broker may call", Filter: f})
}
