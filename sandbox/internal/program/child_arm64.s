#include "textflag.h"

// func syscall6(nr, a0, a1, a2, a3, a4, a5 uint64) uint64
TEXT ·syscall6(SB), NOSPLIT, $0-64
	MOVD nr+0(FP), R8
	MOVD a0+8(FP), R0
	MOVD a1+16(FP), R1
	MOVD a2+24(FP), R2
	MOVD a3+32(FP), R3
	MOVD a4+40(FP), R4
	MOVD a5+48(FP), R5
	SVC
	MOVD R0, ret+56(FP)
	RET

// func fork(nr, a0, a1, a2 uint64, stack, base, op unsafe.Pointer, walk uintptr) uint64
//
// Makes the clone call and returns its result in the parent. The child leaves the parent's
// stack at once, for stack, and never returns: it walks. See child_amd64.s for the call.
TEXT ·fork(SB), NOSPLIT, $0-72
	MOVD nr+0(FP), R8
	MOVD a0+8(FP), R0
	MOVD a1+16(FP), R1
	MOVD a2+24(FP), R2
	MOVD ZR, R3
	MOVD ZR, R4
	MOVD stack+32(FP), R19
	MOVD base+40(FP), R20
	MOVD op+48(FP), R21
	MOVD walk+56(FP), R22
	SVC
	CBZ R0, child
	MOVD R0, ret+64(FP)
	RET
child:
	SUB $64, R19, R19
	MOVD R19, RSP
	MOVD R20, R0
	MOVD R21, R1
	CALL (R22)
	BRK

// func spawn(args, size uint64, stack, base, op unsafe.Pointer, walk uint64) uint64
//
// Makes a thread that walks on a stack of its own. See child_amd64.s.
TEXT ·spawn(SB), NOSPLIT, $0-56
	MOVD $435, R8 // clone3
	MOVD args+0(FP), R0
	MOVD size+8(FP), R1
	MOVD stack+16(FP), R19
	MOVD base+24(FP), R20
	MOVD op+32(FP), R21
	MOVD walk+40(FP), R22
	SVC
	CBZ R0, thread
	MOVD R0, ret+48(FP)
	RET
thread:
	SUB $64, R19, R19
	MOVD R19, RSP
	MOVD R20, R0
	MOVD R21, R1
	CALL (R22)
	BRK

// func code() uintptr
//
// Gives the address of syscall6 itself; a func value of it would be a wrapper's.
TEXT ·code(SB), NOSPLIT, $0-8
	MOVD $·syscall6(SB), R0
	MOVD R0, ret+0(FP)
	RET
