package program

import "syscall"

// Op is one step of the child: a system call, or one of the pseudo calls below.
//
// It is plain words, so that an image can be dumped, compared and fuzzed, and so that the child
// stores no Go pointers. Its layout is the layout in the image.
type Op struct {
	Nr    uint16    // number of the system call, or a pseudo number
	Addr  uint8     // bit i: Args[i] is an offset into the data, relocated by Load
	Cell  uint8     // bit i: Args[i] is the offset of a cell, whose value is the argument
	Wide  bool      // the result is stored as 8 bytes, else as 4
	_     [3]byte   //
	Cases [3]Case   // what particular errors mean; every other error fails
	Out   uint32    // offset of the cell that takes the result, 0 for none
	Index uint32    // position in the list, set by Load, reported on failure
	Note  uint32    // index of the Note that says where the op comes from
	Args  [6]uint64 //
}

// Case says what one errno of a call means.
type Case struct {
	Errno  uint8 // 0 ends the list of cases
	Act    Act   //
	Target int16 // Skip: how far to go on from the next op; Retry: how often at the most
}

// Act is what happens when a call fails with the errno of a [Case].
type Act uint8

// The acts. Fail is what happens to every errno without a case.
const (
	Fail   Act = iota // report (index, errno) and exit
	Ignore            // go on as if the call had succeeded; no result is stored
	Skip              // go on Target ops after the next one
	Retry             // call again, at most Target times, then fail; 0 is for ever
	Keep              // store the errno in the Out cell and go on
)

// Any in Case.Errno stands for every errno.
const Any = 0xff

// Pseudo calls: what a list cannot say with a system call alone.
const (
	// Test goes on Target ops after the next one if Args[0]&Args[1] == Args[2].
	// The distance is an int64 in Args[3], and may be negative.
	Test = 0xff00 + iota
	// Exit ends the process as the wait status in Args[0] did: with its code, or 128+signal.
	Exit
	// Report fails with the errno in Args[0].
	Report
	// Spawn starts a thread, as clone3(2) does with the struct in Args[0] of Args[1] bytes, that
	// goes on Target ops after the next one; the distance is in Args[3], as with Test. The thread
	// has the same memory and a stack of its own, so there can be one of them at a time.
	Spawn
)

// Note says for people what an op is part of. Ops of one step share a Note.
type Note struct {
	Verb   string // what is tried: "bind", "mount proc", "set the user map"
	Object string // on what: a path, a host name; may be empty
	Origin string // who asked for it: "firefox.toml:12", "--read, argument 3"; may be empty
}

// Failure is how a child ended that could not become the app.
type Failure struct {
	Index int           // of the op in the list
	Errno syscall.Errno // what the kernel said
	Note  Note
	Call  string // the call as Program.String prints it
}

func (f *Failure) Error() string {
	s := f.Note.Verb
	if f.Note.Object != "" {
		s += " " + quote(f.Note.Object)
	}
	return s + ": " + f.Errno.Error()
}

// Unwrap gives the errno, for errors.Is.
func (f *Failure) Unwrap() error { return f.Errno }
