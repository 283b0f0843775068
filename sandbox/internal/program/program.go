package program

import (
	"encoding/binary"
	"syscall"
)

// Program is a finished list of ops with the memory that they point to. It is immutable, holds
// offsets in place of addresses, and is the same on every machine for the same input.
type Program struct {
	ops, reaper []Op
	data        []byte
	relocs      []uint32
	names       []named
	notes       []Note
	preset      []Value
}

// Len is the number of ops.
func (p *Program) Len() int { return len(p.ops) + len(p.reaper) }

// at gives the op with an index as the child counts: the reaper's ops come first.
func (p *Program) at(index int) *Op {
	if index < len(p.reaper) {
		return &p.reaper[index]
	}
	if index -= len(p.reaper); index < len(p.ops) {
		return &p.ops[index]
	}
	return nil
}

// Replace gives a copy of p with another op at an index, as the child counts: for tests of what is
// left behind when a child ends at any moment.
func (p *Program) Replace(index int, op Op) *Program {
	q := *p
	q.reaper, q.ops = append([]Op(nil), p.reaper...), append([]Op(nil), p.ops...)
	*q.at(index) = op
	return &q
}

// RecordLen is the length of the failure record on the error pipe.
const RecordLen = 8

// Failure explains a record that the child wrote to the error pipe.
func (p *Program) Failure(record [RecordLen]byte) *Failure {
	index := int(binary.NativeEndian.Uint32(record[:]))
	f := &Failure{Index: index, Errno: syscall.Errno(binary.NativeEndian.Uint32(record[4:]))}
	if op := p.at(index); op != nil {
		f.Call = p.format(op)
		if int(op.Note) < len(p.notes) {
			f.Note = p.notes[op.Note]
		}
	}
	return f
}

// Value is the content of a cell, given at [Program.Load].
type Value struct {
	Cell Cell
	Word uint64
}

// quote is strconv.Quote for the characters that can hurt a terminal; everything else, UTF-8
// included, stays readable.
func quote(s string) string {
	const hex = "0123456789abcdef"
	b := append(make([]byte, 0, len(s)+2), '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
