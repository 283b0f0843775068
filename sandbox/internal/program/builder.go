package program

import (
	"encoding/binary"
	"slices"
	"syscall"
)

// Arg is one argument of an [Op]: a number, the address of data, or the value of a cell.
type Arg struct {
	value uint64
	mode  argMode
}

type argMode uint8

const (
	immediate argMode = iota
	address
	fromCell
)

// Num is an argument that is known now.
func Num[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](n T) Arg {
	return Arg{value: uint64(n)}
}

// AtCwd is AT_FDCWD.
func AtCwd() Arg { return Num(-100) }

// Cell is an 8-byte place in the data whose value is known only when the program is loaded or
// runs: a descriptor, a process id, a word of a struct.
type Cell uint32

// Value is the argument whose value the cell holds when the op runs.
func (c Cell) Value() Arg { return Arg{uint64(c), fromCell} }

// Addr is the address of the cell.
func (c Cell) Addr() Arg { return Arg{uint64(c), address} }

// At is the place off bytes behind the cell: a field of a struct that [Builder.Data] laid out.
func (c Cell) At(off int) Cell { return c + Cell(off) }

// An image is laid out so that a reaper can keep its front and drop the rest:
//
//	0        header and cells    kept by a reaper
//	opsAt    ops of the reaper   kept
//	stackAt  two stacks of 4 KiB kept: a thread's, and the child's, which ends at dataAt
//	dataAt   strings and structs
//	         ops
//	         end
const (
	recordAt  = 0            // failure: index and errno, 4 bytes each
	errorFdAt = 8            // where the record is written
	pidfdAt   = 16           // where clone3 puts the descriptor of the child
	cloneAt   = 24           // struct clone_args of Image.Clone
	walkAt    = cloneAt + 88 // address of walk
	cellsAt   = walkAt + 8
	opsAt     = 1 << 12
	stackAt   = 2 << 12
	dataAt    = 4 << 12

	threadStackEnd = stackAt + 1<<12
)

// Kept is how much of an image, from its start, a reaper needs.
const Kept = dataAt

// ErrorFd is the cell of the descriptor that takes the failure record: the write end of a pipe,
// closed on exec. It is set at [Program.Load].
const ErrorFd Cell = errorFdAt

// Builder makes a [Program]. The zero value is ready.
type Builder struct {
	ops    []Op
	reaper []Op
	inTail bool
	cells  uint32 // bytes of the front that are taken
	names  []named
	data   []byte
	relocs []uint32          // offsets of words in data that hold offsets
	known  map[string]uint32 // strings that are in data
	words  map[string]Cell   // and Words without addresses
	notes  []Note
	preset []Value
}

// Grow makes room for a list of about n ops that come with as many bytes of data: what is copied to
// grow costs more page faults than the list itself.
func (b *Builder) Grow(n, bytes int) {
	b.ops = slices.Grow(b.ops, n)
	b.data = slices.Grow(b.data, bytes)
	b.reaper = slices.Grow(b.reaper, 32)
	b.notes = slices.Grow(b.notes, n/3)
	b.names = slices.Grow(b.names, 64)
	if b.known == nil {
		b.known = make(map[string]uint32, n/4)
	}
}

// Note makes what is said of the ops that follow.
func (b *Builder) Note(n Note) {
	if k := len(b.notes); k > 0 && b.notes[k-1] == n {
		return
	}
	b.notes = append(b.notes, n)
}

// Call appends a system call. The Op that it returns may be completed until the next call.
func (b *Builder) Call(nr uintptr, args ...Arg) *Op {
	op := Op{Nr: uint16(nr)}
	if len(b.notes) > 0 {
		op.Note = uint32(len(b.notes) - 1)
	}
	for i, a := range args {
		op.Args[i] = a.value
		switch a.mode {
		case address:
			op.Addr |= 1 << i
		case fromCell:
			op.Cell |= 1 << i
		}
	}
	list := b.list()
	*list = append(*list, op)
	return &(*list)[len(*list)-1]
}

