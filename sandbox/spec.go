package sandbox

import (
	"os"

	"golang.org/x/sys/unix"

	"snug/caps"
)

// Origin says where a grant came from: "firefox.toml:12", "--ro-bind, argument 7".
type Origin string

// Spec is what a sandbox is. The zero value, given an Argv, is the strictest sandbox.
//
// Descriptors in a Spec stay the caller's: Start only borrows them, and they may be closed when
// it has returned.
type Spec struct {
	Users Users // the user namespace and the ids in it

	Mount  Namespace // with a new one, Root makes its contents
	PID    Namespace // with a new one, nothing in the sandbox outlives its first process
	IPC    Namespace
	UTS    Namespace
	Net    Namespace // a new one has its loopback interface up and nothing else
	Cgroup Namespace
	Time   Clocks

	// PIDAbove is the PID namespace in which the new one is made, in place of the caller's.
	PIDAbove *os.File

	// Enter joins the namespaces of a running sandbox. The six kinds above are then ignored; of
	// Users the ids count. State.Enter makes such a Spec.
	Enter *Enter

	Hostname   string // needs a new UTS namespace
	Domainname string // likewise

	Root []Step // what the new root holds, in order
	// Propagate lets what is mounted in the sandbox reach the mount namespaces that are made of its own,
	// and back, as between services of an operating system (mount_namespaces(7), "SHARED SUBTREES").
	Propagate bool

	// CgroupDir is an open cgroup v2 folder that the sandbox is moved into before it makes its
	// cgroup namespace. It is the sandbox's alone: all processes in it end with Instance.Close,
	// but not with the Close of one that has entered.
	CgroupDir *os.File

	Process  Process
	Handover Handover
}

// Namespace says which namespace of a kind the sandbox has. The zero value is a new one.
type Namespace struct {
	Shared bool     // the caller's own
	Join   *os.File // an open /proc/PID/ns file, or one bound elsewhere
}

// New reports whether a namespace is to be made.
func (n Namespace) New() bool { return !n.Shared && n.Join == nil }

// Clocks says what the sandbox sees of the monotonic and the boot-time clock. A time namespace
// isolates nothing, so the zero value is the caller's clocks and not a new namespace
// (time_namespaces(7), Linux 5.6).
type Clocks struct {
	Join      *os.File
	Offset    bool  // make a namespace with the offsets below
	Monotonic int64 // seconds
	Boottime  int64 // seconds
}

// Users says who the sandboxed process is.
type Users struct {
	Namespace

	// UID and GID are the ids of the process inside. With a shared namespace an ordinary user
	// can only stay who it is. SameID is whoever the process is by the maps.
	UID, GID uint32

	// UIDs and GIDs map ids inside to ids outside. Both empty: the caller's own ids are the
	// only ones inside, as UID and GID, and the child writes the map itself, with setgroups
	// denied. Else newuidmap(1) and newgidmap(1) write the maps, unless the caller may.
	UIDs, GIDs []IDRange

	// Unmapped leaves the maps of a new namespace to the caller, who writes them in
	// Handover.Placed or before Handover.WaitUsers ends.
	Unmapped bool

	// Groups are the supplementary groups, inside; not with a map of the caller's ids alone.
	// Empty: none, but where the kernel forbids to drop them (setgroups denied).
	Groups []uint32
	// KeepGroups keeps the caller's supplementary groups instead: they go on opening files for it, and
	// have no name inside unless they are mapped.
	KeepGroups bool

	// Nested lets the process make user namespaces of its own. It must be granted with a
	// namespace that is not new, as only a filter could refuse it there.
	Nested bool
	// Below puts the process, when everything is set up, into one more user namespace, in which UID
	// and GID are all the ids. What capabilities it has hold there alone: not over the sandbox's mounts and other
	// namespaces, nor over the limit by which Nested is refused.
	Below bool
	// After is a user namespace to join when everything is set up, one below that of the sandbox.
	After *os.File
	// Sealed fails the start if the process could make user namespaces.
	Sealed bool

	Origin Origin
}

// SameID as an id changes nothing.
const SameID = 1<<32 - 1

// IDRange maps Count ids that start at Inside to ids that start at Outside (user_namespaces(7)).
type IDRange struct{ Inside, Outside, Count uint32 }

// Enter is a running sandbox to be joined.
type Enter struct {
	// Process is a pidfd of a process in the sandbox that the app does not control: its init.
	// Never the app's own, which may have changed its namespaces.
	Process *os.File
	// Namespaces are the CLONE_NEW* flags of the namespaces to join: those that differ.
	Namespaces uint64
}

