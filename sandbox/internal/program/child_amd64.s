#include "textflag.h"

// func syscall6(nr, a0, a1, a2, a3, a4, a5 uint64) uint64
TEXT ·syscall6(SB), NOSPLIT, $0-64
	MOVQ nr+0(FP), AX
	MOVQ a0+8(FP), DI
	MOVQ a1+16(FP), SI
	MOVQ a2+24(FP), DX
	MOVQ a3+32(FP), R10
	MOVQ a4+40(FP), R8
	MOVQ a5+48(FP), R9
	SYSCALL
	MOVQ AX, ret+56(FP)
	RET

// func fork(nr, a0, a1, a2 uint64, stack, base, op unsafe.Pointer, walk uintptr) uint64
//
// Makes the clone call and returns its result in the parent. The child leaves the parent's
// stack at once, for stack, and never returns: it walks. walk is called by its address and with
// its arguments in registers, as Go code would call it (ABIInternal): by name it would be a
// wrapper, which in -race builds calls the race detector.
TEXT ·fork(SB), NOSPLIT, $0-72
	MOVQ nr+0(FP), AX
	MOVQ a0+8(FP), DI
	MOVQ a1+16(FP), SI
	MOVQ a2+24(FP), DX
	XORL R10, R10
	XORL R8, R8
	MOVQ stack+32(FP), R12
	MOVQ base+40(FP), R13
	MOVQ op+48(FP), BX
	MOVQ walk+56(FP), R15
	SYSCALL
	TESTQ AX, AX
	JZ child
	MOVQ AX, ret+64(FP)
	RET
child:
	// Go code loads its g from thread-local storage after every call into assembly. Nothing
	// here uses it, but the runtime's memory may be gone by then: point it into the stack, whose
	// end it must not be behind, as the word is at a distance below it that the linker decides.
	// arch_prctl(ARCH_SET_FS, end of the stack)
	MOVQ $158, AX
	MOVQ $0x1002, DI
	MOVQ R12, SI
	SYSCALL
	LEAQ -64(R12), SP // with room to spill the arguments to
	MOVQ R13, AX
	XORL R14, R14
	XORPS X15, X15
	CALL R15
	INT $3

// func spawn(args, size uint64, stack, base, op unsafe.Pointer, walk uint64) uint64
//
// Makes a thread that walks on a stack of its own. It shares the address of its thread-local
// storage with the caller, which nothing here writes. Until it has its own stack it touches none.
TEXT ·spawn(SB), NOSPLIT, $0-56
	MOVQ $435, AX // clone3
	MOVQ args+0(FP), DI
	MOVQ size+8(FP), SI
	MOVQ stack+16(FP), R12
	MOVQ base+24(FP), R13
	MOVQ op+32(FP), BX
	MOVQ walk+40(FP), R15
	SYSCALL
	TESTQ AX, AX
	JZ thread
	MOVQ AX, ret+48(FP)
	RET
thread:
	LEAQ -64(R12), SP
	MOVQ R13, AX
	XORL R14, R14
	XORPS X15, X15
	CALL R15
	INT $3

// func code() uintptr
//
// Gives the address of syscall6 itself; a func value of it would be a wrapper's.
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ ·syscall6(SB), AX
	MOVQ AX, ret+0(FP)
	RET
