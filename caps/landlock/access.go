package landlock

import (
	"math/bits"
	"strconv"
)

// AccessFS is a set of rights to files and folders, LANDLOCK_ACCESS_FS_* of
// linux/landlock.h.
type AccessFS uint64

// The rights to files and folders. Those without an ABI are of ABI 1, Linux 5.13.
const (
	// Execute executes a file.
	Execute AccessFS = 1 << iota
	// WriteFile opens a file for writing.
	WriteFile
	// ReadFile opens a file for reading.
	ReadFile
	// ReadDir lists a folder.
	ReadDir
	// RemoveDir removes an empty folder, or renames it away.
	RemoveDir
	// RemoveFile unlinks or renames away a file.
	RemoveFile
	// MakeChar creates a character device.
	MakeChar
	// MakeDir creates a folder.
	MakeDir
	// MakeReg creates a regular file.
	MakeReg
	// MakeSock creates a Unix socket.
	MakeSock
	// MakeFifo creates a named pipe.
	MakeFifo
	// MakeBlock creates a block device.
	MakeBlock
	// MakeSym creates a symbolic link.
	MakeSym
	// Refer links or renames between folders (ABI 2, Linux 5.19); always denied where not granted.
	Refer
	// Truncate truncates a file (ABI 3, Linux 6.2).
	Truncate
	// IoctlDev calls ioctl on a device opened from then on (ABI 5, Linux 6.10).
	IoctlDev
)

// FileAccess holds the rights that make sense for what is not a folder. The
// kernel refuses a rule for a file with others (EINVAL).
const FileAccess = Execute | WriteFile | ReadFile | Truncate | IoctlDev

// AccessNet is a set of rights to the network, LANDLOCK_ACCESS_NET_*.
type AccessNet uint64

// The rights to the network (ABI 4, Linux 6.7).
const (
	// BindTCP binds a TCP socket to a port.
	BindTCP AccessNet = 1 << iota
	// ConnectTCP connects a TCP socket to a remote port.
	ConnectTCP
)

// Scope is a set of ties to processes outside the domain that are cut,
// LANDLOCK_SCOPE_* (ABI 6, Linux 6.12). No rule makes exceptions.
type Scope uint64

// The scopes.
const (
	// ScopeAbstractUnix denies connecting to abstract Unix sockets made outside.
	ScopeAbstractUnix Scope = 1 << iota
	// ScopeSignal denies signalling processes outside.
	ScopeSignal
)

// LogFlags are the flags of landlock_restrict_self for audit records,
// LANDLOCK_RESTRICT_SELF_LOG_* (ABI 7, Linux 6.15).
type LogFlags uint32

// The flags.
const (
	// LogSameExecOff silences the program that restricts itself.
	LogSameExecOff LogFlags = 1 << iota
	// LogNewExecOn logs the programs executed from then on.
	LogNewExecOn
	// LogSubdomainsOff silences domains made inside.
	LogSubdomainsOff
)

// The numbers of known bits.
const (
	countFS, countNet, countScope, countLog = 16, 2, 2, 3
)

// String returns the kernel's names in lower case with "+" between, "none" for
// no right.
func (a AccessFS) String() string {
	return join(uint64(a), []string{"execute", "write_file", "read_file", "read_dir",
		"remove_dir", "remove_file", "make_char", "make_dir", "make_reg", "make_sock",
		"make_fifo", "make_block", "make_sym", "refer", "truncate", "ioctl_dev"})
}

// String returns the kernel's names as AccessFS does.
func (a AccessNet) String() string { return join(uint64(a), []string{"bind_tcp", "connect_tcp"}) }

// String returns the kernel's names as AccessFS does.
func (s Scope) String() string {
	return join(uint64(s), []string{"abstract_unix_socket", "signal"})
}

// String returns the kernel's names as AccessFS does.
func (f LogFlags) String() string {
	return join(uint64(f), []string{"log_same_exec_off", "log_new_exec_on", "log_subdomains_off"})
}

// join names the bits of a set; a bit without a name is written as its number.
func join(set uint64, names []string) string {
	if set == 0 {
		return "none"
	}
	var b []byte
	for ; set != 0; set &= set - 1 {
		if b != nil {
			b = append(b, '+')
		}
		n := bits.TrailingZeros64(set)
		if n < len(names) {
			b = append(b, names[n]...)
		} else {
			b = append(b, "bit "+strconv.Itoa(n)...)
		}
	}
	return string(b)
}
