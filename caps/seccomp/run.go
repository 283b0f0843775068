package seccomp

import "fmt"

// Data is what a filter sees of a call, struct seccomp_data of linux/seccomp.h.
type Data struct {
	// Nr is the number, for x32 with bit 30 set.
	Nr uint32
	// Arch is the AUDIT_ARCH_ value of the entry that was used.
	Arch uint32
	// IP is the instruction pointer.
	IP uint64
	// Args are the registers in full, also where the kernel reads only 32 bits.
	Args [6]uint64
}

// word returns the 32 bits at a byte offset of the little-endian struct.
func (d *Data) word(offset uint32) uint32 {
	whole := uint64(d.Arch)<<32 | uint64(d.Nr)
	switch {
	case offset >= 16:
		whole = d.Args[(offset-16)/8]
	case offset >= 8:
		whole = d.IP
	}
	if offset%8 != 0 {
		whole >>= 32
	}
	return uint32(whole)
}

// machine is the state of a running classic BPF program.
type machine struct {
	a, x uint32
	m    [scratch]uint32
	data *Data
}

// Run answers what the kernel would answer for one call: it interprets the
// program exactly, dead registers zero, division by a zero X ending the
// program with KillThread. It fails when Validate does.
func (f Filter) Run(d Data) (Action, error) {
	if err := f.Validate(); err != nil {
		return 0, err
	}
	m := machine{data: &d}
	for pc := 0; pc < len(f); pc++ {
		in := f[pc]
		switch in.Code & classMask {
		case classRET:
			if in.Code == returnA {
				return Action(m.a), nil
			}
			return Action(in.K), nil
		case classJMP:
			pc += m.jump(in)
		case classALU:
			if in.Code == divide|fromX && m.x == 0 {
				return KillThread, nil
			}
			m.compute(in)
		default:
			m.move(in)
		}
	}
	return 0, fmt.Errorf("seccomp program: ran past its %d instructions", len(f))
}

// jump returns how many instructions to pass over.
func (m *machine) jump(in Instruction) int {
	operand, taken := in.K, false
	if in.Code&fromX != 0 {
		operand = m.x
	}
	switch in.Code &^ fromX {
	case opJump:
		return int(in.K)
	case opJumpEqual:
		taken = m.a == operand
	case opJumpMore:
		taken = m.a > operand
	case opJumpLeast:
		taken = m.a >= operand
	case opSet:
		taken = m.a&operand != 0
	}
	if taken {
		return int(in.Jt)
	}
	return int(in.Jf)
}

func (m *machine) compute(in Instruction) {
	operand := in.K
	if in.Code&fromX != 0 {
		operand = m.x
	}
	switch in.Code &^ fromX {
	case classALU: // BPF_ADD
		m.a += operand
	case classALU | 0x10: // BPF_SUB
		m.a -= operand
	case classALU | 0x20: // BPF_MUL
		m.a *= operand
	case divide:
		m.a /= operand
	case classALU | 0x40: // BPF_OR
		m.a |= operand
	case opAnd:
		m.a &= operand
	case shiftLeft: // a shift by X takes five bits, as the kernel's converted program does
		m.a <<= operand & 31
	case shiftRight:
		m.a >>= operand & 31
	case negate:
		m.a = -m.a
	case classALU | 0xa0: // BPF_XOR
		m.a ^= operand
	}
}

func (m *machine) move(in Instruction) {
	switch in.Code {
	case opLoad:
		m.a = m.data.word(in.K)
	case loadImm:
		m.a = in.K
	case loadXImm:
		m.x = in.K
	case loadMem:
		m.a = m.m[in.K]
	case loadXMem:
		m.x = m.m[in.K]
	case loadLen:
		m.a = dataSize
	case loadXLen:
		m.x = dataSize
	case classST:
		m.m[in.K] = m.a
	case classSTX:
		m.m[in.K] = m.x
	case copyToX:
		m.x = m.a
	case copyToA:
		m.a = m.x
	}
}
