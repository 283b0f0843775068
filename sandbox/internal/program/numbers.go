package program

import "golang.org/x/sys/unix"

// The system calls that the child makes by itself.
const (
	sysWrite     = unix.SYS_WRITE
	sysExitGroup = unix.SYS_EXIT_GROUP
	sysGettid    = unix.SYS_GETTID // by the parent
)
