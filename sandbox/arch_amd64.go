package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_X86_64
	addressEnd = 1<<47 - 1<<12 // of user space with four levels of page tables
)
