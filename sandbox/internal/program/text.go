package program

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// String prints the program for people and for golden tests: one op a line as strace would show
// the call, with what its errors mean, and behind # what it is part of and who asked for it.
func (p *Program) String() string {
	var s strings.Builder
	last := Note{}
	print := func(title string, first int, ops []Op) {
		if len(ops) == 0 {
			return
		}
		s.WriteString(title + ":\n")
		for i := range ops {
			line := pad(strconv.Itoa(first+i), -4) + "  " + p.format(&ops[i])
			if note := p.note(&ops[i]); note != last {
				line = pad(line, 70) + "  # " + note.String()
				last = note
			}
			s.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	print("child", len(p.reaper), p.ops)
	print("reaper", 0, p.reaper)
	return s.String()
}

// String gives the note as `bind "/usr" (firefox.toml:12)`.
func (n Note) String() string {
	s := n.Verb
	if n.Object != "" {
		s += " " + quote(n.Object)
	}
	if n.Origin != "" {
		s += " (" + n.Origin + ")"
	}
	return s
}

func (p *Program) note(op *Op) Note {
	if int(op.Note) < len(p.notes) {
		return p.notes[op.Note]
	}
	return Note{}
}

// pad fills s with spaces to width, on its left if width is negative.
func pad(s string, width int) string {
	switch n := len([]rune(s)); {
	case width < 0 && n < -width:
		return strings.Repeat(" ", -width-n) + s
	case n < width:
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

// format prints one op.
func (p *Program) format(op *Op) string {
	switch op.Nr {
	case Test:
		return p.formatTest(op)
	case Exit:
		return "exit as " + p.arg(op, 0, 'n')
	case Report:
		return "fail with " + p.arg(op, 0, 'n')
	case Spawn:
		return "start a thread at +" + strconv.FormatInt(int64(op.Args[3]), 10)
	}
	c := describe(op.Nr)
	args := make([]string, 0, 6)
	for i := range c.args {
		args = append(args, p.arg(op, i, c.args[i]))
	}
	s := c.name + "(" + strings.Join(args, ", ") + ")"
	if op.Out != 0 {
		s += " = " + p.nameOf(op.Out)
	}
	for _, k := range op.Cases {
		if k.Errno != 0 {
			s += " | " + k.String()
		}
	}
	return s
}

func (p *Program) formatTest(op *Op) string {
	to := "+" + strconv.FormatInt(int64(op.Args[3]), 10)
	switch {
	case op.Args[3] == reaperLabel:
		to = "reaper"
	case int64(op.Args[3]) < 0:
		to = to[1:]
	}
	if op.Cell == 0 {
		return "go " + to
	}
	left := p.arg(op, 0, 'n')
	if mask := op.Args[1]; mask != ^uint64(0) {
		left += "&" + hex(mask)
	}
	return "if " + left + " == " + p.arg(op, 2, 'n') + " go " + to
}

// String gives a case as `ENOENT: skip 2`.
func (c Case) String() string {
	s := "error"
	if c.Errno != Any {
		s = unix.ErrnoName(syscall.Errno(c.Errno))
	}
	switch n := strconv.Itoa(int(c.Target)); c.Act {
	case Ignore:
		return s + ": ignore"
	case Skip:
		return s + ": skip " + n
	case Retry:
		if c.Target == 0 {
			return s + ": retry"
		}
		return s + ": retry " + n
	case Keep:
		return s + ": keep"
	}
	return s + ": fail"
}

// arg prints argument i as the kind of thing that the call takes there.
func (p *Program) arg(op *Op, i int, kind byte) string {
	v := op.Args[i]
	switch {
	case op.Cell>>i&1 != 0:
		return p.nameOf(uint32(v))
	case op.Addr>>i&1 != 0:
		if kind == 's' || kind == 'q' {
			return p.stringAt(uint32(v))
		}
		return "&" + p.nameOf(uint32(v))
	}
	switch kind {
	case 'd':
		if int64(v) == unix.AT_FDCWD {
			return "AT_FDCWD"
		}
		return strconv.FormatInt(int64(v), 10)
	case 's', 'p':
		if v == 0 {
			return "NULL"
		}
		return hex(v)
	case 'o':
		return "0" + strconv.FormatUint(v, 8)
	case 'n', 'q':
		return strconv.FormatInt(int64(v), 10)
	}
	return flags(v, kind)
}

// nameOf gives the name of a cell or of data, with the distance when it is a field.
func (p *Program) nameOf(at uint32) string {
	var nearest named
	for _, n := range p.names {
		if n.at <= at && n.at >= nearest.at {
			nearest = n
		}
	}
	switch back := at - nearest.at; {
	case nearest.name == "" || back >= 4096:
	case back == 0:
		return nearest.name
	default:
		return nearest.name + "+" + strconv.Itoa(int(back))
	}
	switch at {
	case errorFdAt:
		return "errors"
	case recordAt:
		return "record"
	}
	return "@" + strconv.Itoa(int(at))
}

// stringAt prints the string at an offset, long ones shortened.
func (p *Program) stringAt(at uint32) string {
	const longest = 120
	if at < dataAt || int(at-dataAt) > len(p.data) {
		return "&" + p.nameOf(at)
	}
	b := p.data[at-dataAt:]
	if n := bytes.IndexByte(b, 0); n >= 0 {
		b = b[:n]
	}
	if len(b) > longest {
		return quote(string(b[:longest])) + "…"
	}
	return quote(string(b))
}

func hex(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }
