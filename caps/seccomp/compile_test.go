package seccomp_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

func number(n uint) *uint { return &n }

// rule is an entry for one call.
func rule(name string, action specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
}

func arg(index uint, op specs.LinuxSeccompOperator, value uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: index, Op: op, Value: value}
}

// denying is a profile that refuses with EPERM what its entries do not allow.
func denying(entries ...specs.LinuxSyscall) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: entries}
}

// allowing is a profile that allows what its entries do not refuse.
func allowing(entries ...specs.LinuxSyscall) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: entries}
}

func on(p *specs.LinuxSeccomp, archs ...specs.Arch) *specs.LinuxSeccomp {
	p.Architectures = archs
	return p
}

const eperm = seccomp.Errno | 1

// TestCompile asks for single answers, each of which a plausible mistake gets wrong.
func TestCompile(t *testing.T) {
	const getpid, ioctl, socket = 39, 16, 41
	socketOnce := denying(rule("socket", specs.ActAllow, arg(0, specs.OpEqualTo, 2)))
	ordered := allowing(rule("getpid", specs.ActErrno, arg(0, specs.OpEqualTo, 7)), rule("getpid", specs.ActTrap))
	tests := []struct {
		name    string
		profile *specs.LinuxSeccomp
		data    seccomp.Data
		want    seccomp.Action
	}{
		{"default errno is EPERM", denying(), seccomp.Data{Nr: getpid, Arch: auditX8664}, eperm},
		{"default errno given", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(38)},
			seccomp.Data{Nr: getpid, Arch: auditX8664}, seccomp.Errno | 38},
		{"zero errno", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(0)},
			seccomp.Data{Nr: getpid, Arch: auditX8664}, seccomp.Errno},
		{"trace data", allowing(specs.LinuxSyscall{Names: []string{"getpid"}, Action: specs.ActTrace, ErrnoRet: number(65535)}),
			seccomp.Data{Nr: getpid, Arch: auditX8664}, seccomp.Trace | 65535},
		{"notify", allowing(rule("getpid", specs.ActNotify)), seccomp.Data{Nr: getpid, Arch: auditX8664}, seccomp.Notify},
		{"neighbour below", allowing(rule("getpid", specs.ActTrap)), seccomp.Data{Nr: getpid - 1, Arch: auditX8664}, seccomp.Allow},
		{"neighbour above", allowing(rule("getpid", specs.ActTrap)), seccomp.Data{Nr: getpid + 1, Arch: auditX8664}, seccomp.Allow},
		{"first match", ordered, seccomp.Data{Nr: getpid, Arch: auditX8664, Args: [6]uint64{7}}, eperm},
		{"second match", ordered, seccomp.Data{Nr: getpid, Arch: auditX8664, Args: [6]uint64{8}}, seccomp.Trap},
		{"upper half counts", socketOnce, seccomp.Data{Nr: socket, Arch: auditX8664, Args: [6]uint64{1<<32 | 2}}, eperm},
		{"foreign ABI gets a refusing default", denying(rule("getpid", specs.ActAllow)), seccomp.Data{Nr: 20, Arch: auditI386}, eperm},
		{"foreign ABI is killed under an allowing default", allowing(), seccomp.Data{Nr: 20, Arch: auditI386}, seccomp.KillProcess},
		{"unheard-of audit value", allowing(), seccomp.Data{Nr: getpid, Arch: 0x1234}, seccomp.KillProcess},
		{"x32 is killed under an allowing default", allowing(), seccomp.Data{Nr: 0x40000000 | getpid, Arch: auditX8664}, seccomp.KillProcess},
		{"last x32 number", allowing(), seccomp.Data{Nr: 0xfffffffe, Arch: auditX8664}, seccomp.KillProcess},
		{"skipped by a tracer", allowing(), seccomp.Data{Nr: 0xffffffff, Arch: auditX8664}, seccomp.Allow},
		{"x32 listed", on(allowing(rule("ioctl", specs.ActTrap)), specs.ArchX32),
			seccomp.Data{Nr: 0x40000000 | 514, Arch: auditX8664}, seccomp.Trap},
		{"x32 by the 64-bit number", on(allowing(rule("ioctl", specs.ActTrap)), specs.ArchX32),
			seccomp.Data{Nr: 0x40000000 | ioctl, Arch: auditX8664}, seccomp.Trap},
		{"x32 number without its bit", on(denying(rule("ioctl", specs.ActAllow)), specs.ArchX32),
			seccomp.Data{Nr: 514, Arch: auditX8664}, eperm},
		{"native ABI need not be listed", on(denying(rule("getpid", specs.ActAllow)), specs.ArchX86),
			seccomp.Data{Nr: getpid, Arch: auditX8664}, seccomp.Allow},
		{"i386 listed", on(denying(rule("getpid", specs.ActAllow)), specs.ArchX86),
			seccomp.Data{Nr: 20, Arch: auditI386}, seccomp.Allow},
		{"i386 does not take the 64-bit number", on(denying(rule("getpid", specs.ActAllow)), specs.ArchX86),
			seccomp.Data{Nr: getpid, Arch: auditI386}, eperm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, report, err := seccomp.Compile(tt.profile, seccomp.AMD64)
			if err != nil {
				t.Fatal(err)
			}
			if err := report.Err(); err != nil {
				t.Error(err)
			}
			got, err := f.Run(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestMultiplexers: i386 programs reach sockets and System V IPC by one call
// each, whose arguments a filter cannot see.
func TestMultiplexers(t *testing.T) {
	const socketcall, ipc = 102, 117
	tests := []struct {
		name    string
		profile *specs.LinuxSeccomp
		nr      uint32
		call    uint64
		want    seccomp.Action
	}{
		{"allowed with the direct call", denying(rule("connect", specs.ActAllow)), socketcall, 3, seccomp.Allow},
		{"another stays refused", denying(rule("connect", specs.ActAllow)), socketcall, 2, eperm},
		{"accept exists only there", denying(rule("accept", specs.ActAllow)), socketcall, 5, seccomp.Allow},
		{"refused with the direct call", allowing(rule("socket", specs.ActErrno)), socketcall, 1, eperm},
		{"conditional allowance does not extend", denying(rule("socket", specs.ActAllow, arg(0, specs.OpEqualTo, 1))), socketcall, 1, eperm},
		{"conditional refusal extends", allowing(rule("socket", specs.ActErrno, arg(0, specs.OpEqualTo, 38))), socketcall, 1, eperm},
		{"named itself first", allowing(rule("socketcall", specs.ActAllow), rule("socket", specs.ActErrno)), socketcall, 1, seccomp.Allow},
		{"ipc", denying(rule("shmat", specs.ActAllow)), ipc, 21, seccomp.Allow},
		{"ipc with a version", denying(rule("shmat", specs.ActAllow)), ipc, 1<<16 | 21, seccomp.Allow},
		{"ipc of another kind", denying(rule("shmat", specs.ActAllow)), ipc, 22, eperm},
		{"semop exists only there", denying(rule("semop", specs.ActAllow)), ipc, 1, seccomp.Allow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _, err := seccomp.Compile(on(tt.profile, specs.ArchX86), seccomp.AMD64)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Run(seccomp.Data{Nr: tt.nr, Arch: auditI386, Args: [6]uint64{tt.call}})
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	conditional := func(action specs.LinuxSeccompAction) specs.LinuxSyscall {
		return rule("mkdir", action, arg(1, specs.OpEqualTo, 0o700))
	}
	tests := []struct {
		name    string
		profile *specs.LinuxSeccomp
		want    string
	}{
		{"no profile", nil, "seccomp profile: none given"},
		{"no default", &specs.LinuxSeccomp{}, `seccomp default: action "": unknown`},
		{"errnoRet of allow", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, DefaultErrnoRet: number(1)},
			`seccomp default: action "SCMP_ACT_ALLOW": takes no errnoRet`},
		{"errno too large", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(4096)},
			"seccomp default: errnoRet 4096: larger than 4095"},
		{"notify by default", &specs.LinuxSeccomp{DefaultAction: specs.ActNotify},
			`seccomp default: action "SCMP_ACT_NOTIFY" would stop the launcher itself`},
		{"notify for write", allowing(rule("write", specs.ActNotify)),
			`seccomp entry 0: system call "write": action "SCMP_ACT_NOTIFY" would stop the launcher itself`},
		{"unknown action", allowing(rule("getpid", "SCMP_ACT_WISH")), `seccomp entry 0: action "SCMP_ACT_WISH": unknown`},
		{"unknown operator", allowing(rule("getpid", specs.ActTrap, arg(0, "SCMP_CMP_LIKE", 1))),
			`seccomp entry 0: operator "SCMP_CMP_LIKE": unknown`},
		{"seventh argument", allowing(rule("getpid", specs.ActTrap, arg(6, specs.OpEqualTo, 1))),
			"seccomp entry 0: argument 6: a system call has arguments 0 to 5"},
		{"no names", allowing(specs.LinuxSyscall{Action: specs.ActTrap}), "seccomp entry 0: no names"},
		{"unknown architecture", on(allowing(), "SCMP_ARCH_VAX"), `architecture "SCMP_ARCH_VAX": unknown`},
		{"unknown flag", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_X"}},
			`seccomp flag "SECCOMP_FILTER_FLAG_X": unknown`},
		{"two actions for the same conditions", allowing(conditional(specs.ActErrno), conditional(specs.ActTrap)),
			`seccomp entry 1: system call "mkdir": the same conditions lead to errno(1) and to trap`},
		{"too long", allowing(many(2000)...), "seccomp profile: compiles to more than the 4096 instructions the kernel takes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _, err := seccomp.Compile(tt.profile, seccomp.AMD64)
			if err == nil {
				t.Fatalf("compiled to %d instructions", len(f))
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
	if _, _, err := seccomp.Compile(allowing(), 0); err == nil || err.Error() != "architecture 0: not supported" {
		t.Errorf("architecture 0: got %v", err)
	}
}

// many returns rules for ioctl that are all different.
func many(n int) []specs.LinuxSyscall {
	var entries []specs.LinuxSyscall
	for i := range n {
		entries = append(entries, rule("ioctl", specs.ActErrno, arg(1, specs.OpEqualTo, uint64(i)<<1)))
	}
	return entries
}

// TestLongJumps makes a decision longer than a conditional jump can pass over.
func TestLongJumps(t *testing.T) {
	const ioctl, read = 16, 0
	entries := append(many(600), rule("read", specs.ActTrap), rule("getpid", specs.ActLog, arg(5, specs.OpGreaterThan, 1<<40)))
	f, _, err := seccomp.Compile(allowing(entries...), seccomp.AMD64)
	if err != nil {
		t.Fatal(err)
	}
	if len(f) < 2000 {
		t.Fatalf("only %d instructions", len(f))
	}
	for i := range uint64(1300) {
		want := seccomp.Allow
		if i%2 == 0 && i < 1200 {
			want = eperm
		}
		if got, err := f.Run(seccomp.Data{Nr: ioctl, Arch: auditX8664, Args: [6]uint64{0, i}}); got != want || err != nil {
			t.Fatalf("ioctl %d: got %v, %v, want %v", i, got, err, want)
		}
	}
	if got, _ := f.Run(seccomp.Data{Nr: read, Arch: auditX8664}); got != seccomp.Trap {
		t.Errorf("read: got %v", got)
	}
	if got, _ := f.Run(seccomp.Data{Nr: 39, Arch: auditX8664, Args: [6]uint64{5: 1<<40 + 1}}); got != seccomp.Log {
		t.Errorf("getpid: got %v", got)
	}
}

func TestReport(t *testing.T) {
	tests := []struct {
		name    string
		profile *specs.LinuxSeccomp
		want    seccomp.Report
		strict  string
	}{
		{"nothing", allowing(), seccomp.Report{}, ""},
		{"flags", &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{
			specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagWaitKillableRecv,
			"SECCOMP_FILTER_FLAG_TSYNC"}}, seccomp.Report{Flags: 0x26}, ""},
		{"notify", allowing(rule("getpid", specs.ActNotify)), seccomp.Report{Notify: true}, ""},
		{"notify for an unknown call", allowing(rule("nonesuch", specs.ActNotify)),
			seccomp.Report{Unknown: []string{"nonesuch"}}, `system calls "nonesuch": unknown on this machine`},
		{"unknown once", allowing(rule("b", specs.ActTrap), rule("a", specs.ActTrap), rule("b", specs.ActTrap)),
			seccomp.Report{Unknown: []string{"b", "a"}}, `system calls "b,a": unknown on this machine`},
		{"known to i386 only", on(allowing(rule("waitpid", specs.ActTrap), rule("send", specs.ActTrap)), specs.ArchX86),
			seccomp.Report{}, ""},
		{"shadowed", allowing(rule("getpid", specs.ActTrap), rule("getpid", specs.ActErrno, arg(0, specs.OpEqualTo, 1))),
			seccomp.Report{Shadowed: []string{"getpid"}}, `system calls "getpid": an earlier rule has decided already`},
		{"said twice", allowing(rule("getpid", specs.ActTrap), rule("getpid", specs.ActTrap)), seccomp.Report{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := seccomp.Compile(tt.profile, seccomp.AMD64)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			strict := ""
			if err := got.Err(); err != nil {
				strict = err.Error()
			}
			if strict != tt.strict {
				t.Errorf("strict: got %q, want %q", strict, tt.strict)
			}
		})
	}
}

// TestDepth bounds how many instructions a call costs: the search is balanced.
func TestDepth(t *testing.T) {
	var entries []specs.LinuxSyscall
	for _, name := range strings.Fields("read open fstat lseek mprotect brk ioctl readv pipe sched_yield mincore shmget dup pause") {
		entries = append(entries, rule(name, specs.ActTrap))
	}
	f, _, err := seccomp.Compile(allowing(entries...), seccomp.AMD64)
	if err != nil {
		t.Fatal(err)
	}
	// 29 runs of numbers are 5 comparisons, with 2 loads, 1 audit value, 1 return.
	if deepest := depth(f, 0); deepest > 5+4 {
		t.Errorf("the longest path has %d instructions", deepest)
	}
}

// depth is the length of the longest path from an instruction.
func depth(f seccomp.Filter, pc int) int {
	switch in := f[pc]; in.Code & 7 {
	case 6:
		return 1
	case 5:
		if in.Code == 5 {
			return 1 + depth(f, pc+1+int(in.K))
		}
		return 1 + max(depth(f, pc+1+int(in.Jt)), depth(f, pc+1+int(in.Jf)))
	}
	return 1 + depth(f, pc+1)
}

func TestActionString(t *testing.T) {
	tests := []struct {
		action seccomp.Action
		want   string
	}{
		{seccomp.KillProcess, "kill-process"}, {seccomp.KillThread, "kill-thread"}, {seccomp.Trap, "trap"},
		{seccomp.Errno | 38, "errno(38)"}, {seccomp.Notify, "notify"}, {seccomp.Trace | 2, "trace(2)"},
		{seccomp.Log, "log"}, {seccomp.Allow, "allow"}, {0x12340000, "kill-process"},
	}
	for i, tt := range tests {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			if got := tt.action.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
