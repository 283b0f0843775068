package seccomp_test

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// The values of linux/audit.h.
const (
	auditX8664   = 0xc000003e
	auditI386    = 0x40000003
	auditAArch64 = 0xc00000b7
	auditARM     = 0x40000028
)

// entryPoint is one way into the kernel, with the numbers of a few calls,
// copied by hand from the kernel's tables.
type entryPoint struct {
	name    specs.Arch
	arch    seccomp.Arch
	audit   uint32
	native  bool
	narrow  bool
	numbers map[string][]uint32
}

func entryPoints() []entryPoint {
	return []entryPoint{
		{specs.ArchX86_64, seccomp.AMD64, auditX8664, true, false, map[string][]uint32{
			"read": {0}, "write": {1}, "open": {2}, "ioctl": {16}, "clone": {56}, "personality": {135}, "clone3": {435}}},
		{specs.ArchX32, seccomp.AMD64, auditX8664, false, false, map[string][]uint32{
			"read": {0x40000000}, "write": {0x40000001}, "open": {0x40000002}, "ioctl": {0x40000010, 0x40000202},
			"clone": {0x40000038}, "personality": {0x40000087}, "clone3": {0x400001b3}}},
		{specs.ArchX86, seccomp.AMD64, auditI386, false, true, map[string][]uint32{
			"read": {3}, "write": {4}, "open": {5}, "ioctl": {54}, "clone": {120}, "personality": {136}, "clone3": {435}}},
		{specs.ArchAARCH64, seccomp.ARM64, auditAArch64, true, false, map[string][]uint32{
			"read": {63}, "write": {64}, "ioctl": {29}, "clone": {220}, "personality": {92}, "clone3": {435}}},
		{specs.ArchARM, seccomp.ARM64, auditARM, false, true, map[string][]uint32{
			"read": {3}, "write": {4}, "open": {5}, "ioctl": {54}, "clone": {120}, "personality": {136}, "clone3": {435}}},
	}
}

// oracle evaluates a profile directly, call by call, without building anything:
// a second opinion on what Compile made of it.
func oracle(p *specs.LinuxSeccomp, e entryPoint, name string, args [6]uint64) seccomp.Action {
	otherwise := oracleAction(p.DefaultAction, p.DefaultErrnoRet)
	if !e.native && !slices.Contains(p.Architectures, e.name) {
		switch p.DefaultAction {
		case specs.ActAllow, specs.ActLog, specs.ActTrace:
			return seccomp.KillProcess
		}
		return otherwise
	}
	for _, entry := range p.Syscalls {
		if slices.Contains(entry.Names, name) && len(e.numbers[name]) > 0 && oracleMatches(entry.Args, e.narrow, args) {
			return oracleAction(entry.Action, entry.ErrnoRet)
		}
	}
	return otherwise
}

func oracleMatches(conditions []specs.LinuxSeccompArg, narrow bool, args [6]uint64) bool {
	var hits, repeats int
	seen := map[uint]bool{}
	for _, c := range conditions {
		if oracleHolds(c, narrow, args[c.Index]) {
			hits++
		}
		if seen[c.Index] {
			repeats++
		}
		seen[c.Index] = true
	}
	if repeats > 0 {
		return hits > 0
	}
	return hits == len(conditions)
}

func oracleHolds(c specs.LinuxSeccompArg, narrow bool, arg uint64) bool {
	same := func(a, b uint64) bool {
		if narrow {
			return uint32(a) == uint32(b)
		}
		return a == b
	}
	switch c.Op {
	case specs.OpEqualTo:
		return same(arg, c.Value)
	case specs.OpNotEqual:
		return !same(arg, c.Value)
	case specs.OpLessThan:
		return arg < c.Value
	case specs.OpLessEqual:
		return arg <= c.Value
	case specs.OpGreaterThan:
		return arg > c.Value
	case specs.OpGreaterEqual:
		return arg >= c.Value
	}
	return same(arg&c.Value, c.ValueTwo&c.Value)
}

func oracleAction(name specs.LinuxSeccompAction, errno *uint) seccomp.Action {
	data := seccomp.Action(1)
	if errno != nil {
		data = seccomp.Action(*errno)
	}
	switch name {
	case specs.ActErrno:
		return seccomp.Errno | data
	case specs.ActTrace:
		return seccomp.Trace | data
	case specs.ActKill, specs.ActKillThread:
		return seccomp.KillThread
	case specs.ActKillProcess:
		return seccomp.KillProcess
	case specs.ActTrap:
		return seccomp.Trap
	case specs.ActLog:
		return seccomp.Log
	case specs.ActNotify:
		return seccomp.Notify
	}
	return seccomp.Allow
}
