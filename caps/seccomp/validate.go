package seccomp

import "fmt"

// dataSize is sizeof(struct seccomp_data).
const dataSize = 64

// Validate reports why the kernel would refuse the program with EINVAL, or nil.
// It mirrors the two passes of Linux 6.18: bpf_check_classic of
// net/core/filter.c and seccomp_check_filter of kernel/seccomp.c.
func (f Filter) Validate() error {
	if err := checkLength(len(f)); err != nil {
		return err
	}
	for pc, in := range f {
		if reason := in.fault(len(f) - pc - 1); reason != "" {
			return fmt.Errorf("seccomp instruction %d (code %#02x): %s", pc, in.Code, reason)
		}
	}
	if last := f[len(f)-1].Code; last != opReturn && last != returnA {
		return fmt.Errorf("seccomp instruction %d (code %#02x): the last one must return", len(f)-1, last)
	}
	return f.checkScratch()
}

// fault says what is wrong with one instruction, given how many follow it.
func (in Instruction) fault(following int) string {
	switch in.Code & classMask {
	case classALU:
		return in.faultALU()
	case classJMP:
		return in.faultJump(following)
	}
	switch in.Code {
	case opLoad:
		if in.K >= dataSize || in.K%4 != 0 {
			return fmt.Sprintf("offset %d is not a word of seccomp_data", in.K)
		}
	case classST, classSTX, loadMem, loadXMem:
		if in.K >= scratch {
			return fmt.Sprintf("scratch word %d, there are %d", in.K, scratch)
		}
	case opReturn, returnA, loadImm, loadXImm, loadLen, loadXLen, copyToX, copyToA:
	default:
		return "not allowed in a seccomp filter"
	}
	return ""
}

func (in Instruction) faultALU() string {
	switch in.Code &^ fromX {
	case shiftLeft, shiftRight:
		if in.Code&fromX == 0 && in.K >= 32 {
			return fmt.Sprintf("shift by %d", in.K)
		}
	case divide:
		if in.Code&fromX == 0 && in.K == 0 {
			return "division by zero"
		}
	case negate:
		if in.Code&fromX != 0 {
			return "not allowed in a seccomp filter"
		}
	case classALU, classALU | 0x10, classALU | 0x20, classALU | 0x40, opAnd, classALU | 0xa0:
	default:
		return "not allowed in a seccomp filter"
	}
	return ""
}

func (in Instruction) faultJump(following int) string {
	switch in.Code &^ fromX {
	case opJump:
		if in.Code != opJump {
			return "not allowed in a seccomp filter"
		}
		if uint64(in.K) >= uint64(following) {
			return fmt.Sprintf("jump over %d instructions leaves the program", in.K)
		}
	case opJumpEqual, opJumpMore, opJumpLeast, opSet:
		if far := max(in.Jt, in.Jf); int(far) >= following {
			return fmt.Sprintf("jump over %d instructions leaves the program", far)
		}
	default:
		return "not allowed in a seccomp filter"
	}
	return ""
}

// checkScratch reports a scratch word that is read before every path to it has
// written it, as check_load_and_stores does. Jumps are known to be in bounds.
func (f Filter) checkScratch() error {
	reached := make([]uint16, len(f)) // words that some path leaves unwritten
	written, dead := uint16(0), false
	for pc, in := range f {
		if dead {
			written = ^uint16(0)
		}
		written &^= reached[pc]
		dead = false
		switch in.Code {
		case classST, classSTX:
			written |= 1 << in.K
		case loadMem, loadXMem:
			if written&(1<<in.K) == 0 {
				return fmt.Errorf("seccomp instruction %d (code %#02x): scratch word %d may be unwritten",
					pc, in.Code, in.K)
			}
		case opJump:
			reached[pc+1+int(in.K)] |= ^written
			dead = true
		default:
			if in.Code&classMask == classJMP {
				reached[pc+1+int(in.Jt)] |= ^written
				reached[pc+1+int(in.Jf)] |= ^written
				dead = true
			}
		}
	}
	return nil
}
