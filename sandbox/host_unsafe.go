package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file asks the kernel which calls it has and what this process does with signals.
//
// Invariants: the calls cannot do anything but answer, and the only memory that is passed is a
// variable on the stack, large enough for the kernel's struct, for the time of the call.

// hasClone3 calls clone3 without arguments: EINVAL where it exists, ENOSYS where it does not or
// where a seccomp filter hides it, as Docker's and Flatpak's do.
func hasClone3() bool {
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	return errno == unix.EINVAL
}

// landlockABI asks for the version, 0 where there is no Landlock (landlock_create_ruleset(2)).
func landlockABI() int {
	v, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// started gives what the entry point recorded.
func started() Caller {
	s, ok := program.Started()
	return Caller{
		Known:   ok,
		Signals: SignalMask{Ignored: s.Ignored, Blocked: s.Blocked},
		Files:   Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: s.Files[0], Hard: s.Files[1]},
	}
}

// ignoredSignals asks for the action of every signal. The kernel writes struct kernel_sigaction,
// whose first word is the handler; it is at most 32 bytes.
func ignoredSignals() (ignored uint64) {
	var old [4]uintptr
	for sig := uintptr(1); sig <= 64; sig++ {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		if errno == 0 && old[0] == 1 { // SIG_IGN
			ignored |= 1 << (sig - 1)
		}
	}
	return ignored
}
