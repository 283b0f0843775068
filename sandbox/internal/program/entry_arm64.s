#include "textflag.h"

// snug_entry is where the kernel starts a program that is linked with -ldflags='-E snug_entry'.
// It records what the Go runtime is about to change, and goes on to the runtime's own entry.
// There is no stack frame, no g, no runtime: only registers and ·started. See entry_amd64.s.
TEXT snug_entry(SB), NOSPLIT|NOFRAME, $0
	MOVD $·started(SB), R20
	SUB $64, RSP
	MOVD $1, R21
next:
	// rt_sigaction(signal, NULL, &old, 8)
	MOVD $134, R8
	MOVD R21, R0
	MOVD ZR, R1
	MOVD RSP, R2
	MOVD $8, R3
	SVC
	CBNZ R0, skip
	MOVD (RSP), R0
	SUB $1, R21, R1
	MOVD R0, (R20)(R1<<3)
skip:
	ADD $1, R21
	CMP $64, R21
	BLE next
	// rt_sigprocmask(SIG_BLOCK, NULL, &old, 8)
	MOVD $135, R8
	MOVD ZR, R0
	MOVD ZR, R1
	ADD $512, R20, R2
	MOVD $8, R3
	SVC
	// prlimit64(0, RLIMIT_NOFILE, NULL, &old)
	MOVD $261, R8
	MOVD ZR, R0
	MOVD $7, R1
	MOVD ZR, R2
	ADD $520, R20, R3
	SVC
	MOVD $1, R0
	MOVD R0, 536(R20)
	ADD $64, RSP
	JMP _rt0_arm64_linux(SB)
