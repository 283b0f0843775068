package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// x/sys/unix declares siginfo_t with its union as opaque bytes.
//
// Invariant: on the 64-bit machines that snug supports the union begins at offset 16, and for
// SIGCHLD holds pid, uid and status as 4 bytes each (asm-generic/siginfo.h). unix.Siginfo is 128
// bytes long, so offset 24 is inside.

// waitStatus makes the wait status of wait4(2) from what waitid(2) tells.
func waitStatus(info *unix.Siginfo) unix.WaitStatus {
	status := *(*int32)(unsafe.Add(unsafe.Pointer(info), 24))
	const exited, dumped, stopped = 1, 3, 5 // CLD_EXITED, CLD_DUMPED, CLD_STOPPED
	switch info.Code {
	case exited:
		return unix.WaitStatus(status&0xff) << 8
	case dumped:
		return unix.WaitStatus(status) | 0x80
	case stopped:
		return unix.WaitStatus(status)<<8 | 0x7f
	}
	return unix.WaitStatus(status)
}
