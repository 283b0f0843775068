package sandbox_test

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// x/sys/unix has the numbers of seccomp_unotify(2) but not its structs.
//
// Invariant: both structs are laid out as in linux/seccomp.h, 80 and 24 bytes on every 64-bit
// machine, and live across the calls.

type seccompNotif struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type seccompResp struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

const (
	ioctlNotifRecv = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlNotifSend = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
)

// answer waits for one call that a filter asks about and answers it with an errno. It gives the
// number of the call.
func answer(listener *os.File, errno unix.Errno) (nr int32, err error) {
	var ask seccompNotif
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, listener.Fd(), ioctlNotifRecv, uintptr(unsafe.Pointer(&ask))); e != 0 {
		return 0, e
	}
	resp := seccompResp{id: ask.id, err: -int32(errno)}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, listener.Fd(), ioctlNotifSend, uintptr(unsafe.Pointer(&resp))); e != 0 {
		return 0, e
	}
	return ask.nr, nil
}
