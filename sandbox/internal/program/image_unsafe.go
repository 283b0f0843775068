package program

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file lays programs out in memory and clones children that walk them.
//
// Invariants:
//
//   - An image is one mapping made here, outside the Go heap. It holds no Go pointers, so the
//     collector need not know it, and addresses in it stay valid in the child.
//   - Every offset that is relocated lies inside the image; Load panics otherwise, which is a
//     bug of our compiler and never depends on input.
//   - syscall.runtime_BeforeFork and runtime_AfterFork are what os/exec itself uses around fork:
//     they block all signals and make an accidental stack growth in between fatal. The Go tree
//     keeps their names and signatures for this kind of use ("do not remove or change the type
//     signature"). Between the two stands one nosplit function that calls assembly.

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// fork is in assembly: child_*.s.
//
//go:noescape
func fork(nr, a0, a1, a2 uint64, stack, base, op unsafe.Pointer, walk uintptr) uint64

// Image is a [Program] laid out in memory with its cells filled, good for one [Image.Clone].
type Image struct {
	mem   []byte
	start int // offset of the first op of the main list
}

// Load lays p out and fills cells. The caller frees the image with [Image.Close].
func (p *Program) Load(cells []Value) (*Image, error) {
	start := dataAt + len(p.data)
	start += (opSize - (start-opsAt)%opSize) % opSize // ops of both lists on one grid
	size := start + len(p.ops)*opSize
	if len(p.reaper)*opSize > stackAt-opsAt {
		panic("program: the reaper's list does not fit its page")
	}
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, &Failure{Errno: err.(syscall.Errno), Note: Note{Verb: "map memory for a new process"}}
	}
	im := &Image{mem, start}
	copy(mem[dataAt:], p.data)
	for _, at := range p.relocs {
		im.setWord(int(at), im.addr(binary.NativeEndian.Uint64(mem[at:])))
	}
	im.setWord(errorFdAt, ^uint64(0))
	im.setWord(walkAt, uint64(walkCode()))
	im.SetCells(p.preset)
	im.SetCells(cells)
	im.layOps(opsAt, 0, p.reaper)
	im.layOps(start, len(p.reaper), p.ops)
	return im, nil
}

// layOps copies ops to the image with their addresses made real.
func (im *Image) layOps(at, index int, ops []Op) {
	for i := range ops {
		op := ops[i]
		op.Index = uint32(index + i)
		for k := range op.Args {
			if op.Addr>>k&1 != 0 {
				op.Args[k] = im.addr(op.Args[k])
			}
		}
		if op.Nr == Test && op.Args[3] == reaperLabel {
			op.Args[3] = uint64(int64((opsAt - at - (i+1)*opSize) / opSize))
		}
		*(*Op)(unsafe.Pointer(&im.mem[at+i*opSize])) = op
	}
}

// addr is the address of the byte at an offset.
func (im *Image) addr(off uint64) uint64 {
	return uint64(uintptr(unsafe.Pointer(&im.mem[off])))
}

func (im *Image) setWord(at int, w uint64) { binary.NativeEndian.PutUint64(im.mem[at:], w) }

// Keep is what a child must leave mapped: the image and the machine code of the child, as
// page-aligned ranges [from, to) in ascending order. The code is the largest page's worth in each
// direction around the two functions: it is never written, so it costs nothing.
func (im *Image) Keep() [2][2]uint64 {
	const page = 1 << 16 // the largest of any machine
	image := [2]uint64{im.addr(0), im.addr(0) + pages(uint64(len(im.mem)))}
	a, b := uint64(walkCode()), uint64(code())
	machine := [2]uint64{min(a, b)&^(page-1) - page, max(a, b)&^(page-1) + 2*page}
	if machine[0] < image[0] {
		return [2][2]uint64{machine, image}
	}
	return [2][2]uint64{image, machine}
}

// Rest is the address and the length of the part of the image that a reaper does not need. With
// large pages there may be none, as munmap(2) takes whole ones only.
func (im *Image) Rest() (address, length uint64) {
	kept := pages(Kept)
	return im.addr(0) + kept, pages(uint64(len(im.mem))) - kept
}

// pages rounds a length up to whole pages.
func pages(n uint64) uint64 {
	own := uint64(os.Getpagesize())
	return (n + own - 1) &^ (own - 1)
}

