//go:build cgo

package sandbox

// keepMemory says that a reaper must not unmap the parent's memory: the C library has registered
// some of it with the kernel (rseq(2)), which kills a process where it is gone. The programs of
// this project are built without cgo; this is for tests with the race detector, and for others
// who link the package. The app cannot read the memory then, either, but the command line of
// the parent is shown to it as that of PID 1.
const keepMemory = true
