package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// Host is what Compile needs to know of the machine. Probe fills it in; tests write their own.
type Host struct {
	UID, GID uint32 // of the caller

	Kernel [2]int // major and minor version
	Clone3 bool   // clone3(2) exists and no filter hides it
	// Landlock is the ABI version, 0 where the kernel has none (landlock(7)).
	Landlock int
	// LastCapability is the highest capability that the kernel knows.
	LastCapability int

	// Ignored are the signals that this program ignores, bit n-1 for signal n. A child made with
	// clone3 keeps them and has its handlers reset.
	Ignored uint64
	// Caller is how the caller started this program, before the Go runtime changed it.
	Caller Caller
}

// Caller is the state that a program inherits and that the Go runtime changes at its start:
// it catches nearly all signals and raises the soft limit of open files.
type Caller struct {
	Known   bool // false: linked without the entry point that records it (see package entry)
	Signals SignalMask
	Files   Rlimit
}

// oldest is the first kernel with all that every sandbox needs: mount_setattr is of 5.12,
// overlayfs in a user namespace of 5.11, Landlock of 5.13, clone_args.cgroup and close_range older.
var oldest = [2]int{5, 14}

// Has reports whether the kernel is at least of a version.
func (h *Host) Has(major, minor int) bool {
	return h.Kernel[0] > major || h.Kernel[0] == major && h.Kernel[1] >= minor
}

// Probe looks at the machine. It costs a handful of system calls.
func Probe() (Host, error) {
	h := Host{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Caller: started()}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return h, os.NewSyscallError("uname", err)
	}
	h.Kernel = kernelVersion(u.Release[:])
	h.Clone3 = hasClone3()
	h.Ignored = ignoredSignals()
	h.Landlock = landlockABI()
	h.LastCapability = lastCapability()
	return h, nil
}

// kernelVersion reads "6.18.44-custom" as {6, 18}.
func kernelVersion(release []byte) (v [2]int) {
	part := 0
	for _, c := range release {
		switch {
		case c >= '0' && c <= '9' && v[part] < 1<<16:
			v[part] = v[part]*10 + int(c-'0')
		case c == '.' && part == 0:
			part = 1
		default:
			return v
		}
	}
	return v
}

// lastCapability asks for the bounding set bit by bit, from the newest that we know a name for.
func lastCapability() int {
	has := func(n int) bool {
		_, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		return err == nil
	}
	n := 40
	for n > 0 && !has(n) {
		n--
	}
	for n < 63 && has(n+1) {
		n++
	}
	return n
}
