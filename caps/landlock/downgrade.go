package landlock

import (
	"cmp"
	"slices"
	"strconv"
)

// LatestABI is the newest ABI that Downgrade knows. A kernel with a newer one
// knows all of this too.
const LatestABI = 7

// The first ABI of each kind of thing to handle.
const (
	abiFS       = 1
	abiRefer    = 2
	abiTruncate = 3
	abiNet      = 4
	abiIoctlDev = 5
	abiScope    = 6
	abiLog      = 7
)

// Loss says what a Lost thing was good for.
type Loss uint8

// The kinds of loss, the gravest first.
const (
	// Protection is a denial that cannot be had: the sandbox would be weaker.
	Protection Loss = iota
	// Grant is a permission that cannot be given: the app may fail.
	Grant
	// Logging concerns audit records only.
	Logging
)

// Lost is something that a kernel of an older ABI cannot do.
type Lost struct {
	// Kind says who suffers: refuse at least when it is Protection.
	Kind Loss
	// What holds the kernel's names, such as "truncate".
	What string
	// ABI is the first that has it.
	ABI int
}

// String says what is lost and which kernel would have it.
func (l Lost) String() string {
	end := " cannot be denied"
	switch l.Kind {
	case Grant:
		end = " cannot be granted"
	case Logging:
		end = " cannot be set"
	}
	return l.What + end + ", that takes ABI " + strconv.Itoa(l.ABI) + " (Linux " + kernelOf(l.ABI) + ")"
}

// kernelOf returns the first kernel with an ABI.
func kernelOf(abi int) string {
	versions := [...]string{"5.13", "5.19", "6.2", "6.7", "6.10", "6.12", "6.15"}
	if abi < 1 || abi > len(versions) {
		return "unknown"
	}
	return versions[abi-1]
}

// Downgrade returns the part of a Ruleset that a kernel of an ABI can enforce,
// and what is lost, in the order of the ABIs. An abi of 0 or less is a kernel
// without Landlock. r is not changed; rules that come to grant nothing are left
// out.
//
// Refer is special: kernels of ABI 1 deny it whenever they handle any other
// right to files, so there a denial of it is not lost but every grant is.
func Downgrade(r Ruleset, abi int) (Ruleset, []Lost) {
	var lost []Lost
	lose := func(kind Loss, what string, first int) {
		lost = append(lost, Lost{kind, what, first})
	}
	fs := handledFS(abi)
	for _, group := range [...]struct {
		right AccessFS
		first int
	}{{1<<13 - 1, abiFS}, {Refer, abiRefer}, {Truncate, abiTruncate}, {IoctlDev, abiIoctlDev}} {
		gone := r.FS & group.right &^ fs
		switch {
		case gone == 0:
		case gone == Refer && r.FS&fs != 0:
			if grantsRefer(r.Paths) {
				lose(Grant, gone.String(), group.first)
			}
		default:
			lose(Protection, gone.String(), group.first)
		}
	}
	if r.Net != 0 && abi < abiNet {
		lose(Protection, r.Net.String(), abiNet)
	}
	if r.Scoped != 0 && abi < abiScope {
		lose(Protection, r.Scoped.String(), abiScope)
	}
	if r.Log != 0 && abi < abiLog {
		lose(Logging, r.Log.String(), abiLog)
	}
	slices.SortStableFunc(lost, func(a, b Lost) int { return cmp.Compare(a.ABI, b.ABI) })
	return r.cut(fs, abi), lost
}

// handledFS returns the rights to files that kernels of an ABI know. Bits that
// nobody knows are left in, for Validate to refuse: cut away, they would be a
// protection lost in silence.
func handledFS(abi int) AccessFS {
	fs := ^AccessFS(1<<countFS - 1)
	if abi >= abiFS {
		fs |= 1<<13 - 1
	}
	if abi >= abiRefer {
		fs |= Refer
	}
	if abi >= abiTruncate {
		fs |= Truncate
	}
	if abi >= abiIoctlDev {
		fs |= IoctlDev
	}
	return fs
}

// cut returns r without what an ABI does not know.
func (r Ruleset) cut(fs AccessFS, abi int) Ruleset {
	smaller := Ruleset{FS: r.FS & fs}
	for _, p := range r.Paths {
		if left := p.Allowed & fs; left != 0 || p.Allowed == 0 {
			smaller.Paths = append(smaller.Paths, PathRule{p.Path, left})
		}
	}
	if abi >= abiNet {
		smaller.Net = r.Net
		smaller.Ports = append(smaller.Ports, r.Ports...)
	}
	if abi >= abiScope {
		smaller.Scoped = r.Scoped
	}
	if abi >= abiLog {
		smaller.Log = r.Log
	}
	return smaller
}

func grantsRefer(paths []PathRule) bool {
	for _, p := range paths {
		if p.Allowed&Refer != 0 {
			return true
		}
	}
	return false
}
