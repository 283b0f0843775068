package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file sets what a signal does, which os/signal cannot: after signal.Reset the Go runtime still
// handles SIGTSTP and SIGQUIT in its own way.
//
// The one invariant: action is the kernel's struct sigaction on amd64 and arm64, 32 bytes, and lives
// on the stack during the call. What is set is either nothing but a disposition, or what the kernel
// has given before: no code of ours becomes a handler.

// action is what the kernel does with a signal.
type action struct{ handler, flags, restorer, mask uint64 }

const ignored = 1 // SIG_IGN; 0 is SIG_DFL

// setAction sets what a signal does and gives what it did.
func setAction(s unix.Signal, to action) (was action) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&to)), uintptr(unsafe.Pointer(&was)), 8, 0, 0)
	return was
}