// Process is what runs in the sandbox, and with which rights.
type Process struct {
	// Argv is the command; Argv[0] is what the program is told to be called.
	Argv []string
	// Programs are tried in order, inside, until one can be executed: the result of a search
	// of PATH. Empty: Argv[0], which then must hold a slash.
	Programs []string
	// Scripts lets /bin/sh run a program that the kernel does not take for one: a script without
	// "#!" (execvp(3)).
	Scripts bool
	// Env is the whole environment, as KEY=VALUE.
	Env []string
	// Dirs are tried in order, inside, as the working directory. Empty: "/".
	Dirs []string
	// PWD sets that variable in Env to the one that was entered.
	PWD bool

	Umask   uint32     // bits that new files do not get; front ends pass the caller's
	Rlimits []Rlimit   // getrlimit(2)
	OOM     *int       // oom_score_adj, -1000 to 1000; also the reaper's
	Signals SignalMask // what it starts with ignored and blocked

	// Session keeps the caller's session, and with it the caller's terminal.
	Session bool
	// Terminal gives the process a pseudo terminal of the sandbox's own /dev/pts as its
	// controlling terminal, whose other end is Instance.Terminal.
	Terminal *Terminal

	// Files are the descriptors that it has beside 0, 1 and 2.
	Files []File
	// AllFiles lets it inherit every descriptor of the caller that is not closed on exec.
	AllFiles bool
	// Withheld are files of the caller's that are closed in the child before anything else, whatever
	// AllFiles says: who waits for the end of one must not wait for the sandbox.
	Withheld []*os.File

	// Init makes the process PID 1 of a new PID namespace. Else a small process that only
	// reaps is PID 1.
	Init bool
	// InitName is what that small process is called, at most 15 bytes; empty: snug-init.
	InitName string
	// Outlive lets the sandbox live on when the thread that started it, and so its program,
	// dies.
	Outlive bool
	// Linger lets what the app leaves behind live on: PID 1 ends with the last process. Wait gives
	// the app's status when the app ends all the same. Without a PID namespace there is a process
	// in the place of PID 1, which waits for the app alone.
	Linger bool
	// Held are files that PID 1 keeps open for as long as it lives, and the app does not have.
	Held []*os.File
	// Locks are files, inside, that PID 1 holds a read lock on for as long as it lives (F_SETLK in
	// fcntl(2)); one that cannot be had is an error.
	Locks []string

	// NewPrivileges lets execve grant privileges: set-user-ID files, file capabilities.
	NewPrivileges bool
	// Capabilities hold inside the sandbox's own user namespace.
	Capabilities caps.Sets
	// Filters are seccomp filters, installed in order.
	Filters []Filter
	// Landlock is enforced as the last thing before the filters.
	Landlock *Landlock

	Origin Origin
}

// Rlimit is a resource limit; RLIM_INFINITY is ^uint64(0).
type Rlimit struct {
	Resource   int // unix.RLIMIT_NOFILE, …
	Soft, Hard uint64
}

// SignalMask has bit n-1 set for signal n.
type SignalMask struct{ Ignored, Blocked uint64 }

// Terminal is what a new pseudo terminal starts with.
type Terminal struct {
	Rows, Cols uint16
	Settings   *unix.Termios // nil: the kernel's
	// Stdio says which of the descriptors 0, 1 and 2 are the terminal; the others are inherited.
	Stdio [3]bool
}

// File gives the process an open file under a number. The number 0, 1 or 2 replaces the caller's.
type File struct {
	Number int
	Source *os.File
}

// Filter is a seccomp filter for the kernel (seccomp(2)).
type Filter struct {
	Name  string // how it is printed: "default", "audit.json"
	Code  []byte // struct sock_filter in the machine's byte order
	Flags uint32 // SECCOMP_FILTER_FLAG_*
	// Listen hands the notification descriptor of the filter to Instance.Listener. The filter
	// must let read and write through, and cannot be used by who enters a sandbox.
	Listen bool
	Origin Origin
}

// Landlock is a ruleset as the kernel takes it, made by snug/caps/landlock for the machine's ABI.
type Landlock struct {
	Attr   []byte // struct landlock_ruleset_attr
	Rules  []LandlockRule
	Origin Origin
}

// LandlockRule is one rule; for a path, the engine opens it inside the sandbox.
type LandlockRule struct {
	Type uint32 // LANDLOCK_RULE_*
	Attr []byte // the struct that belongs to the type
	Path string // for LANDLOCK_RULE_PATH_BENEATH
	FDAt int    // offset in Attr of the 4 bytes that take the descriptor of Path
}

// Handover lets the caller take part while the sandbox comes to be.
type Handover struct {
	// Wait is read until one byte or its end has arrived, when everything but the app is ready.
	Wait *os.File
	// WaitUsers is read likewise, when the namespaces exist and nothing in them does.
	WaitUsers *os.File
	// Ready gets one byte before the app starts, when everything is set up.
	Ready *os.File
	// Placed, if set, is called in the parent with the host's process id of the child before it
	// makes its cgroup namespace: to put it into a cgroup, to write its id maps. It must return
	// soon; an error ends the child and is what Start returns.
	Placed func(pid int) error
	// Made, if set, is called likewise when all namespaces exist; those that are unmapped still are.
	Made func(pid int) error
	// Serve is called likewise with the descriptor of the one Fuse in Root, which it owns from then on: to start who
	// answers. The child waits for the first answer.
	Serve func(*os.File) error
}

// namespaces are the CLONE_NEW* flags of the namespaces that s makes.
func (s *Spec) namespaces() uint64 {
	var flags uint64
	for _, n := range s.list() {
		if n.New() {
			flags |= n.flag
		}
	}
	if s.Time.Offset {
		flags |= unix.CLONE_NEWTIME
	}
	return flags
}

type namedNamespace struct {
	Namespace
	flag uint64
	name string
}

// list gives the namespaces in the order in which they are joined: users first, for the rights
// over the others.
func (s *Spec) list() []namedNamespace {
	return []namedNamespace{
		{s.Users.Namespace, unix.CLONE_NEWUSER, "user"},
		{s.Cgroup, unix.CLONE_NEWCGROUP, "cgroup"},
		{s.IPC, unix.CLONE_NEWIPC, "ipc"},
		{s.UTS, unix.CLONE_NEWUTS, "uts"},
		{s.Net, unix.CLONE_NEWNET, "net"},
		{s.PID, unix.CLONE_NEWPID, "pid"},
		{s.Mount, unix.CLONE_NEWNS, "mnt"},
	}
}
