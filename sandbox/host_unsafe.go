package sandbox

import (
	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file asks the kernel which calls it has. The calls are made with arguments that cannot do
// anything: no memory is passed, so there is nothing that unsafe could break; it stands here
// because raw calls do.

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
