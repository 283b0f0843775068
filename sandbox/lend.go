package sandbox

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// This file decides under which numbers a child gets the caller's descriptors.

// mayClone refuses to make sandboxes from a program that has more rights than its user: the
// set-up would act with them, and be traceable by the user (CVE-2016-8659). Such a program's
// /proc/self belongs to root, too, so that it cannot write id maps.
func (p *Program) mayClone() error {
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		return &Error{What: "this program runs with another user's rights", Hint: "snug needs no set-user-ID bit; remove it"}
	}
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err == nil && dumpable != 1 && p.host.UID != 0 {
		return &Error{What: "this program may not be traced by its user, so the kernel forbids it to map users",
			Hint: "its file must be readable by you and have no capabilities"}
	}
	return nil
}

// lender collects what the child gets. What stands in the way of the numbers that the app's
// files will have is moved above them.
type lender struct {
	above   int // no number up to this one
	opened  []int
	numbers []uint64 // the error pipe, the status socket, the files
	cells   []program.Value
}

// keep gives a descriptor of the same file that is not below 3 and outlives the lender.
func (l *lender) keep(fd int) (int, error) {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	return got, nil
}

func (l *lender) pass(cell program.Cell, fd int) error {
	if fd <= l.above {
		high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, l.above+1)
		if err != nil {
			return os.NewSyscallError("fcntl", err)
		}
		l.opened = append(l.opened, high)
		fd = high
	}
	l.cells = append(l.cells, program.Value{Cell: cell, Word: uint64(fd)})
	l.numbers = append(l.numbers, uint64(fd))
	return nil
}

func (l *lender) close() {
	for _, fd := range l.opened {
		unix.Close(fd)
	}
}

// lend passes the child its ends of the error pipe and the status socket, and the files.
func (p *Program) lend(l *lender, errs, status int) error {
	l.above = p.above
	if err := l.pass(program.ErrorFd, errs); err != nil {
		return err
	}
	if err := l.pass(p.status, status); err != nil {
		return err
	}
	for _, f := range p.files {
		fd, err := number(f.file)
		if err == nil {
			err = l.pass(f.cell, fd)
		}
		if err != nil {
			return err
		}
		for _, poll := range p.polls {
			if poll.file == f.file { // struct pollfd: descriptor and events
				l.cells = append(l.cells, program.Value{Cell: poll.cell, Word: l.numbers[len(l.numbers)-1] | unix.POLLIN<<32})
			}
		}
	}
	return nil
}

// number is the number of an open file. os.File.Fd would make it blocking, for everybody who
// shares it.
func number(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd = int(n) })
	}
	return fd, err
}

// duplicate gives a descriptor of the same file for the caller to close.
func duplicate(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(n uintptr) { fd, failed = unix.FcntlInt(n, unix.F_DUPFD_CLOEXEC, 3) })
	if err == nil {
		err = failed
	}
	return fd, err
}

// fillGaps gives the ranges of descriptors to close: in the child all but 0, 1, 2 and those lent, in
// a reaper all but the ways to the parent, the gate, and the files that it holds.
func (p *Program) fillGaps(numbers []uint64) []program.Value {
	cells := gapsBetween(p.gaps, 3, numbers)
	if len(p.alone) == 0 {
		return cells
	}
	kept := append([]uint64(nil), numbers[:2]...) // the error pipe, the status socket
	for i, f := range p.files {
		if slices.Contains(p.spec.Process.Held, f.file) {
			kept = append(kept, numbers[2+i])
		}
	}
	if p.gate != 0 {
		gate := slices.Max(numbers) + 1
		cells, kept = append(cells, program.Value{Cell: p.gate, Word: gate}), append(kept, gate)
	}
	return append(cells, gapsBetween(p.alone, 0, kept)...)
}

// fillWithheld gives the descriptors to close where the child keeps the caller's files: the parent's
// ends, its copies, and what the Spec names.
func (p *Program) fillWithheld(l *lender, own ...int) (cells []program.Value, err error) {
	if len(p.withheld) == 0 {
		return nil, nil
	}
	for _, f := range p.spec.Process.Withheld {
		fd, err := number(f)
		if err != nil {
			return nil, err
		}
		own = append(own, fd)
	}
	for _, fd := range l.opened {
		if !slices.Contains(l.numbers, uint64(fd)) {
			own = append(own, fd)
		}
	}
	for i := 0; i+1 < len(p.withheld); i += 2 {
		fd := uint64(noDescriptor)
		if i/2 < len(own) {
			fd = uint64(own[i/2])
		}
		cells = append(cells, program.Value{Cell: p.withheld[i], Word: fd}, program.Value{Cell: p.withheld[i+1], Word: fd})
	}
	return cells, nil
}

// noDescriptor is the highest number, which none has.
const noDescriptor = 1<<32 - 1

// gapsBetween fills pairs of cells with the ranges of numbers between those kept, from a number on.
// Pairs that are left over get the highest number, which no descriptor has: an error of close_range
// is one, and never ignored.
func gapsBetween(pairs []program.Cell, from uint64, kept []uint64) []program.Value {
	const last = noDescriptor
	var gaps [][2]uint64
	for _, fd := range slices.Sorted(slices.Values(kept)) {
		if fd > from {
			gaps = append(gaps, [2]uint64{from, fd - 1})
		}
		from = max(from, fd+1)
	}
	gaps = append(gaps, [2]uint64{from, last})
	cells := make([]program.Value, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		gap := [2]uint64{last, last}
		if i/2 < len(gaps) {
			gap = gaps[i/2]
		}
		cells = append(cells, program.Value{Cell: pairs[i], Word: gap[0]}, program.Value{Cell: pairs[i+1], Word: gap[1]})
	}
	return cells
}

// fillUnmap gives the ranges of addresses that the child unmaps, and those that a reaper does.
func (p *Program) fillUnmap(im *program.Image) []program.Value {
	if keepMemory {
		return nil
	}
	var cells []program.Value
	from, keep := uint64(0), im.Keep()
	for i, to := range []uint64{keep[0][0], keep[1][0], addressEnd} {
		cells = append(cells, program.Value{Cell: p.unmap[2*i], Word: from}, program.Value{Cell: p.unmap[2*i+1], Word: to - from})
		if i < 2 {
			from = keep[i][1]
		}
	}
	if len(p.rest) > 0 {
		at, length := im.Rest()
		cells = append(cells, program.Value{Cell: p.rest[0], Word: at}, program.Value{Cell: p.rest[1], Word: length})
	}
	return cells
}
