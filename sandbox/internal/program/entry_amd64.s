#include "textflag.h"

// snug_entry is where the kernel starts a program that is linked with -ldflags='-E snug_entry'.
// It records what the Go runtime is about to change, and goes on to the runtime's own entry.
// There is no stack frame, no g, no runtime: only registers and ·started.
//
//	started: 64 words of signal handlers (0 default, 1 ignored), the blocked signals,
//	         soft and hard limit of open files, 1
TEXT snug_entry(SB), NOSPLIT|NOFRAME, $0
	LEAQ ·started(SB), R12
	SUBQ $64, SP
	MOVQ $1, R13
next:
	// rt_sigaction(signal, NULL, &old, 8): the handler is the first word
	MOVQ $13, AX
	MOVQ R13, DI
	XORL SI, SI
	MOVQ SP, DX
	MOVQ $8, R10
	SYSCALL
	TESTQ AX, AX
	JNZ skip
	MOVQ 0(SP), AX
	MOVQ AX, -8(R12)(R13*8)
skip:
	INCQ R13
	CMPQ R13, $64
	JLE next
	// rt_sigprocmask(SIG_BLOCK, NULL, &old, 8)
	MOVQ $14, AX
	XORL DI, DI
	XORL SI, SI
	LEAQ 512(R12), DX
	MOVQ $8, R10
	SYSCALL
	// prlimit64(0, RLIMIT_NOFILE, NULL, &old)
	MOVQ $302, AX
	XORL DI, DI
	MOVQ $7, SI
	XORL DX, DX
	LEAQ 520(R12), R10
	SYSCALL
	MOVQ $1, AX
	MOVQ AX, 536(R12)
	ADDQ $64, SP
	JMP _rt0_amd64_linux(SB)
