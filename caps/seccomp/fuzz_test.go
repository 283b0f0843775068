package seccomp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"snug/caps/seccomp"
)

// dice deals out decisions from the fuzzer's bytes, zeros when they run out.
type dice []byte

func (d *dice) roll(sides int) int {
	if len(*d) == 0 {
		return 0
	}
	n := int((*d)[0])
	*d = (*d)[1:]
	return n % sides
}

// value favours the borders at which 32-bit halves meet.
func (d *dice) value() uint64 {
	borders := [...]uint64{0, 1, 2, 0x5412, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 + 1, 1<<32 | 0x5412, 1 << 63, ^uint64(0)}
	if n := d.roll(len(borders) + 1); n < len(borders) {
		return borders[n]
	}
	var b [8]byte
	for i := range b {
		b[i] = byte(d.roll(256))
	}
	return binary.LittleEndian.Uint64(b[:])
}

func (d *dice) action() (specs.LinuxSeccompAction, *uint) {
	all := [...]specs.LinuxSeccompAction{specs.ActErrno, specs.ActAllow, specs.ActKill, specs.ActKillProcess,
		specs.ActKillThread, specs.ActTrap, specs.ActTrace, specs.ActLog}
	action := all[d.roll(len(all))]
	if (action == specs.ActErrno || action == specs.ActTrace) && d.roll(2) == 1 {
		n := uint(d.roll(256))
		return action, &n
	}
	return action, nil
}

func names() []string {
	return []string{"read", "write", "open", "ioctl", "clone", "personality", "clone3", "no_such_call"}
}

func (d *dice) profile() *specs.LinuxSeccomp {
	operators := [...]specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
		specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual}
	p := &specs.LinuxSeccomp{}
	p.DefaultAction, p.DefaultErrnoRet = d.action()
	for _, arch := range []specs.Arch{specs.ArchX32, specs.ArchX86, specs.ArchARM, specs.ArchRISCV64} {
		if d.roll(2) == 1 {
			p.Architectures = append(p.Architectures, arch)
		}
	}
	for range d.roll(8) {
		var entry specs.LinuxSyscall
		for range 1 + d.roll(3) {
			entry.Names = append(entry.Names, names()[d.roll(len(names()))])
		}
		entry.Action, entry.ErrnoRet = d.action()
		for range d.roll(4) {
			entry.Args = append(entry.Args, specs.LinuxSeccompArg{
				Index: uint(d.roll(6)), Op: operators[d.roll(len(operators))], Value: d.value(), ValueTwo: d.value()})
		}
		p.Syscalls = append(p.Syscalls, entry)
	}
	return p
}

// FuzzCompile compares a compiled filter with the oracle, on every ABI, for
// every call of the table, with arguments from the profile and others.
func FuzzCompile(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 1, 38, 1, 1, 1, 0, 7, 0, 3, 1, 1, 1, 6, 6, 3, 3})
	f.Add([]byte("\x01\x01\x01\x01\x01\x07\x02\x03\x04\x05\x00\x01\x09\x03\x02\x04\x08\x0b\x01\x02\x06\x07"))
	f.Fuzz(func(t *testing.T, seed []byte) {
		d := dice(seed)
		p := d.profile()
		probes := [][6]uint64{{}, {d.value(), d.value(), d.value(), d.value(), d.value(), d.value()}}
		for _, entry := range p.Syscalls {
			for i, c := range entry.Args {
				probes = append(probes, probe(c.Value, i), probe(c.Value+1, i), probe(c.Value-1, i), probe(c.ValueTwo, i))
			}
		}
		filters := map[seccomp.Arch]seccomp.Filter{}
		for _, e := range entryPoints() {
			filter, compiled := filters[e.arch]
			if !compiled {
				var err error
				if filter, _, err = seccomp.Compile(p, e.arch); err != nil {
					return // two actions for the same conditions: see TestCompileRefuses
				}
				filters[e.arch] = filter
			}
			compare(t, p, e, filter, probes)
		}
	})
}

// probe is a set of arguments that are all the same but for one.
func probe(v uint64, odd int) [6]uint64 {
	args := [6]uint64{v, v, v, v, v, v}
	args[odd] ^= 1 << 40
	if odd%2 == 0 {
		args[odd] = v
	}
	return args
}

func compare(t *testing.T, p *specs.LinuxSeccomp, e entryPoint, filter seccomp.Filter, probes [][6]uint64) {
	t.Helper()
	for _, name := range names() {
		for _, nr := range append(e.numbers[name], 0x3fff) {
			asked := name
			if nr == 0x3fff {
				asked = "no_such_call"
			}
			for _, args := range probes {
				if e.narrow {
					for i := range args {
						args[i] = uint64(uint32(args[i]))
					}
				}
				got, err := filter.Run(seccomp.Data{Nr: nr, Arch: e.audit, Args: args})
				if err != nil {
					t.Fatal(err)
				}
				want := oracle(p, e, asked, args)
				if nr == 0x3fff && e.name == specs.ArchX32 {
					want = oracle(p, entryPoints()[0], asked, args)
				}
				if got != want {
					t.Fatalf("%s %s(%#x): got %v, want %v\n%s", e.name, asked, args, got, want, cmp.Diff(nil, p))
				}
			}
		}
	}
}

// FuzzRun feeds arbitrary programs: whatever Validate accepts must run to an
// end, and bytes survive being read and written.
func FuzzRun(f *testing.F) {
	f.Add([]byte{0x06, 0, 0, 0, 0, 0, 0xff, 0x7f}, []byte{1, 2, 3})
	f.Add(seccomp.Default(seccomp.Options{})[:64], []byte{})
	f.Add([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0, 0, 0, 0, 0, 0, 0, 0x16, 0, 0, 0, 0, 0, 0, 0}, []byte{7})
	f.Fuzz(func(t *testing.T, program, call []byte) {
		filter, err := seccomp.Parse(program)
		if err != nil {
			return
		}
		if diff := cmp.Diff(program, filter.Bytes()); diff != "" {
			t.Fatalf("bytes changed (-read +written):\n%s", diff)
		}
		valid := filter.Validate()
		d := dice(call)
		data := seccomp.Data{Nr: uint32(d.value()), Arch: uint32(d.value()), IP: d.value()}
		for i := range data.Args {
			data.Args[i] = d.value()
		}
		if _, err := filter.Run(data); (err == nil) != (valid == nil) {
			t.Fatalf("validate says %v, run says %v", valid, err)
		}
	})
}

// TestCompileAgainstOracle is the fuzz target on a fixed run of random
// profiles, for machines and times without a fuzzer.
func TestCompileAgainstOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	compiled := 0
	for range 400 {
		seed := make(dice, 120)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		p := seed.profile()
		var probes [][6]uint64
		for _, entry := range p.Syscalls {
			for i, c := range entry.Args {
				probes = append(probes, probe(c.Value, i), probe(c.Value+1, i), probe(c.Value-1, i), probe(c.ValueTwo, i))
			}
		}
		for _, e := range entryPoints() {
			filter, _, err := seccomp.Compile(p, e.arch)
			if err != nil {
				continue
			}
			compiled++
			compare(t, p, e, filter, append(probes, [6]uint64{}))
		}
	}
	if compiled < 1000 {
		t.Errorf("only %d profiles compiled, the test has lost its force", compiled)
	}
}
