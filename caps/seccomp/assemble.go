package seccomp

// label is a place in a program that is written from its end: how many
// instructions stand behind it.
type label int

// assembler writes a program backwards. Classic BPF jumps forward only, so
// every target is known when a jump to it is written, and a target too far for
// the 8 bits of a conditional jump gets a stepping stone on the spot.
type assembler struct {
	reversed []Instruction
	returns  map[Action]label // the nearest return of each action
	overflow bool
}

// farthest is the longest conditional jump.
const farthest = 255

// emit writes one instruction in front of all others.
func (a *assembler) emit(in Instruction) label {
	if len(a.reversed) >= maxInstructions {
		a.overflow = true // go on without growing: the caller refuses the program
		return label(len(a.reversed) - 1)
	}
	a.reversed = append(a.reversed, in)
	return label(len(a.reversed) - 1)
}

// gap counts the instructions between a target and the next one to be written.
func (a *assembler) gap(target label) int { return len(a.reversed) - int(target) - 1 }

// ret returns the label of a return that a conditional jump can reach.
func (a *assembler) ret(action Action) label {
	if l, ok := a.returns[action]; ok && a.gap(l) < farthest {
		return l
	}
	l := a.emit(Instruction{Code: opReturn, K: uint32(action)})
	a.returns[action] = l
	return l
}

// near returns a label that stands for target and that a conditional jump can
// still reach when one more instruction is written in between.
func (a *assembler) near(target label) label {
	if a.gap(target) < farthest {
		return target
	}
	if in := a.reversed[target]; in.Code == opReturn {
		return a.ret(Action(in.K))
	}
	return a.emit(Instruction{Code: opJump, K: uint32(a.gap(target))})
}

// branch compares the accumulator with k and goes to one of two places.
func (a *assembler) branch(code uint16, k uint32, yes, no label) label {
	if yes == no {
		return yes
	}
	yes = a.near(yes)
	no = a.near(no)
	return a.emit(Instruction{Code: code, Jt: uint8(a.gap(yes)), Jf: uint8(a.gap(no)), K: k})
}

// load reads a word of seccomp_data and goes on at next.
func (a *assembler) load(offset uint32, next label) label {
	return a.then(Instruction{Code: opLoad, K: offset}, next)
}

// then writes an instruction that falls through to next.
func (a *assembler) then(in Instruction, next label) label {
	if gap := a.gap(next); gap > 0 {
		a.emit(Instruction{Code: opJump, K: uint32(gap)})
	}
	return a.emit(in)
}

// test goes to yes when the condition holds, else to no.
func (a *assembler) test(c condition, narrow bool, yes, no label) label {
	if c.not {
		yes, no = no, yes
	}
	low := 16 + 8*uint32(c.arg)
	lowMask, highMask := uint32(c.mask), uint32(c.mask>>32)
	lowValue, highValue := uint32(c.value), uint32(c.value>>32)
	if c.is == equal {
		if narrow {
			highMask = 0
		}
		at := a.masked(low, lowMask, lowValue, yes, no)
		return a.masked(low+4, highMask, highValue, at, no)
	}
	code := uint16(opJumpLeast)
	if c.is == greater {
		code = opJumpMore
	}
	at := a.load(low, a.branch(code, lowValue, yes, no))
	at = a.branch(opJumpEqual, highValue, at, no)
	at = a.branch(opJumpMore, highValue, yes, at)
	return a.load(low+4, at)
}

// masked compares one word under a mask. A zero mask always holds.
func (a *assembler) masked(offset, mask, value uint32, yes, no label) label {
	if mask == 0 {
		return yes
	}
	at := a.branch(opJumpEqual, value, yes, no)
	if mask != ^uint32(0) {
		at = a.then(Instruction{Code: opAnd, K: mask}, at)
	}
	return a.load(offset, at)
}

// decide writes the clauses of a call in order, the first that holds wins.
func (a *assembler) decide(clauses []clause, narrow bool, otherwise Action) label {
	at := a.ret(otherwise)
	for i := len(clauses) - 1; i >= 0; i-- {
		yes, no := a.ret(clauses[i].action), at
		if len(clauses[i].when) == 0 {
			at = yes
			continue
		}
		at = yes
		for j := len(clauses[i].when) - 1; j >= 0; j-- {
			at = a.test(clauses[i].when[j], narrow, at, no)
		}
	}
	return at
}

// program returns the instructions in order.
func (a *assembler) program() Filter {
	f := make(Filter, 0, len(a.reversed))
	for i := len(a.reversed) - 1; i >= 0; i-- {
		f = append(f, a.reversed[i])
	}
	return f
}
