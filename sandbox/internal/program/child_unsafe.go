package program

import "unsafe"

// This file is the child: everything that runs between clone and execve, in one function.
//
// Contract, kept by child_test.go, which disassembles it:
//
//   - It runs in a copy of the parent in which only this thread exists. Locks may be held for
//     ever by threads that are gone, so nothing here may take one: no allocation, no print, no
//     map, no interface, no defer, no panic (hence no slices: an index check is a call).
//   - It runs on a stack of 4 KiB inside the image, so it must not grow the stack: nosplit, one
//     flat function, no arrays in the frame.
//   - All signals are blocked from before clone until the list itself unblocks them.
//   - It stores integers into the image only, never pointers, so no write barrier is needed.
//   - The only calls are to syscall6 and spawn, which do not return into the runtime.
//   - A thread that it spawns walks ops of its own with the same image. Cells are shared between
//     the two without a lock: what one writes the other reads only behind a system call that
//     waits for it, such as the read of an eventfd.
//   - A reaper unmaps the runtime's memory and goes on here, so nothing outside the image and
//     the machine code may be read: no globals, no constants in rodata, no jump tables.
//
// Conversions: base and ops point into one mapping made by Load, outside the Go heap, which
// outlives the child. Every offset in a loaded image was laid out by Builder and checked by Load.

// opSize is the distance of ops in the image.
const opSize = int(unsafe.Sizeof(Op{}))

// lastErrno is the largest errno: results above -4096 are errors (syscall(2)).
const lastErrno = 4095

// failStatus is the exit status of a child that could not become the app.
const failStatus = 125

// syscall6 is the system call nr; a negative errno is returned as it is.
//
//go:noescape
func syscall6(nr, a0, a1, a2, a3, a4, a5 uint64) uint64

// spawn is clone3 with args, a struct of size bytes, for a thread that walks from op on, on stack.
//
//go:noescape
func spawn(args, size uint64, stack, base, op unsafe.Pointer, walk uint64) uint64

// walk performs the ops from op on. It does not return.
//
//go:nosplit
//go:norace
//go:nocheckptr
func walk(base, op unsafe.Pointer) {
	tries := int32(0)
	for {
		o := (*Op)(op)
		a0, a1, a2, a3, a4, a5 := o.Args[0], o.Args[1], o.Args[2], o.Args[3], o.Args[4], o.Args[5]
		if c := o.Cell; c != 0 {
			if c&1 != 0 {
				a0 = *(*uint64)(unsafe.Add(base, a0))
			}
			if c&2 != 0 {
				a1 = *(*uint64)(unsafe.Add(base, a1))
			}
			if c&4 != 0 {
				a2 = *(*uint64)(unsafe.Add(base, a2))
			}
			if c&8 != 0 {
				a3 = *(*uint64)(unsafe.Add(base, a3))
			}
			if c&16 != 0 {
				a4 = *(*uint64)(unsafe.Add(base, a4))
			}
			if c&32 != 0 {
				a5 = *(*uint64)(unsafe.Add(base, a5))
			}
		}

		var result uint64
		if o.Nr < Test {
			result = syscall6(uint64(o.Nr), a0, a1, a2, a3, a4, a5)
		} else if o.Nr == Test {
			if a0&a1 == a2 {
				op = unsafe.Add(op, int64(a3)*int64(opSize))
			}
			op = unsafe.Add(op, opSize)
			continue
		} else if o.Nr == Spawn {
			result = spawn(a0, a1, unsafe.Add(base, threadStackEnd), base, unsafe.Add(op, (int64(a3)+1)*int64(opSize)), a2)
		} else if o.Nr == Exit {
			code := a0 >> 8 & 0xff
			if sig := a0 & 0x7f; sig != 0 {
				code = 128 + sig
			}
			for {
				syscall6(sysExitGroup, code, 0, 0, 0, 0, 0)
			}
		} else {
			result = -a0
		}

		if result <= ^uint64(lastErrno) {
			if o.Out != 0 {
				if o.Wide {
					*(*uint64)(unsafe.Add(base, o.Out)) = result
				} else {
					*(*uint32)(unsafe.Add(base, o.Out)) = uint32(result)
				}
			}
			tries = 0
			op = unsafe.Add(op, opSize)
			continue
		}

		// The call failed. Find what that means here.
		errno := uint8(-result)
		c := o.Cases[0]
		if c.Errno != errno && c.Errno != Any {
			c = o.Cases[1]
		}
		if c.Errno != errno && c.Errno != Any {
			c = o.Cases[2]
		}
		if c.Errno != errno && c.Errno != Any {
			c.Act = Fail
		}
		if c.Act == Retry && (c.Target == 0 || tries < int32(c.Target)) {
			tries++
			continue
		}
		tries = 0
		if c.Act == Fail || c.Act == Retry {
			*(*uint32)(unsafe.Add(base, recordAt)) = o.Index
			*(*uint32)(unsafe.Add(base, recordAt+4)) = uint32(-result)
			errorFd := *(*uint64)(unsafe.Add(base, errorFdAt))
			syscall6(sysWrite, errorFd, uint64(uintptr(base)), RecordLen, 0, 0, 0)
			for {
				syscall6(sysExitGroup, failStatus, 0, 0, 0, 0, 0)
			}
		}
		if c.Act == Keep {
			*(*uint64)(unsafe.Add(base, o.Out)) = uint64(errno)
		}
		if c.Act == Skip {
			op = unsafe.Add(op, int64(c.Target)*int64(opSize))
		}
		op = unsafe.Add(op, opSize)
	}
}
