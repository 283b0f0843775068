// Package seccomp turns system call rules into programs for the kernel's
// seccomp filter, and holds the filter that every desktop app gets.
//
// The one default call is Default: it returns the bytes of the default filter
// for this machine, compiled when snug was built. Compile does the same for a
// profile of the OCI runtime-spec, Filter.Run answers what a program would
// answer, and Filter.Validate whether a kernel would take it. Nothing here
// makes a system call: the launcher hands the bytes to seccomp(2) as its last
// step before execve.
//
// # What a profile means
//
//   - The entries of one system call are tried in the order written, the first
//     whose conditions all hold decides, then the default action. libseccomp,
//     and so runc and crun, lets an entry without conditions win wherever it
//     stands; we agree wherever the order cannot matter, and otherwise do what
//     is written. Entries with the same conditions and two actions are an error,
//     as in libseccomp; an entry after one without conditions is reported.
//   - All conditions of an entry must hold. When two of them look at the same
//     argument, each stands alone instead, as in runc and crun.
//   - Arguments are compared in all 64 bits of the register. On i386 and 32-bit
//     ARM the registers have 32: there, equality looks at the low half of the
//     value only. Where the kernel reads an int, a rule must mask it:
//     CVE-2019-10063 is a filter that did not.
//   - The native ABI is always covered. An ABI that Architectures does not list
//     gets the default action, or is killed with its process if that would let
//     calls through. x32 is an ABI of its own, although it shares its audit
//     value with x86-64. Number -1, a call that a tracer skips, gets the
//     default action.
//   - A rule for a call that i386 also reaches through socketcall(2) or ipc(2)
//     extends to these. Their arguments lie in memory: a conditional rule that
//     lets a call through therefore does not let it through there, and one that
//     stops it does so whatever the arguments.
//   - errnoRet is EPERM when absent, for SCMP_ACT_TRACE too, as in runc.
//
// # What it does not do
//
// It installs nothing, talks to no listener, and cannot look behind a pointer:
// paths, the flags of clone3, the address in connect are out of reach, which is
// why some calls are refused whole.
//
// # Attackers
//
// A hostile profile can make Compile fail; it cannot make it panic or grow
// beyond a small multiple of the profile. A hostile app chooses the numbers,
// the ABI and all 64 bits of each argument: the tests try these.
package seccomp

//go:generate go run ./internal/gennumbers
//go:generate go run ./internal/gendefault
