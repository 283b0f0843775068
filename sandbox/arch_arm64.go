package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_AARCH64
	addressEnd = 1 << 48 // of user space with four levels of page tables
)