func (b *Builder) list() *[]Op {
	if b.inTail {
		return &b.reaper
	}
	return &b.ops
}

// To stores the result, a descriptor or a process id, in c.
func (o *Op) To(c Cell) *Op { o.Out, o.Wide = uint32(c), true; return o }

// To32 stores the result as four bytes at c.
func (o *Op) To32(c Cell) *Op { o.Out = uint32(c); return o }

// On adds a case for an errno; 0 stands for every errno.
func (o *Op) On(e syscall.Errno, act Act, target int) *Op {
	c := Case{Errno: uint8(e), Act: act, Target: int16(target)}
	if e == 0 {
		c.Errno = Any
	}
	for i := range o.Cases {
		if o.Cases[i].Errno == 0 {
			o.Cases[i] = c
			return o
		}
	}
	panic("program: more than three cases for one call") // a bug of our compiler
}

// Jump appends an op that goes on elsewhere; [Builder.Land] says where.
func (b *Builder) Jump() Label { return b.TestEqual(Num(0), 0, 0) }

// TestEqual appends an op that goes on at the label if a&mask == want.
func (b *Builder) TestEqual(a Arg, mask, want uint64) Label {
	b.Call(Test, a, Num(mask), Num(want), Num(0))
	return Label(len(*b.list()) - 1)
}

// TestSame appends an op that goes on at the label if two arguments are equal.
func (b *Builder) TestSame(a, other Arg) Label {
	b.Call(Test, a, Num(^uint64(0)), other, Num(0))
	return Label(len(*b.list()) - 1)
}

// Spawn appends an op that starts a thread, if tid is not 0 with that number in its PID namespace
// (Linux 5.5). The thread goes on at the label, and must end with a call of SYS_EXIT. Its number is
// stored in number, and in life for as long as there is a thread; the kernel clears that when the thread has run its last
// instruction, and wakes who waits for it as a futex (CLONE_CHILD_CLEARTID in clone(2)). Before
// that, nothing that it walks may be unmapped.
func (b *Builder) Spawn(tid int32, life, number Cell) Label {
	const flags = syscall.CLONE_VM | syscall.CLONE_FILES | syscall.CLONE_SIGHAND | syscall.CLONE_THREAD | syscall.CLONE_SYSVSEM |
		syscall.CLONE_PARENT_SETTID | syscall.CLONE_CHILD_CLEARTID
	const childTid, parentTid, setTid, size = 16, 24, 64, 88 // of struct clone_args (clone(2))
	args := b.Data("clone_args", binary.NativeEndian.AppendUint64(make([]byte, 0, size), flags)[:size])
	b.Point(args.At(childTid), life)
	b.Point(args.At(parentTid), life)
	if tid != 0 {
		b.Point(args.At(setTid), b.Data("set_tid", binary.NativeEndian.AppendUint32(nil, uint32(tid))))
		binary.NativeEndian.PutUint64(b.data[args-dataAt+setTid+8:], 1)
	}
	b.Call(Spawn, args.Addr(), Num(size), Cell(walkAt).Value(), Num(0)).To(number)
	return Label(len(*b.list()) - 1)
}

// Label is a Test or a Spawn whose target is to be set.
type Label int

// Land makes l go on at the next op that is appended.
func (b *Builder) Land(l Label) { b.LandAt(l, b.Here()) }

// LandAt makes l go on at the op at here.
func (b *Builder) LandAt(l Label, here int) {
	(*b.list())[l].Args[3] = uint64(int64(here - int(l) - 1))
}

// Here is the position of the next op.
func (b *Builder) Here() int { return len(*b.list()) }

// Reaper switches between the list of the child and that of the reaper, the part of the child
// that stays behind as PID 1. [Builder.EnterReaper] is how the child gets there.
func (b *Builder) Reaper(on bool) { b.inTail = on }

