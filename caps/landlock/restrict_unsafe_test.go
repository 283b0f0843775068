package landlock_test

// Invariants of this file: the bytes behind a raw argument are kept alive until
// the call returns, and restrict is called on a locked thread of a child
// process that ends soon, since a domain can never be left.

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"snug/caps/landlock"
)

// kernelABI asks the kernel for its ABI.
func kernelABI() (int, error) {
	abi, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, errno
	}
	return int(abi), nil
}

// restrict enforces a Ruleset on the calling thread as a launcher would.
func restrict(r landlock.Ruleset, abi int) error {
	attr, err := r.Attr(abi)
	if err != nil {
		return err
	}
	set, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(unsafe.SliceData(attr))), uintptr(len(attr)), 0) // kept alive below
	runtime.KeepAlive(attr)
	if errno != 0 {
		return fmt.Errorf("create: %w", errno)
	}
	for _, p := range r.Paths {
		fd, err := unix.Open(p.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		rule := p.Bytes()
		binary.NativeEndian.PutUint32(rule[landlock.ParentFDOffset:], uint32(fd))
		if err := addRule(set, landlock.RulePathBeneath, rule); err != nil {
			return fmt.Errorf("rule for %q: %w", p.Path, err)
		}
	}
	for _, p := range r.Ports {
		if err := addRule(set, landlock.RuleNetPort, p.Bytes()); err != nil {
			return fmt.Errorf("rule for port %d: %w", p.Port, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, uintptr(r.Log), 0); errno != 0 {
		return fmt.Errorf("restrict: %w", errno)
	}
	return nil
}

func addRule(set uintptr, kind uintptr, rule []byte) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, set, kind,
		uintptr(unsafe.Pointer(unsafe.SliceData(rule))), 0, 0, 0) // kept alive below
	runtime.KeepAlive(rule)
	if errno != 0 {
		return errno
	}
	return nil
}
