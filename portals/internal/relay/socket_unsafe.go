package relay

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The two system calls of the data path. Package unix has them, but allocates the peer's address
// on every call, and enters the scheduler, which non-blocking calls need not.
//
// Invariants: every pointer in a Msghdr is to memory that the caller of the function keeps alive
// and does not move: slices of the loop, which live on the heap, and the Msghdr itself, which is a
// field of the loop.

// most descriptors in one message: SCM_MAX_FD of the kernel.
const most = 253

// control is the room for the descriptors of one message.
const control = 24 + most*4

// socket is what one call needs, kept to be used again.
type socket struct {
	head unix.Msghdr
	vec  [64]unix.Iovec
	oob  [control]byte
}

// receive reads once. more is what has arrived beside the bytes.
func (s *socket) receive(fd int, b []byte) (n int, oob []byte, flags int32, err error) {
	s.vec[0].Base = unsafe.SliceData(b) // alive: b is used by the caller afterwards
	s.vec[0].SetLen(len(b))
	s.head = unix.Msghdr{Iov: &s.vec[0], Control: &s.oob[0]}
	s.head.SetIovlen(1)
	s.head.SetControllen(len(s.oob))
	for {
		r, _, e := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.head)), unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0, nil, 0, e
		}
		return int(r), s.oob[:s.head.Controllen], s.head.Flags, nil
	}
}

// send writes the pieces once, with the descriptors in oob at their first byte.
func (s *socket) send(fd int, pieces []piece, oob []byte) (n int, err error) {
	count := min(len(pieces), len(s.vec))
	for i, p := range pieces[:count] {
		s.vec[i].Base = unsafe.SliceData(p.bytes) // alive: the queue holds the pieces
		s.vec[i].SetLen(len(p.bytes))
	}
	s.head = unix.Msghdr{Iov: &s.vec[0], Control: unsafe.SliceData(oob)}
	s.head.SetIovlen(count)
	s.head.SetControllen(len(oob))
	for {
		r, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.head)), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0, e
		}
		return int(r), nil
	}
}