// EnterReaper makes l, an op of the main list, go on at the first op of the reaper.
func (b *Builder) EnterReaper(l Label) { b.ops[l].Args[3] = reaperLabel }

// reaperLabel stands in for a distance that only Load knows.
const reaperLabel = 1 << 62

// NewCell makes a cell; name is how it is printed. Cells hold 0 until something is stored.
func (b *Builder) NewCell(name string) Cell {
	if b.cells == 0 {
		b.cells = cellsAt
	}
	c := Cell(b.cells)
	b.cells += 8
	if b.cells > opsAt {
		panic("program: too many cells") // a bug of our compiler: it reuses them
	}
	b.name(uint32(c), name)
	return c
}

// named is how a place is printed.
type named struct {
	at   uint32
	name string
}

func (b *Builder) name(at uint32, name string) { b.names = append(b.names, named{at, name}) }

// String is the address of s with a NUL behind it. The caller has made sure that s has none.
func (b *Builder) String(s string) Arg {
	if at, ok := b.known[s]; ok {
		return Arg{uint64(at), address}
	}
	at := uint32(dataAt + len(b.data))
	b.data = append(append(b.data, s...), 0)
	if b.known == nil {
		b.known = make(map[string]uint32)
	}
	b.known[s] = at
	return Arg{uint64(at), address}
}

// Data is the place of p, aligned to 8 bytes; name is how its address is printed.
func (b *Builder) Data(name string, p []byte) Cell {
	for len(b.data)%8 != 0 {
		b.data = append(b.data, 0)
	}
	at := uint32(dataAt + len(b.data))
	b.data = append(b.data, p...)
	b.name(at, name)
	return Cell(at)
}

// Words is Data of 64-bit words that no op changes: equal ones share a place. A word that is an
// address is relocated; cells are not allowed.
func (b *Builder) Words(name string, words ...Arg) Cell {
	p := make([]byte, 0, 8*len(words))
	fixed := true
	for _, w := range words {
		p = binary.NativeEndian.AppendUint64(p, w.value)
		fixed = fixed && w.mode == immediate
	}
	if !fixed {
		return b.relocated(name, p, words)
	}
	key := name + "\x00" + string(p)
	at, ok := b.words[key]
	if !ok {
		at = b.Data(name, p)
		if b.words == nil {
			b.words = make(map[string]Cell)
		}
		b.words[key] = at
	}
	return at
}

func (b *Builder) relocated(name string, p []byte, words []Arg) Cell {
	at := b.Data(name, p)
	for i, w := range words {
		if w.mode == address {
			b.relocs = append(b.relocs, uint32(at)+uint32(8*i))
		}
	}
	return at
}

// Point makes the word at a place in data hold the address of another place.
func (b *Builder) Point(at, to Cell) {
	binary.NativeEndian.PutUint64(b.data[at-dataAt:], uint64(to))
	b.relocs = append(b.relocs, uint32(at))
}

// Preset makes a cell hold a value from the start.
func (b *Builder) Preset(c Cell, word uint64) { b.preset = append(b.preset, Value{c, word}) }

// Strings is the address of a NULL-terminated array of strings, as execve wants. Unlike those of
// [Builder.String] they are seldom equal, and are not looked up.
func (b *Builder) Strings(name string, list []string) Cell {
	words := make([]Arg, 0, len(list)+1)
	for _, s := range list {
		words = append(words, Arg{dataAt + uint64(len(b.data)), address})
		b.data = append(append(b.data, s...), 0)
	}
	return b.Words(name, append(words, Num(0))...)
}

// Program freezes what was built. The Builder is not used any more.
func (b *Builder) Program() *Program {
	return &Program{ops: b.ops, reaper: b.reaper, data: b.data, relocs: b.relocs, names: b.names, notes: b.notes, preset: b.preset}
}
