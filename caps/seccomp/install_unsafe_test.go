package seccomp_test

// Invariants of this file:
//   - the slice behind fprog and the arrays behind raw arguments stay reachable
//     until the call returns (runtime.KeepAlive);
//   - install is called on a locked thread of a child process that ends soon,
//     since a filter can never be taken off.

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// install puts a filter on the calling thread. flags are for seccomp(2).
func install(program []byte, flags uintptr) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{
		Len:    uint16(len(program) / 8),
		Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(program))), // kept alive below
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags,
		uintptr(unsafe.Pointer(&fprog))) // kept alive below
	runtime.KeepAlive(program)
	if errno != 0 {
		return errno
	}
	return nil
}
