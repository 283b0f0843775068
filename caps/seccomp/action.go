package seccomp

import (
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Action is what a filter answers: one of the SECCOMP_RET_ values of
// linux/seccomp.h, and for errno and trace a number in the low 16 bits.
type Action uint32

// The actions (seccomp(2)), the strictest first.
const (
	// KillProcess ends the process with SIGSYS (Linux 4.14).
	KillProcess Action = 0x80000000
	// KillThread ends the calling thread with SIGSYS.
	KillThread Action = 0x00000000
	// Trap sends SIGSYS to the thread, which may handle it.
	Trap Action = 0x00030000
	// Errno makes the call fail: Errno | EPERM.
	Errno Action = 0x00050000
	// Notify asks the holder of the filter's listener (Linux 5.0).
	Notify Action = 0x7fc00000
	// Trace asks a tracer, without one it is ENOSYS.
	Trace Action = 0x7ff00000
	// Log lets the call through and logs it (Linux 4.14).
	Log Action = 0x7ffc0000
	// Allow lets the call through.
	Allow Action = 0x7fff0000
)

// The limits of the low 16 bits: MAX_ERRNO of linux/err.h, above which the
// kernel silently cuts, and SECCOMP_RET_DATA.
const (
	maxErrno = 4095
	dataMask = 0xffff
)

// defaultErrno is EPERM, the runtime-spec's default for errnoRet.
const defaultErrno = 1

// String returns the action in short: "allow", "errno(38)".
func (a Action) String() string {
	data := "(" + strconv.Itoa(int(a&dataMask)) + ")"
	switch a &^ dataMask {
	case KillProcess:
		return "kill-process"
	case KillThread:
		return "kill-thread"
	case Trap:
		return "trap"
	case Errno:
		return "errno" + data
	case Notify:
		return "notify"
	case Trace:
		return "trace" + data
	case Log:
		return "log"
	case Allow:
		return "allow"
	}
	return "kill-process" // what the kernel makes of an unknown value, since Linux 4.14
}

// passes reports whether the call goes through without anyone being asked.
func (a Action) passes() bool { return a == Allow || a == Log }

// parseAction turns the runtime-spec's action and its errno into the kernel's.
func parseAction(name specs.LinuxSeccompAction, errnoRet *uint) (Action, error) {
	switch name {
	case specs.ActErrno:
		return withData(Errno, errnoRet, maxErrno)
	case specs.ActTrace:
		return withData(Trace, errnoRet, dataMask)
	}
	if errnoRet != nil {
		return 0, fmt.Errorf("action %q: takes no errnoRet", name)
	}
	switch name {
	case specs.ActKill, specs.ActKillThread: // SCMP_ACT_KILL is the older name
		return KillThread, nil
	case specs.ActKillProcess:
		return KillProcess, nil
	case specs.ActTrap:
		return Trap, nil
	case specs.ActAllow:
		return Allow, nil
	case specs.ActLog:
		return Log, nil
	case specs.ActNotify:
		return Notify, nil
	}
	return 0, fmt.Errorf("action %q: unknown", name)
}

// withData adds the number of an errno or trace action.
func withData(a Action, errnoRet *uint, most uint) (Action, error) {
	if errnoRet == nil {
		return a | defaultErrno, nil
	}
	if *errnoRet > most {
		return 0, fmt.Errorf("errnoRet %d: larger than %d", *errnoRet, most)
	}
	return a | Action(*errnoRet), nil
}
