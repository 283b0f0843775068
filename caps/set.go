package caps

import (
	"math/bits"
	"strconv"
)

// Set is a set of capabilities. Bit n stands for the capability with number n,
// the layout of two adjacent words of cap_user_data_t (capset(2)).
// The zero value is the empty set.
type Set uint64

// All is every capability that this package has a name for, CAP_CHOWN to
// CAP_CHECKPOINT_RESTORE. A kernel may know more: see UpTo.
const All = CheckpointRestore<<1 - 1

// UpTo returns all capabilities with numbers from 0 to last, where last is the
// content of /proc/sys/kernel/cap_last_cap (Linux 3.2, proc_sys_kernel(5)).
// A negative last gives the empty set.
func UpTo(last int) Set {
	switch {
	case last < 0:
		return 0
	case last >= 63:
		return ^Set(0)
	}
	return 1<<(last+1) - 1
}

// Has reports whether s holds every capability of t.
func (s Set) Has(t Set) bool { return s&t == t }

// String returns the canonical form: lower-case names in the kernel's order
// with commas between, "none" for the empty set and "all" for All. A number
// stands for a capability without a name. Parse reads it back.
func (s Set) String() string {
	switch s {
	case 0:
		return "none"
	case All:
		return "all"
	}
	var b []byte
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		if b != nil {
			b = append(b, ',')
		}
		b = append(b, name(bits.TrailingZeros64(rest))...)
	}
	return string(b)
}

// name returns the lower-case name of capability n, or n itself in decimal.
func name(n int) string {
	if n < len(names) {
		return names[n]
	}
	return strconv.Itoa(n)
}
