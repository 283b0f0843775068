package seccomp

// Options widens the default filter. The zero value is the strictest. What
// each switch lets through is written in internal/desktop, the policy.
type Options struct {
	// Nested lets an app make sandboxes of its own: user namespaces and mounts,
	// as browsers and bubblewrap inside need them.
	Nested bool
	// Debug lets an app trace its own processes.
	Debug bool
	// ABI32 lets 32-bit programs in: i386 on x86-64, ARM EABI on arm64.
	ABI32 bool
}

// Variants is how many default filters there are, one for each Options.
const Variants = 8

// Variant returns the Options with a number from 0 to Variants-1, so that tests
// and the generator go through all of them.
func Variant(n int) Options {
	return Options{Nested: n&1 != 0, Debug: n&2 != 0, ABI32: n&4 != 0}
}

// index is the inverse of Variant.
func (o Options) index() int {
	n := 0
	if o.Nested {
		n |= 1
	}
	if o.Debug {
		n |= 2
	}
	if o.ABI32 {
		n |= 4
	}
	return n
}

// Default returns the default filter for desktop apps on the machine that this
// program was built for, as the kernel's array of struct sock_filter. It needs
// no flags for seccomp(2). The caller owns the bytes.
//
// The filter lets through what a launcher calls after installing it: execve,
// write, close, exit_group and prctl. It must be the last to be installed,
// since it refuses mount and, without Nested, every way into a namespace.
func Default(o Options) []byte {
	return []byte(defaultFilters[o.index()])
}

// Broker returns the filter for programs of ours that carry bytes between sockets, such as
// snug-broker: an allow-list, written down in internal/broker. The caller owns the bytes.
func Broker() []byte { return []byte(brokerFilter) }

// System returns the filter for a whole system that boots as fake root: a deny-list, written down in
// internal/system. Single is for a user namespace of one id, where it also pretends that owners and ids
// change. The caller owns the bytes.
func System(single bool) []byte {
	if single {
		return []byte(singleFilter)
	}
	return []byte(systemFilter)
}