// walkCode is the address of walk itself: a func value points to a word that holds it.
func walkCode() uintptr {
	child := walk
	return **(**uintptr)(unsafe.Pointer(&child))
}

// code is in assembly: child_*.s.
func code() uintptr

// SetCells fills cells after Load, for values that the image itself decides.
func (im *Image) SetCells(cells []Value) {
	for _, v := range cells {
		im.setWord(int(v.Cell), v.Word)
	}
}

// Withhold keeps the kernel from giving children of this process a copy of its memory, all but
// this image and the machine code (MADV_DONTFORK in madvise(2)). A copy costs the child, which
// drops it, and this process, which faults on every page that it goes on writing to. What is
// mapped later is copied. It is not undone: in a program that links a C library whose fork(2)
// somebody needs, it must not be used.
func (im *Image) Withhold(end uint64) {
	from, keep := uint64(0), im.Keep()
	for i, to := range []uint64{keep[0][0], keep[1][0], end} {
		// ENOMEM says that there are holes in the range; the rest of it has been advised.
		syscall.RawSyscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), unix.MADV_DONTFORK)
		if i < 2 {
			from = keep[i][1]
		}
	}
}

// Clone makes a child with the CLONE_* flags that walks the program, and returns its process id
// and pidfd, which the caller closes. The child dies with SIGCHLD. clone3 says whether the
// kernel has the call of that name; with it the child's signal handlers are reset.
//
// A child's parent-death signal is bound to the thread that cloned it (prctl(2)): a caller that
// uses one locks its goroutine to a thread for as long as the child lives, or has onMain make sure
// that it is the main thread, which lives as long as the program; else it gets [ErrThread].
func (im *Image) Clone(flags uint64, clone3, onMain bool) (pid, pidfd int, err error) {
	nr, a0, a1, a2 := uint64(unix.SYS_CLONE), flags|unix.CLONE_PIDFD|uint64(unix.SIGCHLD), uint64(0), im.addr(pidfdAt)
	if clone3 {
		im.setWord(cloneAt, flags|unix.CLONE_PIDFD|unix.CLONE_CLEAR_SIGHAND)
		im.setWord(cloneAt+8, im.addr(pidfdAt))
		im.setWord(cloneAt+32, uint64(unix.SIGCHLD))
		nr, a0, a1, a2 = unix.SYS_CLONE3, im.addr(cloneAt), 88, 0
	}
	stack, base, op := unsafe.Pointer(&im.mem[dataAt-1]), unsafe.Pointer(&im.mem[0]), unsafe.Pointer(&im.mem[im.start])
	stack = unsafe.Add(stack, 1-16)

	// Descriptors that other goroutines are opening have their close-on-exec flag set before
	// the lock is free (syscall.ForkLock).
	thread := uint64(0)
	if onMain {
		thread = uint64(os.Getpid())
	}
	syscall.ForkLock.Lock()
	r := clone(nr, a0, a1, a2, stack, base, op, walkCode(), thread)
	syscall.ForkLock.Unlock()
	runtime.KeepAlive(im)
	if r == otherThread {
		return 0, -1, ErrThread
	}

	if r > ^uint64(lastErrno) {
		return 0, -1, syscall.Errno(-r)
	}
	return int(r), int(binary.NativeEndian.Uint32(im.mem[pidfdAt:])), nil
}

// ErrThread says that the goroutine was on another thread than the main one.
var ErrThread = errors.New("not on the main thread")

const otherThread = 1 << 62 // no process id, no errno

// clone makes the call on this thread, if that is the wanted one: between the two calls the signals
// by which a goroutine is taken from its thread are blocked.
//
//go:nosplit
//go:norace
func clone(nr, a0, a1, a2 uint64, stack, base, op unsafe.Pointer, walk uintptr, thread uint64) uint64 {
	beforeFork()
	r := uint64(otherThread)
	if thread == 0 || syscall6(sysGettid, 0, 0, 0, 0, 0, 0) == thread {
		r = fork(nr, a0, a1, a2, stack, base, op, walk)
	}
	afterFork()
	return r
}

// Close frees the memory of the parent. The child has its own copy.
func (im *Image) Close() {
	if im.mem != nil {
		unix.Munmap(im.mem)
		im.mem = nil
	}
}
