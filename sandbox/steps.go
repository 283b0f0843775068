package sandbox

// Step is one thing that the new root is made of. Steps are performed in order, so a later one
// covers or changes an earlier one. Missing parents of a destination are made as folders, of mode
// 0755 unless a step of type Parents says otherwise. A destination is an absolute path inside the new root; symbolic links in it are followed
// inside the new root and cannot lead out of it.
//
// A root begins as an empty file system in memory. A Bind, Overlay, Fuse or Tmpfs with the destination
// "/" takes its place.
type Step interface {
	// compile appends the ops of the step.
	compile(*compiler)
	// sources are the paths outside that it reads, which Look inspects.
	sources() []string
}

// Bind shows a file or folder of the caller's view, with all that is mounted below it: read-only,
// without devices and without set-user-ID unless granted. A file needs a file as its destination
// and a folder a folder; a missing one is made, empty.
type Bind struct {
	Source, Dest string
	Writable     bool // a read-only mount outside stays read-only
	Devices      bool // device nodes work
	Setuid       bool // set-user-ID bits and file capabilities count
	// NoSymlinks refuses a Source with a symbolic link in any part: for a path that was
	// resolved and judged before, so that what is shown is what was judged.
	NoSymlinks bool
	// Same, if set, is the file that Source must be.
	Same *FileID
	// Slave lets mounts that the host makes later appear inside.
	Slave  bool
	Origin Origin
}

// FileID tells files apart (stat(2)).
type FileID struct{ Dev, Ino uint64 }

// Tmpfs is an empty file system in memory (tmpfs(5)).
type Tmpfs struct {
	Dest   string
	Mode   uint32 // of its root; 0 is 0755
	Size   uint64 // bytes at the most; 0 is the kernel's default, half of the memory
	Origin Origin
}

// Proc is a new procfs, which shows the sandbox's own processes; it needs a new PID namespace
// or shows the caller's. Where the host's root is a user inside, the kernel would let it write
// the machine's settings: then sys, sysrq-trigger, irq and bus are read-only unless Writable,
// and nested sandboxes cannot mount a procfs of their own.
type Proc struct {
	Dest     string
	Writable bool
	Origin   Origin
}

// Sysfs is a new sysfs. It needs a network namespace that the sandbox's user namespace owns.
type Sysfs struct {
	Dest     string
	Writable bool
	Origin   Origin
}

// Cgroup2 is a new view of the unified hierarchy, rooted at the sandbox's cgroup namespace.
type Cgroup2 struct {
	Dest     string
	Writable bool
	Origin   Origin
}

// Devpts is a new, empty set of pseudo terminals (devpts).
type Devpts struct {
	Dest string
	// GID, if set, is the group of new terminals; it must be mapped.
	GID    *uint32
	Origin Origin
}

// Mqueue shows the POSIX message queues of the sandbox's IPC namespace (mq_overview(7)).
type Mqueue struct {
	Dest   string
	Origin Origin
}

// Dev is a minimal /dev: null zero full random urandom tty, a Devpts, shm, and the usual links.
type Dev struct {
	Dest string
	// GID is the group of new terminals, see Devpts.
	GID *uint32
	// Console binds the sandbox's terminal, if it has one, to console.
	Console bool
	Origin  Origin
}

// Overlay stacks folders of the caller's view (overlayfs). Lower folders come topmost first.
type Overlay struct {
	Dest  string
	Lower []string
	// Upper takes what is written, Work is an empty folder of the same file system. Both
	// empty: what is written goes to memory and is lost, unless ReadOnly.
	Upper, Work string
	ReadOnly    bool
	Setuid      bool
	Origin      Origin
}

// Fuse is a file system that a program outside serves (fuse(4)): Handover.Serve is given what it needs. There can be
// one. All ids of the sandbox's user namespace may use it, as modes and access lists allow.
type Fuse struct {
	Dest   string
	Name   string // of its kind, as mountinfo has it behind "fuse."
	Setuid bool
	Origin Origin
}

// NoAccess as a Mode stands for mode 0, where 0 itself stands for the default.
const NoAccess = 1 << 31

// Parents sets the mode of the missing parents that the steps after it make.
type Parents struct {
	Mode   uint32 // 0 is 0755
	Origin Origin
}

// Dir is a folder; an existing one is kept as it is.
type Dir struct {
	Dest   string
	Mode   uint32 // 0 is 0755
	Origin Origin
}

// Data is a new file with the given content. Bound, it is a mount of its own, read-only unless
// Writable, which may cover an existing file; else the file must not exist yet, unless Replace
// lets it be written over.
type Data struct {
	Dest     string
	Content  []byte
	Mode     uint32 // 0 is 0644
	Bound    bool
	Writable bool
	Replace  bool
	Origin   Origin
}

// Symlink is a symbolic link. An existing link to the same target is kept; anything else in
// its place is an error.
type Symlink struct {
	Dest, Target string
	Origin       Origin
}

// Chmod changes permission bits of something in the new root.
type Chmod struct {
	Dest   string
	Mode   uint32
	Origin Origin
}

// ReadOnly makes the mount at Dest read-only; what is mounted below it only if Recursive.
type ReadOnly struct {
	Dest      string
	Recursive bool
	Origin    Origin
}

// Mask hides a file behind an empty one, a folder behind an empty read-only one. It does
// nothing if Dest does not exist, unless that is Required: then the start fails.
type Mask struct {
	Dest     string
	Required bool
	Origin   Origin
}
