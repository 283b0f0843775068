package bwrap

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"snug/sandbox"
)

// The Go runtime catches nearly every signal: SIGQUIT then prints goroutines, SIGUSR1 does nothing at
// all, and callers that end a sandbox by one wait for ever or read an odd status. os/signal cannot undo
// that.
//
// The one invariant: action is the kernel's struct sigaction on amd64 and arm64, 32 bytes, and lives
// on the stack during the call. Nothing but a disposition is set: no code of ours becomes a handler.

// inheritSignals lets signals do to this process what they would do to a C program that the same
// caller had started. What the runtime needs stays with it: faults and its own preemption.
func inheritSignals(c sandbox.Caller) {
	type action struct{ handler, flags, restorer, mask uint64 }
	const ignore = 1 // SIG_IGN; 0 is SIG_DFL
	for s := unix.Signal(1); s <= 64 && c.Known; s++ {
		switch s {
		case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGURG:
			continue
		}
		to := action{}
		if c.Signals.Ignored>>(s-1)&1 == 1 {
			to.handler = ignore
		}
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&to)), 0, 8, 0, 0)
	}
}
