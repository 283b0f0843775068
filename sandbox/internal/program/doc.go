// Package program is the instruction set of the cloned child: system calls as data.
//
// A parent describes everything that a new process has to do before it becomes the app as a
// list of [Op], built with a [Builder] and frozen in a [Program]. [Program.Load] lays the list
// and all the memory that it points to out in one mapping outside the Go heap, and
// [Image.Clone] makes a child that walks it with raw system calls, without the Go runtime:
//
//	Builder ──► Program ──► Load ──► Image ──► Clone ──► child: walk, …, execve
//	            immutable   mmap,              clone3     (child_unsafe.go)
//	            printable   relocate
//
// The package knows system calls and nothing of sandboxes. It does not check that a list makes
// sense; it guarantees that the child does what the list says, that a failed call is reported
// with the index of its op and its errno, and that the child never allocates, locks, grows its
// stack or takes a signal on the way. Programs come from our own compiler only; nothing in an
// image is read from an attacker.
package program
