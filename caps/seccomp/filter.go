package seccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxInstructions is BPF_MAXINSNS of linux/bpf_common.h: a longer program is EINVAL.
const maxInstructions = 4096

// instructionSize is sizeof(struct sock_filter).
const instructionSize = 8

// The parts of classic BPF operation codes (linux/bpf_common.h, linux/filter.h)
// that a seccomp filter may have.
const (
	classLD, classLDX, classST, classSTX = 0x00, 0x01, 0x02, 0x03
	classALU, classJMP, classRET         = 0x04, 0x05, 0x06
	classMISC                            = 0x07
	classMask                            = 0x07

	opLoad      = classLD | 0x20   // BPF_LD | BPF_W | BPF_ABS
	opAnd       = classALU | 0x50  // BPF_ALU | BPF_AND | BPF_K
	opJump      = classJMP         // BPF_JMP | BPF_JA
	opJumpEqual = classJMP | 0x10  // BPF_JMP | BPF_JEQ | BPF_K
	opJumpMore  = classJMP | 0x20  // BPF_JMP | BPF_JGT | BPF_K
	opJumpLeast = classJMP | 0x30  // BPF_JMP | BPF_JGE | BPF_K
	opReturn    = classRET         // BPF_RET | BPF_K
	fromX       = 0x08             // BPF_X instead of BPF_K
	returnA     = classRET | 0x10  // BPF_RET | BPF_A
	loadImm     = classLD          // BPF_LD | BPF_IMM
	loadXImm    = classLDX         // BPF_LDX | BPF_IMM
	loadMem     = classLD | 0x60   // BPF_LD | BPF_MEM
	loadXMem    = classLDX | 0x60  // BPF_LDX | BPF_MEM
	loadLen     = classLD | 0x80   // BPF_LD | BPF_W | BPF_LEN
	loadXLen    = classLDX | 0x80  // BPF_LDX | BPF_W | BPF_LEN
	copyToX     = classMISC        // BPF_MISC | BPF_TAX
	copyToA     = classMISC | 0x80 // BPF_MISC | BPF_TXA
	opSet       = classJMP | 0x40  // BPF_JMP | BPF_JSET | BPF_K
	negate      = classALU | 0x80  // BPF_ALU | BPF_NEG
	shiftLeft   = classALU | 0x60  // BPF_ALU | BPF_LSH | BPF_K
	shiftRight  = classALU | 0x70  // BPF_ALU | BPF_RSH | BPF_K
	divide      = classALU | 0x30  // BPF_ALU | BPF_DIV | BPF_K
	scratch     = 16               // BPF_MEMWORDS
)

// Instruction is one classic BPF instruction, struct sock_filter of
// linux/filter.h. Jt and Jf count instructions to jump over.
type Instruction struct {
	Code   uint16
	Jt, Jf uint8
	K      uint32
}

// Filter is a seccomp program. The zero value is invalid: the kernel wants at
// least one instruction.
type Filter []Instruction

// Bytes returns the kernel's form, an array of struct sock_filter in little
// endian, the byte order of both machines. The caller owns it.
func (f Filter) Bytes() []byte {
	b := make([]byte, 0, len(f)*instructionSize)
	for _, in := range f {
		b = binary.LittleEndian.AppendUint16(b, in.Code)
		b = append(b, in.Jt, in.Jf)
		b = binary.LittleEndian.AppendUint32(b, in.K)
	}
	return b
}

// Parse reads what Bytes wrote, or a program from elsewhere such as
// bubblewrap's --seccomp. It checks the length only: see Validate.
func Parse(program []byte) (Filter, error) {
	if len(program)%instructionSize != 0 {
		return nil, fmt.Errorf("seccomp program: %d bytes are not whole instructions of %d bytes",
			len(program), instructionSize)
	}
	if err := checkLength(len(program) / instructionSize); err != nil {
		return nil, err
	}
	f := make(Filter, 0, len(program)/instructionSize)
	for b := program; len(b) > 0; b = b[instructionSize:] {
		f = append(f, Instruction{
			Code: binary.LittleEndian.Uint16(b),
			Jt:   b[2],
			Jf:   b[3],
			K:    binary.LittleEndian.Uint32(b[4:]),
		})
	}
	return f, nil
}

// checkLength reports a program that the kernel would refuse for its length.
func checkLength(n int) error {
	if n == 0 {
		return errors.New("seccomp program: no instructions")
	}
	if n > maxInstructions {
		return fmt.Errorf("seccomp program: %d instructions, the kernel takes at most %d", n, maxInstructions)
	}
	return nil
}
