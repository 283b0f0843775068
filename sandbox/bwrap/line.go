package bwrap

// Line is a command line that has been read.
type Line struct {
	// Help and Version ask for nothing but these; all words behind them were left unread.
	Help, Version bool
	// Warnings are for the person, without a prefix.
	Warnings []string
	// LevelPrefix puts "<3>" and the like before each line of a message.
	LevelPrefix bool

	args  []string // the command
	argv0 *string
	env   []string
	chdir *string

	user, userTry, ipc, pid, net, uts, cgroup, cgroupTry bool // what is unshared

	disableUsers, assertDisabled          bool
	newSession, dieWithParent, asPID1     bool
	uid, gid                              *uint32
	hostname                              *string
	locks                                 []string
	caps                                  []capChange
	users, users2, pids                   fd // namespaces to join
	sync, block, usersBlock, info, status fd
	seccomp                               fd
	filters                               [][]byte
	operations                            []operation
}

// fd is a descriptor that a word names.
type fd struct {
	number int
	given  bool
}

// capChange is one --cap-add or --cap-drop.
type capChange struct {
	name string
	add  bool
}

// operation is one thing that the new root is made of.
type operation struct {
	kind     kind
	source   string
	dest     string
	lower    []string // of an overlay, the lowest first
	work     string   // likewise
	fd       fd
	perms    uint32 // 0 where the word has none
	size     uint64
	optional bool // a source that does not exist is left out
	absent   bool // it does not
	word     string
	at       int // position of the word in its list
	list     string
}

type kind uint8

const (
	bind kind = iota
	roBind
	devBind
	overlay
	tmpOverlay
	roOverlay
	proc
	dev
	tmpfs
	mqueue
	dir
	file
	bindData
	roBindData
	symlink
	remountRO
	chmod
)
