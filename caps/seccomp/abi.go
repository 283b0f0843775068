package seccomp

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Arch is a machine that a filter can be compiled for, whatever machine the
// compiler runs on.
type Arch uint8

// The machines.
const (
	// AMD64 is x86-64, with the ABIs x86-64, x32 and i386.
	AMD64 Arch = iota + 1
	// ARM64 is AArch64, little endian, with the ABIs AArch64 and 32-bit ARM EABI.
	ARM64
)

// x32Bit marks the numbers of the x32 ABI, __X32_SYSCALL_BIT of asm/unistd.h.
// x32 calls carry AUDIT_ARCH_X86_64, only this bit tells them apart.
const x32Bit = 0x40000000

// skipped is the number that a tracer leaves to have a call skipped, -1. It has
// x32Bit and yet is no x32 call.
const skipped = 0xffffffff

// The AUDIT_ARCH_ values of linux/audit.h that seccomp_data.arch can hold here.
const (
	auditX8664   = 0xc000003e
	auditI386    = 0x40000003
	auditAArch64 = 0xc00000b7
	auditARM     = 0x40000028
)

// number is a line of a system call table.
type number struct {
	name string
	nr   uint32
}

// abi is one way to enter the kernel: a table of numbers under one audit value.
type abi struct {
	name  specs.Arch
	audit uint32
	table []number
	// narrow says that arguments are 32 bits wide and arrive with a zero upper half.
	narrow bool
}

// abis returns the ABIs of a machine, the native one first, or nil for an
// unknown machine.
func (a Arch) abis() []abi {
	switch a {
	case AMD64:
		return []abi{
			{name: specs.ArchX86_64, audit: auditX8664, table: numbersX8664[:]},
			{name: specs.ArchX32, audit: auditX8664, table: numbersX8664[:]},
			{name: specs.ArchX86, audit: auditI386, table: numbersI386[:], narrow: true},
		}
	case ARM64:
		return []abi{
			{name: specs.ArchAARCH64, audit: auditAArch64, table: numbersAArch64[:]},
			{name: specs.ArchARM, audit: auditARM, table: numbersARM[:], narrow: true},
		}
	}
	return nil
}

// numbers returns the numbers under which the ABI knows a name: none, one, or
// for the 36 calls that x32 has twice, both. Kernels before 5.4 also answered
// the 64-bit number with x32Bit set, so a rule must cover both.
func (a abi) numbers(name string) []uint32 {
	n, ok := lookup(a.table, name)
	if a.name != specs.ArchX32 {
		if !ok {
			return nil
		}
		return []uint32{n}
	}
	var all []uint32
	if ok {
		all = append(all, x32Bit|n)
	}
	if own, ok := lookup(numbersX32[:], name); ok {
		all = append(all, x32Bit|own)
	}
	return all
}

// lookup finds a name in a table sorted by name.
func lookup(table []number, name string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(table, name, func(n number, name string) int {
		return strings.Compare(n.name, name)
	})
	if !ok {
		return 0, false
	}
	return table[i].nr, true
}

// numbersX32 holds the calls that have a number of their own under x32
// (arch/x86/entry/syscalls/syscall_64.tbl, 512 to 547; the list is closed).
// It is sorted by name.
var numbersX32 = [...]number{
	{"execve", 520}, {"execveat", 545}, {"get_robust_list", 531},
	{"getsockopt", 542}, {"io_setup", 543}, {"io_submit", 544}, {"ioctl", 514},
	{"kexec_load", 528}, {"move_pages", 533}, {"mq_notify", 527},
	{"preadv", 534}, {"preadv2", 546}, {"process_vm_readv", 539},
	{"process_vm_writev", 540}, {"ptrace", 521}, {"pwritev", 535},
	{"pwritev2", 547}, {"readv", 515}, {"recvfrom", 517}, {"recvmmsg", 537},
	{"recvmsg", 519}, {"rt_sigaction", 512}, {"rt_sigpending", 522},
	{"rt_sigqueueinfo", 524}, {"rt_sigreturn", 513}, {"rt_sigtimedwait", 523},
	{"rt_tgsigqueueinfo", 536}, {"sendmmsg", 538}, {"sendmsg", 518},
	{"set_robust_list", 530}, {"setsockopt", 541}, {"sigaltstack", 525},
	{"timer_create", 526}, {"vmsplice", 532}, {"waitid", 529}, {"writev", 516},
}

// muxed says that an i386 call is also reached through a multiplexer, as the
// given sub-call in the low bits of its first argument.
type muxed struct {
	through string
	call    uint64
	mask    uint64
}

// multiplexer finds the i386 multiplexer of a name: socketcall(2) with the
// numbers of linux/net.h, or ipc(2) with those of linux/ipc.h, whose upper 16
// bits hold a version. The second result is false when there is none.
func multiplexer(name string) (muxed, bool) {
	sockets := [...]string{1: "socket", "bind", "connect", "listen", "accept",
		"getsockname", "getpeername", "socketpair", "send", "recv", "sendto",
		"recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg",
		"accept4", "recvmmsg", "sendmmsg"}
	objects := [...]string{1: "semop", "semget", "semctl", "semtimedop",
		11: "msgsnd", "msgrcv", "msgget", "msgctl",
		21: "shmat", "shmdt", "shmget", "shmctl"}
	if name == "" {
		return muxed{}, false
	}
	if n := slices.Index(sockets[:], name); n > 0 {
		return muxed{"socketcall", uint64(n), 0xffffffff}, true
	}
	if n := slices.Index(objects[:], name); n > 0 {
		return muxed{"ipc", uint64(n), 0xffff}, true
	}
	return muxed{}, false
}
